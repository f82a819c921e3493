"""What a client is built on, as its ClientHello shows: which TLS library wrote it, and so how its keys can be recorded.

In: a parsed ClientHello. Out: one of `CLIENTS`, or None where the library is not sure. No fingerprint of one release is looked for,
but what a library's code does in all of them: the order in which it writes extensions or lists suites, or what it alone sends.
"""

from analyzer.wire.tls.hello import EC_POINT_FORMATS, ENCRYPT_THEN_MAC, ClientHello

CLIENTS = ("python", "node", "openssl", "chromium", "firefox", "go", "java", "rustls", "gnutls", "schannel", "apple")
"""`python` and `node` are OpenSSL with the suites that they choose themselves; `openssl` is any other program with it."""
STATUS_REQUEST_V2, CERTIFICATE_TIMESTAMPS, COMPRESS_CERTIFICATE, RECORD_SIZE_LIMIT = 17, 18, 27, 28
DELEGATED_CREDENTIALS, RENEGOTIATION_INFO = 34, 65281
"""Extensions (IANA registry)."""
NO_RENEGOTIATION = 0x00FF
"""TLS_EMPTY_RENEGOTIATION_INFO_SCSV (RFC 5746 section 3.3), which stands for the extension."""
GREASE = 0xA
CCM = 0x1304
TLS13 = range(0x1301, 0x1306)
BROTLI, ZLIB = b"\x02\x00\x02", b"\x02\x00\x01"
"""The one algorithm that compress_certificate offers (RFC 8879 section 3)."""
OPENSSL_ORDER = (0, 11, 10, 35, 16, 22, 23, 49, 13, 43, 45, 51)
"""In this order OpenSSL has written its extensions since 1.1.1."""
OPENSSL_FORMATS = b"\x03\x00\x01\x02"
"""It alone among those in use offers compressed points still."""
NODE = (0x1302, 0x1303, 0x1301, 0xC02F, 0xC02B, 0xC030, 0xC02C, 0x009E)
PYTHON = (0x1302, 0x1303, 0x1301, 0xC02C, 0xC030, 0xC02B, 0xC02F, 0xCCA9, 0xCCA8)
"""First suites of Node's and of Python's own default lists (from Python 3.10 on); OpenSSL's own begins otherwise."""
RUSTLS = (0x1302, 0x1301, 0x1303, 0xC02C, 0xC02B, 0xCCA9, 0xC030, 0xC02F, 0xCCA8, NO_RENEGOTIATION)
SCHANNEL = (0xC02C, 0xC02B, 0xC030, 0xC02F, 0xC024, 0xC023, 0xC028, 0xC027)
"""In pairs, the stronger first, with CBC behind GCM; of each pair of sizes both."""


def client_of(hello: ClientHello) -> str | None:
    """What wrote this ClientHello; None when it is not sure."""
    numbers = {number for number, _ in hello.extensions}
    if hello.ciphers and _is_grease(hello.ciphers[0]):
        compressed = hello.extension(COMPRESS_CERTIFICATE)
        return "chromium" if compressed == BROTLI else "apple" if compressed == ZLIB else None
    if RECORD_SIZE_LIMIT in numbers:
        return "firefox" if DELEGATED_CREDENTIALS in numbers else "gnutls" if CCM in hello.ciphers else None
    if ENCRYPT_THEN_MAC in numbers:
        return _on_openssl(hello) if _is_openssl(hello) else None
    if RENEGOTIATION_INFO in numbers:
        return _with_renegotiation_info(numbers, hello.ciphers)
    if hello.ciphers == RUSTLS:
        return "rustls"
    return "java" if STATUS_REQUEST_V2 in numbers and NO_RENEGOTIATION in hello.ciphers else None


def _with_renegotiation_info(numbers: set[int], ciphers: tuple[int, ...]) -> str | None:
    """Go lists the suites of TLS 1.3 behind the others; Schannel has pairs."""
    new = [one in TLS13 for one in ciphers]
    if CERTIFICATE_TIMESTAMPS in numbers and any(new) and not new[0] and new == sorted(new):
        return "go"
    pairs = tuple(one for one in ciphers if one in SCHANNEL)
    return "schannel" if pairs == SCHANNEL and CERTIFICATE_TIMESTAMPS not in numbers else None


def _is_openssl(hello: ClientHello) -> bool:
    order = [OPENSSL_ORDER.index(number) for number, _ in hello.extensions if number in OPENSSL_ORDER]
    return order == sorted(order) and hello.extension(EC_POINT_FORMATS) == OPENSSL_FORMATS


def _on_openssl(hello: ClientHello) -> str:
    for name, first in (("node", NODE), ("python", PYTHON)):
        if hello.ciphers[: len(first)] == first:
            return name
    return "openssl"


def _is_grease(number: int) -> bool:
    """Whether a value is made up to keep servers honest (RFC 8701): 0x0A0A, 0x1A1A ..."""
    high, low = divmod(number, 0x100)
    return high == low and low % 0x10 == GREASE
