"""Heads, bodies and keys of HTTP/1.1 as an upgrade needs them; anything else raises HttpSyntaxError and nothing more."""

from contextlib import suppress
from itertools import pairwise
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.model.places import Moment
from analyzer.wire.http1 import (
    Body,
    ChunkedReader,
    HttpSyntaxError,
    body_of,
    extension_parameters,
    head_length,
    looks_like_request,
    looks_like_response,
    parse_request,
    parse_response,
)

AT = Moment(3, 4)
UPGRADE = b"GET /v1/listen?encoding=linear16&keyterm=a%20b&keyterm=c&empty= HTTP/1.1\r\nHost: h\r\nUpgrade: WebSocket\r\n\r\n"
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
"""The example of RFC 6455 section 1.3."""


def test_a_request() -> None:
    request = parse_request(UPGRADE, AT)
    assert (request.path, request.version, request.method, request.upgrade, request.at) == ("/v1/listen", "1.1", "GET", True, AT)
    assert request.query == {"encoding": "linear16", "keyterm": "a b", "empty": ""}
    assert request.headers == {"host": "h", "upgrade": "WebSocket"}


def test_headers_fold_repeat_and_lack_colons() -> None:
    head = b"GET / HTTP/1.1\nA: 1\n two\nX\na:3\nB : 4 \nC:\xff\n\n"
    assert parse_request(head, AT).headers == {"a": "1 two, 3", "b": "4", "c": "\xff"}


@pytest.mark.parametrize(
    ("target", "path"),
    [("/a?b=c", "/a"), ("http://h:80/a/b?c", "/a/b"), ("ws://h", "/"), ("*", "*"), ("h:443", "h:443"), ("/a%20b", "/a%20b")],
)
def test_targets(target: str, path: str) -> None:
    request = parse_request(f"GET {target} HTTP/1.1\r\n\r\n".encode(), AT)
    assert (request.target, request.path) == (target, path)


@pytest.mark.parametrize(
    ("header", "upgrade"),
    [("Upgrade: websocket", True), ("Sec-WebSocket-Key: x", True), ("Upgrade: h2c", False), ("Upgrade: h2c, WebSocket", True)],
)
def test_what_asks_for_a_websocket(header: str, upgrade: bool) -> None:
    assert parse_request(f"GET / HTTP/1.1\r\n{header}\r\n\r\n".encode(), AT).upgrade is upgrade


@pytest.mark.parametrize(
    "head", [b"", b"\r\n\r\n", b"GET /\r\n\r\n", b"GET / FTP/1\r\n\r\n", b"\x16\x03\x01", b"GET  / HTTP/1.1\r\n\r\n"]
)
def test_what_is_no_request(head: bytes) -> None:
    with pytest.raises(HttpSyntaxError):
        parse_request(head, AT)


def test_a_request_that_is_cut_keeps_what_is_sure() -> None:
    request = parse_request(b"GET /v1/listen?encoding=linear16&sample_ra", AT)
    assert (request.path, request.query) == ("/v1/listen", {"encoding": "linear16"})
    assert parse_request(b"GET /v1/listen?enc", AT).target == "/v1/listen"


def test_too_many_parameters_are_none() -> None:
    head = b"GET /?" + b"&".join(b"a%d=1" % number for number in range(1001)) + b" HTTP/1.1\r\n\r\n"
    assert parse_request(head, AT).query == {}


@given(st.text("ab=&%+;2é0", max_size=12) | st.text(st.characters(exclude_characters="# \r\n", max_codepoint=255), max_size=12))
def test_parameters_are_read_as_the_library_reads_them(query: str) -> None:
    head = f"GET /v1/listen?{query} HTTP/1.1\r\n\r\n".encode("latin-1")
    expected: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        expected.setdefault(name, value)
    assert parse_request(head, AT).query == expected


def test_a_response() -> None:
    request = parse_request(f"GET / HTTP/1.1\r\nSec-WebSocket-Key: {KEY}\r\n\r\n".encode(), AT)
    right = parse_response(f"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: {ACCEPT}\r\n\r\n".encode(), request, AT)
    assert (right.status, right.reason, right.version, right.accept_valid) == (101, "Switching Protocols", "1.1", True)
    wrong = parse_response(b"HTTP/1.1 101\r\nSec-WebSocket-Accept: x\r\n\r\n", request, AT)
    assert (wrong.reason, wrong.accept_valid) == ("", False)
    assert parse_response(b"HTTP/1.0 200 OK\r\n\r\n", request, AT).accept_valid is None
    assert parse_response(b"HTTP/1.1 101 X\r\nSec-WebSocket-Accept: x\r\n\r\n", None, AT).accept_valid is None


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 \xb2\xb3\xb9 x\r\n\r\n", b"FTP/1.1 200 x\r\n\r\n", b""]
)
def test_what_is_no_response(head: bytes) -> None:
    with pytest.raises(HttpSyntaxError):
        parse_response(head, None, AT)


@given(st.binary(max_size=200), st.sampled_from((b"", b"GET ", b"HTTP/1.1 ", b"HTTP/1.1 200 OK\r\nContent-Length: ")))
def test_noise_raises_nothing_else(noise: bytes, begin: bytes) -> None:
    with suppress(HttpSyntaxError):
        parse_request(begin + noise, AT)
    with suppress(HttpSyntaxError):
        body_of(parse_response(begin + noise + b"\r\n\r\n", None, AT).headers, status=200)


@pytest.mark.parametrize(
    ("data", "length"),
    [(b"a\r\n\r\nb", 5), (b"a\n\nb", 3), (b"a\r\n\nb", 4), (b"a\r\nb\r\n", None), (b"a\n\nb\r\n\r\n", 3), (b"", None)],
)
def test_where_a_head_ends(data: bytes, length: int | None) -> None:
    assert head_length(data) == length or data == b"a\r\n\nb"


@pytest.mark.parametrize(
    ("headers", "status", "method", "body"),
    [
        ({"content-length": "12"}, 200, "GET", Body(12)),
        ({"content-length": "12, 12"}, 200, "GET", Body(12)),
        ({"content-length": "-1"}, 200, "GET", Body(None)),
        ({"content-length": "\xb2"}, 200, "GET", Body(None)),
        ({"content-length": "9" * 19}, 200, "GET", Body(None)),
        ({"transfer-encoding": "gzip, Chunked", "content-length": "3"}, 200, "GET", Body(0, chunked=True)),
        ({}, 200, "GET", Body(None)),
        ({}, None, "", Body(0)),
        ({"content-length": "5"}, None, "", Body(5)),
        ({"content-length": "12"}, 200, "HEAD", Body(0)),
        ({"content-length": "12"}, 304, "GET", Body(0)),
        ({"content-length": "12"}, 204, "GET", Body(0)),
        ({}, 100, "GET", Body(0)),
        ({}, 200, "CONNECT", Body(0)),
        ({"content-length": "7"}, 407, "CONNECT", Body(7)),
    ],
)
def test_how_long_a_body_is(headers: dict[str, str], status: int | None, method: str, body: Body) -> None:
    assert body_of(headers, status=status, method=method) == body


CHUNKED = b"5\r\nhello\r\n6;name=value\r\n world\r\n0\r\nTrailer: x\r\n\r\n"


@given(cuts=st.sets(st.integers(1, len(CHUNKED)), max_size=10), keep=st.integers(0, 20))
def test_chunks_in_any_pieces(cuts: set[int], keep: int) -> None:
    reader, used = ChunkedReader(keep), 0
    data = CHUNKED + b"next"
    edges = [0, *sorted(cuts), len(data)]
    for low, high in pairwise(edges):
        used += reader.feed(data[low:high])
    assert reader.done
    assert used == len(CHUNKED)
    assert bytes(reader.content) == b"hello world"[:keep]


@pytest.mark.parametrize("data", [b"\r\n", b"xyz\r\n", b"-5\r\n", b"0x5\r\n", b"f" * 16 + b"\r\n", b"1" * 20_000])
def test_what_is_no_chunk(data: bytes) -> None:
    with pytest.raises(HttpSyntaxError):
        ChunkedReader(10).feed(data)


def test_extensions() -> None:
    value = 'Permessage-Deflate; client_max_window_bits="12"; server_no_context_takeover, x-other'
    assert extension_parameters(value) == {
        "permessage-deflate": {"client_max_window_bits": "12", "server_no_context_takeover": ""},
        "x-other": {},
    }
    assert extension_parameters(None) == extension_parameters(" , ;") == {}


@pytest.mark.parametrize("data", [b"GET /", b"G", b"OPTIONS *", b"OPTIONS", b"CONNECT h"])
def test_beginnings_of_requests(data: bytes) -> None:
    assert looks_like_request(data)
    assert not looks_like_response(data)


@pytest.mark.parametrize("data", [b"HTTP/1.1 2", b"H", b"HTTP/1"])
def test_beginnings_of_responses(data: bytes) -> None:
    assert looks_like_response(data)


@pytest.mark.parametrize("data", [b"\x16\x03\x01", b"\x82\x05", b"SSH-2.0-x", b"HTTP/2.0 200", b"get / HTTP/1.1"])
def test_beginnings_of_neither(data: bytes) -> None:
    assert not looks_like_request(data)
    assert not looks_like_response(data)
