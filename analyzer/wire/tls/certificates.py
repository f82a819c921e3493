"""The server's own certificate, which TLS 1.2 sends in clear (RFC 5246 section 7.4.2): from DER to the names and times in it.

In: DER of the certificates as sent. Out: a `Certificate` with names cut to a bound, or None for what is no certificate. Nothing is
verified: whether a client trusts it, the client says itself.
"""

import warnings
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from analyzer.model.limits import SECOND
from analyzer.model.tls import Certificate

if TYPE_CHECKING:
    from cryptography import x509

NAME_LENGTH = 200
NAMES = 20
"""Characters kept of a name, and alternative names kept: enough for a person to read, nothing for a hostile server to fill."""
LARGEST = 64 * 1024
"""Bytes of a certificate that is looked into; those in use have two or three thousand."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST, LAST = 0, 253_402_300_799 * SECOND
"""Times that reports can write: the years 1970 to 9999."""


def certificate_of(chain: Sequence[bytes]) -> Certificate | None:
    """The first certificate of those that a server sent; None when it cannot be read."""
    if not chain or len(chain[0]) > LARGEST:
        return None
    try:
        with warnings.catch_warnings(action="ignore"):  # of slips in the encoding, which concern nobody here
            return _read(chain[0], len(chain))
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # noqa: BLE001 - for hostile DER the library raises of many kinds, a panic of its Rust part among them
        return None


def _read(der: bytes, sent: int) -> Certificate:
    """Raises whatever the library does."""
    from cryptography import x509  # noqa: PLC0415 - TLS 1.2 handshakes only

    found = x509.load_der_x509_certificate(der)
    return Certificate(
        subject=_name(found.subject),
        issuer=_name(found.issuer),
        names=tuple(_names(found)),
        begins=_nanoseconds(found.not_valid_before_utc),
        ends=_nanoseconds(found.not_valid_after_utc),
        self_signed=found.subject == found.issuer and _names_itself(found),
        chain=sent,
    )


def _name(name: "x509.Name") -> str:
    """The common name, else the whole as RFC 4514 writes it."""
    from cryptography.x509.oid import NameOID  # noqa: PLC0415

    common = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    text = common[0].value if common else name.rfc4514_string()
    return (text if isinstance(text, str) else text.decode("utf-8", "replace"))[:NAME_LENGTH]


def _names(found: "x509.Certificate") -> Iterator[str]:
    """DNS names and IP addresses; those of other kinds name no server."""
    from cryptography import x509  # noqa: PLC0415

    try:
        listed = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return
    kept = 0
    for one in listed:
        if isinstance(one, (x509.DNSName, x509.IPAddress)):
            yield str(one.value)[:NAME_LENGTH]
            kept += 1
            if kept == NAMES:
                return


def _names_itself(found: "x509.Certificate") -> bool:
    """Whether the key that signed it is not stated to be another one (RFC 5280 section 4.2.1.1)."""
    from cryptography import x509  # noqa: PLC0415

    try:
        signer = found.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
        own = found.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except x509.ExtensionNotFound:
        return True
    return signer is None or signer == own


def _nanoseconds(time: datetime) -> int:
    return min(max((time - EPOCH) // EPOCH.resolution * 1000, FIRST), LAST)
