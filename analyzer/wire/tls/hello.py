"""Handshake messages that travel in clear (RFC 8446 section 4, RFC 5246 section 7.4): ClientHello, ServerHello, Certificate.

Pure functions over the body of one message. What is no such message raises TlsSyntaxError; what a body lacks at its end stays
empty.
"""

from collections.abc import Iterator

from analyzer.model.dataclass import dataclass

CLIENT_HELLO, SERVER_HELLO, END_OF_EARLY_DATA = 1, 2, 5
ENCRYPTED_EXTENSIONS, CERTIFICATE, SERVER_HELLO_DONE, CLIENT_KEY_EXCHANGE, FINISHED, KEY_UPDATE = 8, 11, 14, 16, 20, 24
HELLO_REQUEST = 0
"""Types of handshake messages."""
SERVER_NAME, EC_POINT_FORMATS, ALPN = 0, 11, 16
ENCRYPT_THEN_MAC, EXTENDED_MASTER_SECRET, PRE_SHARED_KEY, EARLY_DATA, SUPPORTED_VERSIONS = 22, 23, 41, 42, 43
"""Extensions (IANA registry)."""
RETRY = bytes.fromhex("CF21AD74E59A6111BE1D8C021E65B891C2A211167ABB8C5E079E09E2C8A8339C")
"""The random of a ServerHello that is a HelloRetryRequest (RFC 8446 section 4.1.3)."""
VERSIONS = {0x0300: "SSLv3", 0x0301: "TLSv1", 0x0302: "TLSv1.1", 0x0303: "TLSv1.2", 0x0304: "TLSv1.3"}
RANDOM = 32


class TlsSyntaxError(ValueError):
    """These bytes are no such message."""


class _Reader:
    """Takes fields off the front of some bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def take(self, count: int) -> bytes:
        """So many bytes. Raises TlsSyntaxError when they are not there."""
        if count > len(self._data) - self.at:
            msg = f"{len(self._data) - self.at} bytes where {count} were stated"
            raise TlsSyntaxError(msg)
        self.at += count
        return self._data[self.at - count : self.at]

    def number(self, size: int) -> int:
        """An unsigned integer of so many bytes."""
        return int.from_bytes(self.take(size), "big")

    def vector(self, size: int) -> bytes:
        """A vector behind a length of so many bytes (RFC 8446 section 3.4)."""
        return self.take(self.number(size))

    @property
    def left(self) -> int:
        """Bytes that were not taken."""
        return len(self._data) - self.at


@dataclass(frozen=True, slots=True)
class ClientHello:
    """What a client offers. `extensions` are in its order, with what they hold."""

    version: int
    """The legacy version; `offered` is what counts."""
    random: bytes
    session: bytes
    ciphers: tuple[int, ...]
    extensions: tuple[tuple[int, bytes], ...]

    def extension(self, number: int) -> bytes | None:
        """What an extension holds, None when it is not there."""
        return next((content for one, content in self.extensions if one == number), None)

    @property
    def sni(self) -> str | None:
        """The server's name (RFC 6066 section 3), in lower case."""
        content = self.extension(SERVER_NAME)
        if content is None:
            return None
        try:
            names = _Reader(_Reader(content).vector(2))
            return None if names.number(1) else names.vector(2).decode("ascii", "replace").lower()
        except TlsSyntaxError:
            return None

    @property
    def offered(self) -> tuple[int, ...]:
        """Versions, those made up to keep servers honest (RFC 8701) left out."""
        content = self.extension(SUPPORTED_VERSIONS)
        listed = () if content is None else _numbers(content, 1)
        return tuple(one for one in listed if one in VERSIONS) or (self.version,)

    @property
    def alpn(self) -> tuple[str, ...]:
        """Application protocols (RFC 7301)."""
        return _protocols(self.extension(ALPN))

    @property
    def early_data(self) -> bool:
        """Whether 0-RTT data follow."""
        return self.extension(EARLY_DATA) is not None


@dataclass(frozen=True, slots=True)
class ServerHello:
    """What the server chose, or its wish for another ClientHello (`retry`)."""

    version: int
    random: bytes
    session: bytes
    cipher: int
    extensions: tuple[tuple[int, bytes], ...]

    @property
    def retry(self) -> bool:
        """Whether it is a HelloRetryRequest."""
        return self.random == RETRY

    def extension(self, number: int) -> bytes | None:
        """What an extension holds, None when it is not there."""
        return next((content for one, content in self.extensions if one == number), None)

    @property
    def alpn(self) -> str | None:
        """The application protocol of TLS 1.2; TLS 1.3 says it later."""
        return next(iter(_protocols(self.extension(ALPN))), None)


def client_hello(body: bytes) -> ClientHello:
    """RFC 8446 section 4.1.2. Raises TlsSyntaxError."""
    reader = _Reader(body)
    version, random, session = reader.number(2), reader.take(RANDOM), reader.vector(1)
    ciphers = reader.vector(2)
    reader.vector(1)  # compression methods
    listed = tuple(int.from_bytes(ciphers[at : at + 2], "big") for at in range(0, len(ciphers) - 1, 2))
    return ClientHello(version, random, session, listed, tuple(_extensions(reader)))


def server_hello(body: bytes) -> ServerHello:
    """RFC 8446 section 4.1.3. Raises TlsSyntaxError."""
    reader = _Reader(body)
    version, random, session, cipher = reader.number(2), reader.take(RANDOM), reader.vector(1), reader.number(2)
    reader.take(1)  # compression method
    extensions = tuple(_extensions(reader))
    chosen = next((content for number, content in extensions if number == SUPPORTED_VERSIONS), None)
    if chosen is not None and len(chosen) == 2:  # noqa: PLR2004 - a ProtocolVersion
        version = int.from_bytes(chosen, "big")
    return ServerHello(version, random, session, cipher, extensions)


def encrypted_extensions(body: bytes) -> dict[int, bytes]:
    """RFC 8446 section 4.3.1. Raises TlsSyntaxError."""
    return dict(_extensions(_Reader(body)))


def chosen_protocol(content: bytes | None) -> str | None:
    """The application protocol that a server's ALPN extension names."""
    return next(iter(_protocols(content)), None)


def certificates(body: bytes) -> list[bytes]:
    """DER of the certificates in a message of TLS 1.2 (RFC 5246 section 7.4.2), the server's own first. Raises TlsSyntaxError."""
    listed = _Reader(_Reader(body).vector(3))
    found = []
    while listed.left:
        found.append(listed.vector(3))
    return found


def _extensions(reader: _Reader) -> Iterator[tuple[int, bytes]]:
    if not reader.left:
        return
    listed = _Reader(reader.vector(2))
    while listed.left:
        yield listed.number(2), listed.vector(2)


def _numbers(content: bytes, size: int) -> tuple[int, ...]:
    """16-bit numbers in a vector behind a length of `size` bytes; none when it is not well formed."""
    try:
        listed = _Reader(content).vector(size)
    except TlsSyntaxError:
        return ()
    return tuple(int.from_bytes(listed[at : at + 2], "big") for at in range(0, len(listed) - 1, 2))


def _protocols(content: bytes | None) -> tuple[str, ...]:
    if content is None:
        return ()
    try:
        listed, found = _Reader(_Reader(content).vector(2)), []
        while listed.left:
            found.append(listed.vector(1).decode("ascii", "replace"))
    except TlsSyntaxError:
        return ()
    return tuple(found)
