"""Keys against published values, and records that do not authenticate."""

import ssl
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from peers import BINARY, CLIENT, LIBRARIES, Said, pcap
from tls_peers import NO_EXTENDED_MASTER_SECRET, Peers, Secured, certificate

import analyzer
from analyzer.model.settings import Settings
from analyzer.model.streams import Data, Origins
from analyzer.wire.tls.protection import Aead, expand_label, next_secret, prf, traffic_protection
from analyzer.wire.tls.records import Records
from analyzer.wire.tls.suites import SUITES, suite_name


def test_the_key_schedule_of_rfc_8448() -> None:
    """Section 3: the server's handshake keys."""
    secret = bytes.fromhex("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38")
    assert expand_label(secret, "sha256", "key", 16).hex() == "3fce516009c21727d0f2e4e86ee403bc"
    assert expand_label(secret, "sha256", "iv", 12).hex() == "5d313eb2671276ee13000b30"


def test_the_pseudorandom_function_of_tls_1_2() -> None:
    """The value for SHA-256 that implementers exchanged on the working group's list."""
    out = prf(
        bytes.fromhex("9bbe436ba940f017b17652849a71db35"),
        b"test label",
        bytes.fromhex("a0ba9f936cda311827a6f796ffd5198c"),
        "sha256",
        100,
    )
    assert out.hex().startswith("e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a")
    assert len(out) == 100


def test_an_update_gives_other_keys() -> None:
    suite = SUITES[0x1302]
    secret = bytes(range(48))
    updated = next_secret(secret, suite)
    assert len(updated) == 48
    assert updated == expand_label(secret, "sha384", "traffic upd", 48) != secret


def records(*payloads: bytes) -> Records:
    content = b"".join(b"\x17\x03\x03" + len(one).to_bytes(2, "big") + one for one in payloads)
    length = np.array([len(one) for one in payloads], np.int64)
    at = np.cumsum(length + 5) - length - 5
    origins = Origins(*(np.zeros(1, np.int64) for _ in range(3)))
    return Records(Data(0, np.frombuffer(content, np.uint8), origins), at, length, np.full(len(at), 23, np.uint8))


def sealed(number: int, text: bytes, key: bytes, iv: bytes) -> bytes:
    nonce = (int.from_bytes(iv, "big") ^ number).to_bytes(12, "big")
    head = b"\x17\x03\x03" + (len(text) + 17).to_bytes(2, "big")
    return AESGCM(key).encrypt(nonce, text + b"\x17", head)


@pytest.mark.parametrize("spoilt", [0, 3, 9])
def test_what_does_not_authenticate_ends_what_is_given(spoilt: int) -> None:
    key, iv = bytes(16), bytes(range(12))
    payloads = [sealed(7 + number, b"text %d" % number, key, iv) for number in range(10)]
    payloads[spoilt] = payloads[spoilt][:-1] + bytes([payloads[spoilt][-1] ^ 1])
    aead = Aead(AESGCM(key).decrypt, iv, SUITES[0x1301])
    assert aead.open(records(*payloads), range(10), 7) == [b"text %d\x17" % number for number in range(spoilt)]
    assert len(aead.open(records(*payloads), range(spoilt + 1, 10), 8 + spoilt)) == 9 - spoilt
    assert aead.open(records(*payloads), range(spoilt + 1, 10), 9 + spoilt) == []


def test_records_too_short_for_a_tag() -> None:
    aead = traffic_protection(bytes(32), SUITES[0x1301])
    assert aead.open(records(b"short", b"x" * 40), range(2), 0) == []
    assert aead.open(records(b"short"), range(0), 0) == []


def test_names() -> None:
    assert suite_name(0xC02F) == "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
    assert suite_name(0xC030) == "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"
    assert suite_name(0x0005) == "0x0005"
    assert len({suite.name for suite in SUITES.values()}) == len(SUITES)


def exchanged(secured: Secured) -> bytes:
    """The encrypted premaster secret: the ClientKeyExchange is the client's second flight."""
    flight = [content for side, content in secured.talk.chunks if side == CLIENT][1]
    assert flight[5] == 16
    return flight[11 : 11 + int.from_bytes(flight[9:11], "big")]


@pytest.mark.parametrize("options", [0, NO_EXTENDED_MASTER_SECRET])
@pytest.mark.parametrize("label", ["RSA", "PMS_CLIENT_RANDOM"])
def test_a_premaster_secret_is_enough(tmp_path: Path, options: int, label: str) -> None:
    talk = LIBRARIES["wsproto"]([Said(CLIENT, BINARY, (bytes(range(200)),))], None)
    secured = Peers(ssl.TLSVersion.TLSv1_2, "AES256-GCM-SHA384:@SECLEVEL=0", options, key="rsa").speak(talk)
    key = load_pem_private_key(Path(certificate("rsa")[1]).read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    sent = exchanged(secured)
    premaster = key.decrypt(sent, padding.PKCS1v15())
    random = next(line.split()[1].decode() for line in secured.keys.splitlines() if line.startswith(b"CLIENT_RANDOM"))
    (tmp_path / "keys.log").write_text(f"{label} {sent[:8].hex() if label == 'RSA' else random} {premaster.hex()}\n")
    (tmp_path / "tls.pcap").write_bytes(pcap(secured.talk))
    report = analyzer.analyze(tmp_path / "tls.pcap", settings=Settings(key_logs=(str(tmp_path / "keys.log"),)))
    (session,) = report.captures[0].sessions
    assert session.tls is not None
    assert session.tls["decrypted"]
    assert session.message_counts["client"]["binary"] == 1
