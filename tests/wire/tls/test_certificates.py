"""Certificates as TLS 1.2 sends them: what is read out of DER, and that nothing hostile in it gets further."""

import ipaddress
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from analyzer.model.limits import SECOND
from analyzer.wire.tls.certificates import LARGEST, NAME_LENGTH, NAMES, certificate_of

KEY, OTHER = (ec.derive_private_key(number, ec.SECP256R1()) for number in (1234567, 7654321))
BEGINS, ENDS = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)


def name(common: str | None) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example")]
    return x509.Name(attributes + ([x509.NameAttribute(NameOID.COMMON_NAME, common)] if common else []))


def made(
    subject: str | None, issuer: str | None, names: list[str] | None = None, *, keys: bool = False, ends: datetime = ENDS
) -> bytes:
    builder = x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer)).public_key(KEY.public_key())
    builder = builder.serial_number(1).not_valid_before(BEGINS).not_valid_after(ends)
    if names is not None:
        listed: list[x509.GeneralName] = [x509.DNSName(one) for one in names]
        listed += [x509.IPAddress(ipaddress.ip_address("10.0.0.1")), x509.RFC822Name("a@example.com")]
        builder = builder.add_extension(x509.SubjectAlternativeName(listed), critical=False)
    if keys:
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(KEY.public_key()), critical=False)
        builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(OTHER.public_key()), critical=False)
    return builder.sign(OTHER, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def test_names_and_times_are_read() -> None:
    found = certificate_of([made("api.example.com", "Example CA", ["api.example.com", "*.example.com"]), b"the issuer's"])
    assert found is not None
    assert (found.subject, found.issuer, found.chain) == ("api.example.com", "Example CA", 2)
    assert found.names == ("api.example.com", "*.example.com", "10.0.0.1")
    assert (found.begins, found.ends) == (int(BEGINS.timestamp()) * SECOND, int(ENDS.timestamp()) * SECOND)
    assert not found.self_signed


def test_without_common_name_the_whole_name_stands() -> None:
    found = certificate_of([made(None, "Example CA")])
    assert found is not None
    assert (found.subject, found.names) == ("O=Example", ())


@pytest.mark.parametrize(("issuer", "keys", "own"), [("a", False, True), ("a", True, False), ("b", False, False)])
def test_self_signed_is_what_names_itself_as_its_issuer(issuer: str, keys: bool, own: bool) -> None:
    found = certificate_of([made("a", issuer, keys=keys)])
    assert found is not None
    assert found.self_signed is own


def test_a_server_cannot_fill_the_report() -> None:
    found = certificate_of(
        [made("a" * 64, "b", [f"{'x' * 60}.{'y' * 60}.{'z' * 60}.{'w' * 50}.{number}" for number in range(200)])]
    )
    assert found is not None
    assert len(found.names) == NAMES
    assert all(len(one) <= NAME_LENGTH for one in found.names)


def test_a_certificate_without_end_has_the_last_time_that_can_be_written() -> None:
    found = certificate_of([made("a", "b", ends=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))])
    assert found is not None
    assert found.ends == 253_402_300_799 * SECOND


@pytest.mark.parametrize("chain", [[], [b""], [b"\x30\x82\xff\xff"], [bytes(LARGEST + 1)], [b"\x30\x80" * 1000]], ids=repr)
def test_what_is_no_certificate_is_none(chain: list[bytes]) -> None:
    assert certificate_of(chain) is None


WHOLE = made("api.example.com", "Example CA", ["api.example.com", "*.example.com"], keys=True)


@given(at=st.integers(0, len(WHOLE) - 1), byte=st.integers(0, 255), cut=st.integers(0, len(WHOLE)))
def test_damage_never_raises(at: int, byte: int, cut: int) -> None:
    damaged = WHOLE[:at] + bytes([byte]) + WHOLE[at + 1 :]
    assert certificate_of([WHOLE[:cut]]) is None or cut == len(WHOLE)
    found = certificate_of([damaged])
    assert found is None or found.chain == 1
