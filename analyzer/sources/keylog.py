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
from analyzer.model.secrets import TlsSecret, TlsSecrets
from analyzer.model.settings import Settings

LINE = re.compile(
    rb"^[ \t]*(?:(CLIENT_RANDOM|PMS_CLIENT_RANDOM|RSA|(?:CLIENT|SERVER)_(?:HANDSHAKE_TRAFFIC_SECRET|TRAFFIC_SECRET_0)"
    rb"|CLIENT_EARLY_TRAFFIC_SECRET|(?:EARLY_)?EXPORTER_SECRET)[ \t]+([0-9A-Fa-f]+)"
    rb"|RSA[ \t]+Session-ID:([0-9A-Fa-f]+)[ \t]+Master-Key:)[ \t]*([0-9A-Fa-f]+)[ \t]*\r?$",
    re.MULTILINE,
)
"""A line with a secret: label and client random (or what else names the connection), then the secret."""
SIZES = {"CLIENT_RANDOM": (48,), "MASTER_KEY": (48,), "RSA": (48,), "PMS_CLIENT_RANDOM": range(16, 1025)}
TRAFFIC_SIZES = (32, 48)
"""Bytes that a secret may have: a master secret, a premaster secret (a group element may be long), a traffic secret of SHA-256 or
SHA-384.
"""
TLS_KEY_LOG = 0x544C534B
"""The type of a Decryption Secrets Block that holds a key log."""
NAMES = {"RSA": (8,), "MASTER_KEY": range(1, 33)}
RANDOM = (32,)
"""Bytes of what names a connection: the beginning of its encrypted premaster secret, its session ID, its client random."""


def secrets_in(text: bytes) -> Iterator[TlsSecret]:
    """The secrets in some lines; what is none is left out."""
    for found in LINE.finditer(text):
        label, random, session, secret = found.groups()
        name = label.decode() if label else "MASTER_KEY"
        value, key = _octets(secret), _octets(random or session)
        if len(value) in SIZES.get(name, TRAFFIC_SIZES) and len(key) in NAMES.get(name, RANDOM):
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


def _octets(digits: bytes) -> bytes:
    """Bytes from their hexadecimal digits; nothing when one is missing."""
    return b"" if len(digits) % 2 else bytes.fromhex(digits.decode())


def secrets_of(settings: Settings) -> TlsSecrets:
    """All secrets in the key logs that were named, and what those still get. Raises UsageError for what is no key log."""
    files = [KeyLogFile(path, settings.limits) for path in settings.key_logs]
    secrets = TlsSecrets(settings.limits.tls_secrets, [file.more for file in files])
    for file in files:
        secrets.add(file.more())
    return secrets


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
    """Whether a file without secrets may get some: it holds comments, or labels that are of no use here."""
    lines = [line for line in text[: 1 << 16].splitlines() if line.strip()]
    return all(line.startswith(b"#") or re.match(rb"[A-Z0-9_]{3,}( |$)", line) for line in lines)
