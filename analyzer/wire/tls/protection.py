"""How records are protected, and what opens them: the only place that knows `cryptography`, imported when a key is at hand.

Keys come from the secrets of a key log: traffic secrets of TLS 1.3 (RFC 8446 section 7), the master secret of TLS 1.2 (RFC 5246
section 6.3). What does not authenticate is never given out.
"""

import hmac
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from analyzer.model.streams import Bytes, Ints
from analyzer.wire.tls.records import HEADER, Records
from analyzer.wire.tls.suites import BLOCK, EXPLICIT, Suite

NONCE, SALT = 12, 4
VERSION_12 = b"\x03\x03"
MASTER = 48
"""Bytes of a master secret."""


Decrypt = Callable[[bytes, memoryview, bytes], bytes]
"""Takes nonce, sealed bytes, and the bytes that are authenticated beside them."""


class Protection(Protocol):
    """What opens the records of one direction under one key."""

    lead: int
    """Bytes between a record's header and its ciphertext."""
    overhead: int | None
    """Bytes of a record that are no plaintext, its header left out; None where that varies."""

    def open(self, records: Records, rows: range, sequence: int) -> list[bytes]:
        """Plaintext of the leading ones of these rows that authenticate, the first with this sequence number."""
        ...


class Aead:
    """Authenticated encryption (RFC 8446 section 5.2, RFC 5246 section 6.2.3.3). `iv` has 12 bytes, of which TLS 1.2 fixes four
    where each record carries the others.
    """

    def __init__(self, decrypt: Decrypt, iv: bytes, suite: Suite) -> None:
        self._decrypt = decrypt
        self._iv = np.frombuffer(iv.ljust(NONCE, b"\0"), np.uint8)
        self._tls13 = suite.tls13
        self._tag = suite.tag
        self.lead = suite.lead
        self.overhead = suite.overhead

    def open(self, records: Records, rows: range, sequence: int) -> list[bytes]:
        """See Protection. One call of the library for each record is all there is to a record here."""
        found: list[bytes] = []
        if not len(rows):
            return found
        wanted = slice(rows.start, rows.stop)
        at, length = records.at[wanted], records.length[wanted]
        usable = length >= self.lead + self._tag
        count = len(rows) if usable.all() else int(usable.argmin())
        at, length = at[:count], length[:count]
        numbers = (sequence + np.arange(count, dtype=np.uint64)).astype(">u8").view(np.uint8).reshape(count, EXPLICIT)
        nonces = _pieces(self._nonces(records.data.bytes, at, numbers), NONCE)
        heads = records.data.bytes[at[:, None] + np.arange(HEADER)]
        if not self._tls13:
            size = (length - self.lead - self._tag).astype(">u2").view(np.uint8).reshape(count, 2)
            heads = np.concatenate((numbers, heads[:, :3], size), axis=1)
        known = _pieces(np.ascontiguousarray(heads), heads.shape[1])
        view = memoryview(records.data.bytes)
        begin = at + HEADER + self.lead
        sealed = [view[one:two] for one, two in zip(begin.tolist(), (at + HEADER + length).tolist(), strict=True)]
        try:
            for plain in map(self._decrypt, nonces, sealed, known):
                found.append(plain)  # noqa: PERF402 - what came before a record that fails is kept
        except _invalid():
            pass
        return found

    def _nonces(self, content: Bytes, at: Ints, numbers: Bytes) -> Bytes:
        """12 bytes for each record."""
        nonces = np.empty((len(at), NONCE), np.uint8)
        nonces[:] = self._iv
        if self.lead:
            nonces[:, SALT:] = content[at[:, None] + np.arange(HEADER, HEADER + EXPLICIT)]
        else:
            nonces[:, NONCE - EXPLICIT :] ^= numbers
        return nonces


class Cbc:
    """AES-CBC with HMAC of TLS 1.2 (RFC 5246 section 6.2.3.2): the MAC over the plaintext, or over the ciphertext (RFC 7366)."""

    def __init__(self, key: bytes, mac_key: bytes, mac: str, *, encrypt_then_mac: bool) -> None:
        from cryptography.hazmat.primitives.ciphers.algorithms import AES  # noqa: PLC0415 - see the head of the file

        self._cipher = AES(key)
        self._mac_key = mac_key
        self._mac = mac
        self._size = hmac.new(mac_key, b"", mac).digest_size
        self._first_mac = encrypt_then_mac
        self.lead = BLOCK
        self.overhead: int | None = None

    def open(self, records: Records, rows: range, sequence: int) -> list[bytes]:
        """See Protection."""
        found: list[bytes] = []
        for number, row in enumerate(rows, sequence):
            plain = self._opened(records.payload(row), int(records.type[row]), number)
            if plain is None:
                break
            found.append(plain)
        return found

    def _opened(self, sealed: bytes, kind: int, number: int) -> bytes | None:
        """The plaintext of one record, None when its MAC or its padding does not fit."""
        from cryptography.hazmat.primitives.ciphers import Cipher, modes  # noqa: PLC0415 - see the head of the file

        mac = b""
        if self._first_mac:
            sealed, mac = sealed[: -self._size], sealed[-self._size :]
            if not self._fits(mac, sealed, kind, number):
                return None
        if len(sealed) < 2 * BLOCK or len(sealed) % BLOCK:
            return None
        decryptor = Cipher(self._cipher, modes.CBC(sealed[:BLOCK])).decryptor()
        plain = decryptor.update(sealed[BLOCK:]) + decryptor.finalize()
        padding = plain[-1] + 1
        if padding > len(plain) or plain[-padding:] != bytes([padding - 1]) * padding:
            return None
        plain = plain[:-padding]
        if self._first_mac:
            return plain
        plain, mac = plain[: -self._size], plain[-self._size :]
        return plain if self._fits(mac, plain, kind, number) else None

    def _fits(self, mac: bytes, content: bytes, kind: int, number: int) -> bool:
        head = number.to_bytes(8, "big") + bytes([kind]) + VERSION_12 + len(content).to_bytes(2, "big")
        return hmac.compare_digest(mac, hmac.digest(self._mac_key, head + content, self._mac))


def traffic_protection(secret: bytes, suite: Suite) -> Aead:
    """Keys of TLS 1.3 from a traffic secret (RFC 8446 section 7.3)."""
    key, iv = expand_label(secret, suite.hash, "key", suite.key), expand_label(secret, suite.hash, "iv", NONCE)
    return Aead(_aead(suite, key), iv, suite)


def next_secret(secret: bytes, suite: Suite) -> bytes:
    """The traffic secret after a KeyUpdate (RFC 8446 section 7.2)."""
    return expand_label(secret, suite.hash, "traffic upd", len(secret))


def expand_label(secret: bytes, algorithm: str, label: str, length: int) -> bytes:
    """HKDF-Expand-Label without context (RFC 8446 section 7.1)."""
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415 - see the head of the file
    from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand  # noqa: PLC0415

    name = b"tls13 " + label.encode()
    info = length.to_bytes(2, "big") + bytes([len(name)]) + name + b"\0"
    chosen = {"sha256": hashes.SHA256, "sha384": hashes.SHA384}[algorithm]
    return HKDFExpand(chosen(), length, info).derive(secret)


def master_protection(
    master: bytes, suite: Suite, randoms: tuple[bytes, bytes], *, encrypt_then_mac: bool
) -> tuple[Protection, Protection]:
    """Client's and server's keys of TLS 1.2 from the master secret (RFC 5246 section 6.3). `randoms` are client's and server's."""
    mac = hmac.new(b"", b"", suite.mac).digest_size if suite.mac else 0
    iv = {"cbc": 0, "chacha20": NONCE}.get(suite.cipher, SALT)
    block = prf(master, b"key expansion", randoms[1] + randoms[0], suite.hash, 2 * (mac + suite.key + iv))
    parts: list[bytes] = []
    for size in (mac, mac, suite.key, suite.key, iv, iv):
        parts.append(block[:size])
        block = block[size:]
    one, two = (_tls12(suite, *parts[side::2], encrypt_then_mac=encrypt_then_mac) for side in (0, 1))
    return one, two


def _tls12(suite: Suite, mac_key: bytes, key: bytes, iv: bytes, *, encrypt_then_mac: bool) -> Protection:
    if suite.cipher == "cbc":
        return Cbc(key, mac_key, suite.mac, encrypt_then_mac=encrypt_then_mac)
    return Aead(_aead(suite, key), iv, suite)


def prf(secret: bytes, label: bytes, seed: bytes, algorithm: str, length: int) -> bytes:
    """The pseudorandom function of TLS 1.2 (RFC 5246 section 5), which `cryptography` does not have."""
    seed = label + seed
    link, out = seed, b""
    while len(out) < length:
        link = hmac.digest(secret, link, algorithm)
        out += hmac.digest(secret, link + seed, algorithm)
    return out[:length]


def _aead(suite: Suite, key: bytes) -> Decrypt:
    """What decrypts the records of a cipher suite."""
    from cryptography.hazmat.primitives.ciphers import aead  # noqa: PLC0415 - see the head of the file

    if suite.cipher == "gcm":
        return aead.AESGCM(key).decrypt
    if suite.cipher == "ccm":
        return aead.AESCCM(key, suite.tag).decrypt
    return aead.ChaCha20Poly1305(key).decrypt


def _invalid() -> type[Exception]:
    """What the library raises for a record that does not authenticate."""
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - see the head of the file

    return InvalidTag


def _pieces(table: Bytes, size: int) -> Sequence[bytes]:
    """The rows of a table as bytes."""
    flat = table.tobytes()
    return [flat[at : at + size] for at in range(0, len(flat), size)]
