"""HTTP keeps its lengths and its frame; credentials and what is not understood are overwritten."""

import gzip
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.copies.heads import body, head
from analyzer.model.redact import NONE, Secrets

REQUEST = (
    b"GET /v1/listen?token=abc&model=a HTTP/1.1\r\nHost: 10.0.0.1:80\r\nAuthorization:  Token abc\r\n folded more\r\n"
    b"X-Forwarded-For: 10.0.0.2\r\nSec-WebSocket-Protocol: token, abc\r\nSec-WebSocket-Protocol: def\r\n"
    b"Sec-WebSocket-Key: c2l4dGVlbiBvY3RldHMuLg==\r\nno header at all\r\n\r\n"
)
CLEAN = (
    b"GET /v1/listen?token=xxx&model=a HTTP/1.1\r\nHost: 10.0.0.1:80\r\nAuthorization:  Token xxx\r\n xxxxxxxxxxx\r\n"
    b"X-Forwarded-For: 10.0.0.2\r\nSec-WebSocket-Protocol: token, xxx\r\nSec-WebSocket-Protocol: xxx\r\n"
    b"Sec-WebSocket-Key: c2l4dGVlbiBvY3RldHMuLg==\r\nxxxxxxxxxxxxxxxx\r\n\r\n"
)


def test_a_request_loses_its_credentials() -> None:
    assert head(REQUEST, NONE) == CLEAN
    assert head(REQUEST, NONE, addresses=True) == CLEAN.replace(b"10.0.0.2", b"xxxxxxxx")


@pytest.mark.parametrize(
    ("line", "clean"),
    [
        (b"CONNECT user:pass@host:443 HTTP/1.1\r\n\r\n", b"CONNECT xxxxxxxxx@host:443 HTTP/1.1\r\n\r\n"),
        (
            b"CONNECT host:443 HTTP/1.1\r\nProxy-Authorization: Basic dTpw\r\n\r\n",
            b"CONNECT host:443 HTTP/1.1\r\nProxy-Authorization: Basic xxxx\r\n\r\n",
        ),
        (b"GET http://user:pass@host/a HTTP/1.1\r\n\r\n", b"GET http://xxxxxxxxx@host/a HTTP/1.1\r\n\r\n"),
        (
            b"HTTP/1.1 101 Switching Protocols\r\nSet-Cookie: a=b\r\n\r\n",
            b"HTTP/1.1 101 Switching Protocols\r\nSet-Cookie: xxx\r\n\r\n",
        ),
        (b"GET /a?tok", b"GET /a?tok"),
        (b"neither one", b"neither one"),
    ],
)
def test_first_lines(line: bytes, clean: bytes) -> None:
    assert head(line, NONE) == clean


@given(st.binary(max_size=200))
def test_any_head_keeps_its_length_and_its_lines(content: bytes) -> None:
    found = head(content, NONE)
    assert len(found) == len(content)
    assert [at for at, byte in enumerate(found) if byte == 10] == [at for at, byte in enumerate(content) if byte == 10]


SECRETS = Secrets(frozenset({"opaque-credential"}))
REFUSED = b'{"err_msg": "opaque-credential is wrong"}'
COVERED = REFUSED.replace(b"opaque-credential", b"x" * 17)


def chunks(*parts: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def test_the_body_of_an_answer_stays_readable() -> None:
    assert body(REFUSED, SECRETS, chunked=False, plain=REFUSED) == COVERED
    assert body(chunks(REFUSED[:15], REFUSED[15:]), SECRETS, chunked=True, plain=REFUSED) == chunks(COVERED[:15], COVERED[15:])


def test_a_body_in_a_coding_stays_as_it_is_or_not_at_all() -> None:
    packed = gzip.compress(REFUSED)
    assert body(packed, NONE, chunked=False, plain=REFUSED) == packed
    assert set(body(packed, SECRETS, chunked=False, plain=REFUSED)) <= set(b"x\r\n")
    assert body(chunks(packed), NONE, chunked=True, plain=REFUSED) == chunks(packed)


def with_comment(packed: bytes, comment: bytes) -> bytes:
    return packed[:3] + b"\x10" + packed[4:10] + comment + b"\0" + packed[10:]


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
def test_a_body_in_a_coding_stays_only_if_all_of_it_is_known(pack: Callable[[bytes], bytes]) -> None:
    packed = pack(REFUSED)
    assert body(packed, NONE, chunked=False, plain=REFUSED) == packed
    assert body(packed[:-3], NONE, chunked=False, plain=REFUSED) == packed[:-3]
    for more, plain in ((pack(REFUSED * 99), REFUSED * 98), (packed + b"more", REFUSED), (pack(packed), REFUSED)):
        assert set(body(more, NONE, chunked=False, plain=plain)) <= set(b"x\r\n")


def test_of_gzip_nothing_stays_that_is_not_content() -> None:
    packed = with_comment(gzip.compress(REFUSED), b"opaque-credential")
    assert gzip.decompress(packed) == REFUSED
    assert set(body(packed, NONE, chunked=False, plain=REFUSED)) <= set(b"x\r\n")


def test_what_belongs_to_another_exchange_is_overwritten() -> None:
    assert body(b"name=value\r\n", NONE, chunked=False, plain=None) == b"xxxxxxxxxx\r\n"
    assert body(chunks(b"name=value"), NONE, chunked=True, plain=None) == chunks(b"x" * 10)
    assert body(b"5;ext=secret\r\nabcde\r\n0\r\n\r\n", NONE, chunked=True, plain=None).count(b"x") > 10


@given(st.binary(max_size=120), st.booleans(), st.none() | st.just(REFUSED))
def test_any_body_keeps_its_length(content: bytes, chunked: bool, plain: bytes | None) -> None:
    assert len(body(content, SECRETS, chunked=chunked, plain=plain)) == len(content)
