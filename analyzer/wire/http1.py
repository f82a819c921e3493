"""HTTP/1.1 around an upgrade (RFC 9112, RFC 6455 section 4): heads, how long a body is, whether the accept key fits.

Pure functions over bytes. "Not yet" is None; what is no HTTP raises HttpSyntaxError, which `connection.py` turns into an anomaly.
"""

import base64
import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import replace

from analyzer.model.dataclass import dataclass
from analyzer.model.places import Moment
from analyzer.model.query import parameters
from analyzer.model.session import Proxy, Request, Response

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""RFC 6455 section 1.3."""
METHODS = (b"GET ", b"POST ", b"PUT ", b"HEAD ", b"DELETE ", b"OPTIONS ", b"PATCH ", b"CONNECT ", b"TRACE ")
LONGEST_METHOD = 8
LONGEST_CHUNK_LINE = 1 << 14
VERSION_PARTS, REQUEST_PARTS = 2, 3
STATUS_DIGITS = 3
WINDOWS = {"gzip": (31,), "x-gzip": (31,), "deflate": (15, -15)}
"""How zlib reads a content coding (RFC 9110 section 8.4.1); some servers send deflate without the wrapper that it should have."""
BRIEF, BRIEF_HEADERS, BRIEF_BODY = 512, 20, 2048
"""Characters of a header or a target, headers and body that are kept of an exchange that is waiting to be judged."""
INFLATED_AT_ONCE = 1024
"""Compressed bytes read in one step: what came before an error is kept."""


class HttpSyntaxError(ValueError):
    """These bytes are no HTTP head."""


@dataclass(frozen=True, slots=True)
class Body:
    """How much follows a head: `length` bytes, `chunked` (then length is 0), or until the connection closes (length None)."""

    length: int | None = 0
    chunked: bool = False


def looks_like_request(data: bytes) -> bool:
    """Whether a stream starts with an HTTP request line, as far as it goes."""
    return data.startswith(METHODS) or (len(data) < LONGEST_METHOD and any(method.startswith(data) for method in METHODS))


def looks_like_response(data: bytes) -> bool:
    """Whether a stream starts with an HTTP/1 status line, as far as it goes."""
    return data.startswith(b"HTTP/1.") or (0 < len(data) < LONGEST_METHOD and b"HTTP/1.".startswith(data))


def head_length(data: bytes) -> int | None:
    """Bytes up to and with the empty line that ends a head, None when it is not there yet. Bare line feeds count (RFC 9112
    section 2.2).
    """
    usual = data.find(b"\n\r\n")
    bare = data.find(b"\n\n", 0, usual if usual >= 0 else len(data))
    if bare >= 0:
        return bare + 2
    return usual + 3 if usual >= 0 else None


def parse_request(head: bytes, at: Moment) -> Request:
    """A request head, or as much of one as the capture holds. Raises HttpSyntaxError."""
    first, headers = _lines(head)
    partial = head_length(head) is None
    parts = first.split(" ")
    if b"\n" not in head and looks_like_request(head) and REQUEST_PARTS > len(parts) > 1:
        parts = [parts[0], parts[1].rpartition("&")[0] or parts[1].partition("?")[0], "HTTP/"]  # the last parameter may be cut
    elif b"\n" not in head and len(parts) == REQUEST_PARTS and "HTTP/1.".startswith(parts[2]):
        parts[2] = "HTTP/"  # the target is whole
    if len(parts) != REQUEST_PARTS or not parts[2].startswith("HTTP/"):
        raise HttpSyntaxError(first[:80])
    target = parts[1]
    path, query = split_target(target)
    upgrade = upgrades(headers) or "sec-websocket-key" in headers
    return Request(target, path, query, parts[2].removeprefix("HTTP/"), headers, at, upgrade, parts[0], partial)


def split_target(target: str) -> tuple[str, dict[str, str]]:
    """The path of a request's target, and the parameters of its query."""
    path, _, query = target.partition("?")
    if "://" in path:  # absolute form, as proxies get it
        path = "/" + path.split("://", 1)[1].partition("/")[2]
    return path, parameters(query)


def parse_response(head: bytes, request: Request | None, at: Moment) -> Response:
    """A response head, or the start of one; the request decides whether its accept key fits. Raises HttpSyntaxError."""
    first, headers = _lines(head)
    parts = first.split(" ", 2)
    code = parts[1][:STATUS_DIGITS] if len(parts) >= VERSION_PARTS else ""
    if not parts[0].startswith("HTTP/") or not code.isdecimal() or len(code) < STATUS_DIGITS:
        raise HttpSyntaxError(first[:80])
    reason = parts[2].strip() if len(parts) > VERSION_PARTS and b"\n" in head else ""
    version, fits, partial = parts[0].removeprefix("HTTP/"), _accepts(request, headers), head_length(head) is None
    return Response(int(code), reason, version, headers, b"", at, fits, "", partial)


def body_of(headers: Mapping[str, str], *, status: int | None, method: str = "") -> Body:
    """How long the body is (RFC 9112 section 6.3). `status` is None for a request."""
    if status is not None and (status < 200 or status in (204, 304) or method == "HEAD"):  # noqa: PLR2004 - RFC 9110 section 6.4.1
        return Body()
    if method == "CONNECT" and status is not None and status < 300:  # noqa: PLR2004 - RFC 9110 section 9.3.6: a tunnel begins
        return Body()
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return Body(0, chunked=True)
    stated = headers.get("content-length", "").split(",")[0].strip()
    if stated.isdecimal() and len(stated) < 19:  # noqa: PLR2004 - fits 63 bits
        return Body(int(stated))
    return Body(None if status is not None else 0)


def with_body(response: Response, body: bytes, limit: int) -> Response:
    """The answer with its body, freed from its content codings as far as zlib and `limit` go, also when it is cut short."""
    stated = f"{response.headers.get('content-encoding', '')},{response.headers.get('transfer-encoding', '')}".lower()
    codings = [coding for coding in (part.strip() for part in stated.split(",")) if coding not in ("", "identity", "chunked")]
    while codings and body:
        content = next((plain for window in WINDOWS.get(codings[-1], ()) if (plain := _inflated(body, window, limit))), b"")
        if not content:
            return replace(response, body=b"", coding=codings[-1])
        body = content
        codings.pop()
    return replace(response, body=body)


def _inflated(body: bytes, window: int, limit: int) -> bytes:
    """What inflates of a body."""
    decoder, content = zlib.decompressobj(window), b""
    try:
        for at in range(0, len(body), INFLATED_AT_ONCE):
            content += decoder.decompress(body[at : at + INFLATED_AT_ONCE], limit - len(content))
            if decoder.eof or len(content) >= limit:
                break
    except zlib.error:
        pass
    return content


def brief(proxy: Proxy) -> Proxy:
    """What reports name of it, in little memory."""
    request, response = proxy.request, proxy.response
    if response is not None:
        response = replace(response, headers=_brief(response.headers), body=response.body[:BRIEF_BODY])
    return Proxy(replace(request, target=request.target[:BRIEF], path="", query={}, headers=_brief(request.headers)), response)


def _brief(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in list(headers.items())[:BRIEF_HEADERS] if len(name) + len(value) <= BRIEF}


class ChunkedReader:
    """Takes a chunked body off a stream piece by piece (RFC 9112 section 7.1); keeps at most `keep` bytes of the content."""

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._left = 0
        self._line = b""
        self._state = "size"
        self.content = bytearray()
        self.done = False

    def feed(self, data: bytes) -> int:
        """Bytes used of `data`: all of it, or up to the end of the body. Raises HttpSyntaxError."""
        at = 0
        while at < len(data) and not self.done:
            if self._state == "data":
                take = min(self._left, len(data) - at)
                self.content += data[at : at + min(take, max(0, self._keep - len(self.content)))]
                at, self._left = at + take, self._left - take
                if not self._left:
                    self._state = "end"
                continue
            line_end = data.find(b"\n", at)
            self._line += data[at : line_end + 1 if line_end >= 0 else len(data)]
            at = line_end + 1 if line_end >= 0 else len(data)
            if len(self._line) > LONGEST_CHUNK_LINE:
                raise HttpSyntaxError("a chunk header that does not end")
            if line_end >= 0:
                self._take_line(self._line.strip())
                self._line = b""
        return at

    def _take_line(self, line: bytes) -> None:
        if self._state == "size":
            size = line.split(b";")[0].strip()
            if not size or len(size) > 15 or any(digit not in b"0123456789abcdefABCDEF" for digit in size):  # noqa: PLR2004 - 60 bits
                raise HttpSyntaxError("a chunk without size")
            self._left = int(size, 16)
            self._state = "data" if self._left else "trailer"
        elif self._state == "end":
            self._state = "size"
        else:
            self.done = not line


def extension_parameters(value: str | None) -> dict[str, dict[str, str]]:
    """Sec-WebSocket-Extensions as name -> parameters, all lower case (RFC 6455 section 9.1)."""
    found: dict[str, dict[str, str]] = {}
    for offer in (value or "").lower().split(","):
        name, *parameters = (part.strip() for part in offer.split(";"))
        if name:
            found.setdefault(
                name, {key.strip(): text.strip().strip('"') for key, _, text in (p.partition("=") for p in parameters)}
            )
    return found


def upgrades(headers: Mapping[str, str]) -> bool:
    """Whether a head names the protocol WebSocket (RFC 6455 sections 4.1 and 4.2.2)."""
    return "websocket" in headers.get("upgrade", "").lower()


def _lines(head: bytes) -> tuple[str, dict[str, str]]:
    """First line and headers: names lower case, repeated ones joined by a comma, folded lines joined by a space.

    Of a head that is cut the last line is left out, since its value may go on.
    """
    lines = head.decode("latin-1").replace("\r\n", "\n").strip("\n").split("\n")
    if not head.endswith(b"\n") and len(lines) > 1:
        lines.pop()
    headers: dict[str, str] = {}
    name = ""
    for line in lines[1:]:
        if line[:1] in (" ", "\t") and name:
            headers[name] += " " + line.strip()
            continue
        key, colon, value = line.partition(":")
        if not colon:
            continue
        name = key.strip().lower()
        headers[name] = f"{headers[name]}, {value.strip()}" if name in headers else value.strip()
    return lines[0], headers


def _accepts(request: Request | None, headers: Mapping[str, str]) -> bool | None:
    key, answer = (request.headers.get("sec-websocket-key") if request else None), headers.get("sec-websocket-accept")
    if key is None or answer is None:
        return None
    digest = hashlib.sha1(key.encode("latin-1") + GUID).digest()  # noqa: S324 - RFC 6455 section 4.2.2 wants SHA-1
    return base64.b64encode(digest).decode() == answer
