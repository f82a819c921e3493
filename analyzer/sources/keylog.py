"""TLS key logs (RFC 9850, the format of SSLKEYLOGFILE): lines of text, in a file, in a pcapng file's secrets or in its comments.

A file may still be written while it is read: a line whose secret has no length that a secret has is left out, and `KeyLogFile`
reads what was added when it is asked again.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from analyzer.model.errors import UsageError
from analyzer.model.limits import Limits
from analyzer.model.secrets import TlsSecret

LINE = re.compile(
    rb"^[ \t]*(?:(CLIENT_RANDOM|(?:CLIENT|SERVER)_HANDSHAKE_TRAFFIC_SECRET|(?:CLIENT|SERVER)_TRAFFIC_SECRET_0"
    rb"|CLIENT_EARLY_TRAFFIC_SECRET|PMS_CLIENT_RANDOM|RSA)[ \t]+([0-9A-Fa-f]{16}|[0-9A-Fa-f]{64})"
    rb"|RSA[ \t]+Session-ID:([0-9A-Fa-f]{2,64})[ \t]+Master-Key:(?=[0-9A-Fa-f]{96}[ \t\r]*$)(?#))"
    rb"[ \t]*([0-9A-Fa-f]{2,192})[ \t\r]*$",
    re.MULTILINE,
)
"""A line with a secret: label and client random, or what else names the connection; then the secret."""
SIZES = {"CLIENT_RANDOM": (48,), "MASTER_KEY": (48,), "RSA": range(32, 97), "PMS_CLIENT_RANDOM": range(16, 97)}
TRAFFIC_SIZES = (32, 48, 64)
"""Bytes that a secret may have: a master secret, a premaster secret, a traffic secret (of SHA-256, SHA-384, SHA-512)."""
TLS_KEY_LOG = 0x544C534B
"""The type of a Decryption Secrets Block that holds a key log."""
RANDOM, ENCRYPTED = 32, 8
"""Bytes of a client random, and of an encrypted premaster secret in front of it."""


def secrets_in(text: bytes) -> Iterator[TlsSecret]:
    """The secrets in some lines; what is none is left out."""
    for label, random, session, secret in LINE.findall(text):
        name = label.decode() if label else "MASTER_KEY"
        value, key = _octets(secret), bytes.fromhex((random or session).decode().ljust(2))
        if value is None or len(value) not in SIZES.get(name, TRAFFIC_SIZES):
            continue
        if label and len(key) != (ENCRYPTED if name == "RSA" else RANDOM):
            continue
        yield TlsSecret(name, key, value)


def block_secrets(body: bytes, *, big: bool) -> Iterator[TlsSecret]:
    """The secrets in the body of a Decryption Secrets Block (draft-ietf-opsawg-pcapng), if they are those of TLS."""
    order: Literal["big", "little"] = "big" if big else "little"
    if int.from_bytes(body[:4], order) == TLS_KEY_LOG:
        size = int.from_bytes(body[4:8], order)
        yield from secrets_in(body[8 : 8 + size])


def without_secrets(text: bytes) -> str:
    """A comment without the lines that hold secrets."""
    return LINE.sub(b"", text).decode("utf-8", "replace").strip("\r\n")


def _octets(digits: bytes) -> bytes | None:
    return bytes.fromhex(digits.decode()) if len(digits) % 2 == 0 else None


class KeyLogFile:
    """A key log on disk."""

    def __init__(self, path: str, limits: Limits) -> None:
        self._path = Path(path)
        self._limit = limits.key_log
        self._read = self._found = 0

    def more(self) -> list[TlsSecret]:
        """The secrets that were added since the last time. Raises UsageError when there is no key log."""
        try:
            size = self._path.stat().st_size
            if size <= self._read:
                return []
            with self._path.open("rb") as file:
                file.seek(max(self._read, size - self._limit))
                text = file.read(self._limit)
                end = file.tell()
        except OSError as error:
            raise UsageError(
                f"{self._path}: this key log cannot be read ({error.strerror}); --keylog takes the file that SSLKEYLOGFILE named."
            ) from None
        whole = text.rfind(b"\n") + 1
        self._read = end - len(text) + whole  # a line without an end is read again when it has one
        found = list(secrets_in(text))
        if not found and text.strip() and not self._found and not _looks_like(text):
            raise UsageError(
                f"{self._path}: this is no TLS key log: no line of it begins with CLIENT_RANDOM or another label of RFC 9850; "
                "--keylog takes the file that SSLKEYLOGFILE named."
            )
        self._found += len(found)
        return found


def _looks_like(text: bytes) -> bool:
    """Whether a file without secrets may get some: it is empty, or holds comments and other labels."""
    lines = [line for line in text[: 1 << 16].splitlines() if line.strip()]
    return all(line.startswith(b"#") or re.match(rb"[A-Z0-9_]{3,}( |$)", line) for line in lines)
