"""A sanitised capture of one stream of HTTP/2: the same findings, and nothing of the streams that it shared packets with."""

import io
import json
import shutil
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from damage import read, write
from h2_peers import GRANT, PREFACE, REQUEST, Pair, frames_of
from hpack import Decoder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from peers import CLIENT, LIBRARIES, SERVER, TARGET, Deflate, Talk, pcap
from peers import Path as Way
from test_excerpt import (
    CONNECT,
    HEX,
    INNER,
    JWT,
    KEY,
    PLANTED,
    TUNNEL,
    WAYS,
    assert_forms_absent,
    conversation,
    heard,
    judged,
    streams,
    wireshark,
)
from tls_peers import Peers

import analyzer
from analyzer.excerpt import Excerpt, excerpt
from analyzer.model.limits import Limits
from analyzer.model.report import SessionReport
from analyzer.model.settings import Settings

STRANGERS = (
    "stranger-in-a-header-88",
    "stranger-in-a-path-88",
    "stranger-in-a-message-88",
    "stranger-in-a-body-88",
    "stranger-word-88",
)
"""Secrets of other streams, of which no rule knows that they are any."""
PARTS = ("message_counts", "frame_counts", "keepalives", "close", "gaps", "provider", "opened", "start", "duration_s", "upgrade")
DATA, HEADERS, PING, GOAWAY, CONTINUATION = 0, 1, 6, 7, 9


def asked(secrets: Sequence[str], *, deflate: bool) -> list[tuple[str, str]]:
    """A request with secrets in its path and its headers."""
    one, two, three = secrets
    fields = [(name, f"{value}&token={one}" if name == ":path" else value) for name, value in REQUEST]
    protocol = [("sec-websocket-protocol", f"token, {two}")]
    more = [*protocol, ("authorization", f"Token {one}"), ("cookie", f"id={three}"), ("x-long", "-".join(["long"] * 60))]
    return [*fields, *more, *([("sec-websocket-extensions", "permessage-deflate")] if deflate else [])]


def shared(deflate: Deflate | None = None, *, size: int = 1 << 14, pad: int | None = None, end: str = "ends") -> tuple[Talk, int]:
    """A session between a request of another kind and another WebSocket, in turn; and the number of its stream."""
    pair = Pair()
    strange = [(":method", "POST"), (":scheme", "https"), (":path", f"/{STRANGERS[1]}"), (":authority", "10.0.0.1")]
    other = pair.ask([*strange, ("x-id", STRANGERS[0])])
    pair.answer(other, [(":status", "200"), ("x-id", STRANGERS[0])])
    agreed = [("sec-websocket-extensions", "permessage-deflate")] if deflate else []
    own = pair.ask(asked((KEY, HEX, INNER), deflate=bool(deflate)))
    noise = pair.ask([*REQUEST, ("x-id", STRANGERS[0])])
    pair.answer(noise)
    pair.answer(own, [*GRANT, ("set-cookie", f"sid={JWT}"), *agreed])
    said = frames_of(LIBRARIES["wsproto"](conversation(), deflate))
    strangers = [STRANGERS[2].encode() * 9, b"\x81\x10" + STRANGERS[4].encode()]
    for turn, (side, chunk) in enumerate(said):
        pair.send(side, own, chunk, size=size, pad=pad)
        pair.send(turn % 2, (other, noise)[turn % 2], strangers[turn % 2], size=size, pad=pad)
        if turn == 5:
            pair.ends[CLIENT].ping(b"pinged88")
            pair.flush(CLIENT)
    pair.send(SERVER, other, STRANGERS[3].encode(), end=True)
    if end == "ends":
        pair.send(SERVER, own, b"", end=True)
        pair.send(CLIENT, own, b"", end=True)
        pair.send(CLIENT, noise, STRANGERS[2].encode(), end=True)
    elif end == "reset":
        pair.reset(SERVER, own)
    elif end == "goaway":
        pair.ends[SERVER].close_connection(11, f"no more of {KEY}".encode())
        pair.flush(SERVER)
    return pair.talk, own


def session_of(path: Path, number: int, chosen: Settings | None = None) -> SessionReport:
    """The session in a stream."""
    return next(one for one in analyzer.analyze(path, settings=chosen).sessions if one.upgrade["stream_id"] == number)


def taken(path: Path, session: SessionReport, chosen: Settings | None = None, **wishes: bool) -> tuple[bytes, Excerpt]:
    target = io.BytesIO()
    said = excerpt([str(path)], chosen or Settings(), session, target, **wishes)
    return target.getvalue(), said


def again(content: bytes, folder: Path) -> SessionReport:
    """The only session of an excerpt."""
    path = folder / "excerpt.pcapng"
    path.write_bytes(content)
    (session,) = analyzer.analyze(path).sessions
    return session


def walked(stream: bytes) -> list[tuple[int, int, int, bytes]]:
    """Type, flags, stream and payload of each frame, the plain way."""
    found, at = [], len(PREFACE) if stream.startswith(PREFACE) else 0
    while at < len(stream):
        size = int.from_bytes(stream[at : at + 3], "big")
        payload = stream[at + 9 : at + 9 + size]
        assert len(payload) == size
        found.append((stream[at + 3], stream[at + 4], int.from_bytes(stream[at + 5 : at + 9], "big"), payload))
        at += 9 + size
    return found


def fields_of(frames: Sequence[tuple[int, int, int, bytes]], number: int) -> list[list[tuple[str, str]]]:
    """Header lists of a stream, by a decoder that knows of no other stream."""
    decoder, block, found = Decoder(), b"", []
    for kind, flags, stream, payload in frames:
        if stream == number and kind in (HEADERS, CONTINUATION):
            block += payload
            if flags & 4:
                found.append([(str(name), str(value)) for name, value in decoder.decode(block)])
                block = b""
    return found


def content_of(frames: Sequence[tuple[int, int, int, bytes]], number: int) -> bytes:
    """What the DATA of a stream carry."""
    parts = []
    for kind, flags, stream, payload in frames:
        if kind == DATA and stream == number:
            padded = flags >> 3 & 1
            parts.append(payload[padded : len(payload) - (payload[0] if padded else 0)])
    return b"".join(parts)


def assert_alone(content: bytes, number: int, port: int = 80) -> tuple[list[bytes], list[list[list[tuple[str, str]]]]]:
    """No secret and nothing of other streams in a copy; gives what each side says in the stream, and its headers."""
    sent = streams(content, port)
    frames = [walked(stream) for stream in sent]
    for side in frames:
        assert {stream for _, _, stream, payload in side if payload} <= {0, number}
        assert [kind for kind, _, stream, _ in side if stream not in (0, number)] in ([], [HEADERS])
    fields = [fields_of(side, number) for side in frames]
    said = [content_of(side, number) for side in frames]
    front = b"HTTP/1.1 101 \r\n" + (
        b"Sec-WebSocket-Extensions: permessage-deflate\r\n" if "permessage-deflate" in str(fields[SERVER]) else b""
    )
    plain = [front + b"\r\n" + one for one in said]
    messages = [payload for side in (CLIENT, SERVER) for _, payload in heard(plain, side)]
    told = [str(fields).encode(), *messages, *said, *sent, content]
    assert_forms_absent(told, (*PLANTED, *STRANGERS, "pinged88"))
    return said, fields


def same(copy: SessionReport, session: SessionReport) -> None:
    for part in PARTS:
        one, two = getattr(copy, part), getattr(session, part)
        if part == "upgrade":  # what is secret is told by its sum, and is another one now
            one, two = (
                {key: each[key] for key in ("outcome", "path", "status", "stream_id", "http_version")} for each in (one, two)
            )
        assert one == two, part
    # Packets that held nothing but other streams are empty now, those that were sent again among them.
    found = [{(one.rule, one.severity, one.count, one.time_s) for one in each.findings} for each in (copy, session)]
    assert {rule for rule, *_ in found[0] ^ found[1]} <= {"tcp-retransmissions"}
    assert copy.verdict.rule == session.verdict.rule


@pytest.mark.parametrize("deflate", [None, Deflate()], ids=["plain", "takeover"])
@pytest.mark.parametrize("segment", [7, 60, 1460])
@pytest.mark.parametrize(("size", "pad"), [(1 << 14, None), (50, 9)], ids=["whole", "cut and padded"])
def test_a_stream_stands_alone(tmp_path: Path, deflate: Deflate | None, segment: int, size: int, pad: int | None) -> None:
    talk, number = shared(deflate, size=size, pad=pad)
    path = tmp_path / "talk.pcap"
    path.write_bytes(pcap(talk, Way((segment,), exchanged=5, repeated=5, late=5)))
    session = session_of(path, number)
    content, said = taken(path, session)
    assert (said.why, said.tls_removed) == (None, False)
    assert said.overwritten > 300
    _, fields = assert_alone(content, number)
    assert dict(fields[CLIENT][0])[":path"] == f"{TARGET}&token={'x' * len(KEY)}"
    assert dict(fields[CLIENT][0])["authorization"] == f"Token {'x' * len(KEY)}"
    assert dict(fields[CLIENT][0])["x-long"] == "-".join(["long"] * 60)
    assert dict(fields[SERVER][0])["dg-request-id"] == dict(GRANT)["dg-request-id"]
    copy = again(content, tmp_path)
    same(copy, session)
    if deflate is None:
        assert copy.coverage == session.coverage
        assert copy.audio["client"]["sha256"] == session.audio["client"]["sha256"]


@pytest.mark.parametrize("way", ["TLS", "proxy", "TLS in TLS"])
@pytest.mark.parametrize("deflate", [None, Deflate()], ids=["plain", "takeover"])
def test_tls_around_it_is_taken_off(tmp_path: Path, way: str, deflate: Deflate | None) -> None:
    talk, number = shared(deflate)
    inner = Peers(alpn=("h2",)).speak(talk)
    front = [] if way == "TLS" else [(CLIENT, CONNECT), (SERVER, TUNNEL)]
    around, keys = Talk([*front, *inner.talk.chunks]), inner.keys
    if way == "TLS in TLS":
        outer = Peers().speak(around)
        around, keys = outer.talk, keys + outer.keys
    path, log = tmp_path / "talk.pcap", tmp_path / "keys.log"
    path.write_bytes(pcap(around, Way((700,), exchanged=5, repeated=5, late=5)))
    log.write_bytes(keys)
    chosen = Settings(key_logs=(str(log),))
    session = session_of(path, number, chosen)
    content, said = taken(path, session, chosen)
    assert said.tls_removed
    sent = streams(content)
    behind = [stream.index(b"\r\n\r\n") + 4 if front else 0 for stream in sent]
    frames = [walked(stream[at:]) for stream, at in zip(sent, behind, strict=True)]
    told = [
        content,
        *sent,
        *(content_of(side, number) for side in frames),
        str([fields_of(one, number) for one in frames]).encode(),
    ]
    assert_forms_absent(told, (*PLANTED[:3], *STRANGERS))
    copy = again(content, tmp_path)
    assert copy.tls is None
    assert (copy.upgrade["proxy"] or {}).get("status") == (200 if front else None)
    same(copy, session)


@pytest.mark.parametrize("end", ["ends", "reset", "goaway", "stays open"])
def test_its_end_is_the_same(tmp_path: Path, end: str) -> None:
    talk, number = shared(end=end)
    path = tmp_path / "talk.pcap"
    path.write_bytes(pcap(talk))
    session = session_of(path, number)
    content, _ = taken(path, session)
    assert_alone(content, number)
    copy = again(content, tmp_path)
    same(copy, session)
    assert copy.tcp_end == session.tcp_end


def test_every_stream_gets_its_own(tmp_path: Path) -> None:
    """The first request of a connection begins with the connection: a stub stands for it in copies of later ones."""
    talk, _ = shared()
    path = tmp_path / "talk.pcap"
    path.write_bytes(pcap(talk))
    for session in analyzer.analyze(path).sessions:
        copy = again(taken(path, session)[0], tmp_path)
        same(copy, session)
        assert judged(copy)[0] == session.verdict.rule


def test_a_refusal_keeps_its_words(tmp_path: Path) -> None:
    pair = Pair()
    refusal = json.dumps({"err_code": "INVALID_AUTH", "err_msg": f"Invalid credentials {KEY}"}).encode()
    own = pair.ask(asked((KEY, HEX, INNER), deflate=False))
    pair.answer(own, [(":status", "401"), ("dg-error", f"Invalid {KEY}")])
    pair.send(SERVER, own, refusal, end=True)
    path = tmp_path / "talk.pcap"
    path.write_bytes(pcap(pair.talk))
    session = session_of(path, own)
    content, _ = taken(path, session)
    said, fields = assert_alone(content, own)
    assert dict(fields[SERVER][0])[":status"] == "401"
    assert json.loads(said[SERVER]) == {"err_code": "INVALID_AUTH", "err_msg": f"Invalid credentials {'x' * len(KEY)}"}
    copy = again(content, tmp_path)
    assert (copy.verdict.rule, copy.upgrade["status"]) == (session.verdict.rule, 401)


def test_headers_in_several_frames_stay_in_their_packets(tmp_path: Path) -> None:
    pair = Pair()
    own = pair.ask([*asked((KEY, HEX, INNER), deflate=False), *((f"x-{number}", "-".join(["word"] * 3000)) for number in range(3))])
    pair.answer(own)
    pair.send(SERVER, own, frames_of(LIBRARIES["wsproto"](conversation(), None))[-1][1], end=True)
    path = tmp_path / "talk.pcap"
    path.write_bytes(pcap(pair.talk))
    session = session_of(path, own)
    content, _ = taken(path, session)
    _, fields = assert_alone(content, own)
    assert dict(fields[CLIENT][0])["x-2"] == "-".join(["word"] * 3000)
    assert [one[0] for one in walked(streams(content)[CLIENT])].count(CONTINUATION) >= 2
    same(again(content, tmp_path), session)


def cut(folder: Path, deflate: Deflate | None, segment: int, *, secured: bool) -> tuple[Path, int, Settings]:
    """A capture of the session in packets of a size, in TLS or not, and how to read it."""
    talk, number = shared(deflate, size=300)
    path, log = folder / "talk.pcap", folder / "keys.log"
    if secured:
        inside = Peers(alpn=("h2",)).speak(talk)
        talk = inside.talk
        log.write_bytes(inside.keys)
    path.write_bytes(pcap(talk, Way((segment,))))
    return path, number, Settings(key_logs=(str(log),)) if secured else Settings()


@pytest.mark.parametrize("segment", [200, 1460])
@pytest.mark.parametrize("secured", [False, True], ids=["plain", "TLS"])
def test_behind_a_hole_the_same_is_found(tmp_path: Path, segment: int, *, secured: bool) -> None:
    path, _, chosen = cut(tmp_path, None, segment, secured=secured)
    whole = read(path)
    for place in range(4, len(whole), len(whole) // 9):
        write([one for row, one in enumerate(whole) if row not in (place, place + 1)], path)
        for session in analyzer.analyze(path, settings=chosen).sessions:
            content, said = taken(path, session, chosen)
            assert said.why is None
            copy = again(content, tmp_path)
            assert copy.frame_counts == session.frame_counts, place
            found = [{(one.rule, one.severity) for one in each.findings} for each in (copy, session)]
            assert {rule for rule, _ in found[0] ^ found[1]} <= {"tcp-retransmissions"}, place


@pytest.mark.parametrize("lost", [2, 5, 11, 23])
@pytest.mark.parametrize("segment", [200, 1460])
@pytest.mark.parametrize("deflate", [None, Deflate()], ids=["plain", "takeover"])
@pytest.mark.parametrize("secured", [False, True], ids=["plain", "TLS"])
def test_of_a_capture_with_holes_no_secret_and_no_stranger_is_left(
    tmp_path: Path, lost: int, segment: int, deflate: Deflate | None, *, secured: bool
) -> None:
    path, number, chosen = cut(tmp_path, deflate, segment, secured=secured)
    write([one for one in read(path) if one.number % lost], path)
    for session in analyzer.analyze(path, settings=chosen).sessions:
        content, _ = taken(path, session, chosen)
        # Without the request nothing says that a word of a free text is a secret.
        known = (*STRANGERS, *(PLANTED if session.upgrade["target"] is not None else PLANTED[1:]))
        mine = tuple(one for one in known if session.upgrade["stream_id"] == number or one in PLANTED)
        assert_forms_absent([content], mine)


TALKS = {name: shared(deflate) for name, deflate in (("plain", None), ("deflate", Deflate()))}


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(WAYS, st.sampled_from(sorted(TALKS)))
def test_any_split_into_packets_gives_the_same_stream(tmp_path: Path, other: Way, name: str) -> None:
    found = []
    talk, number = TALKS[name]
    for way in (Way(), other):
        path = tmp_path / "talk.pcap"
        path.write_bytes(pcap(talk, way))
        found.append(streams(taken(path, session_of(path, number))[0]))
    for one, two in pairwise(found):
        assert one == two


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
@pytest.mark.parametrize("deflate", [None, Deflate()], ids=["plain", "takeover"])
def test_wireshark_has_nothing_to_complain_about(tmp_path: Path, deflate: Deflate | None) -> None:
    talk, number = shared(deflate)
    path, copy = tmp_path / "talk.pcap", tmp_path / "copy.pcapng"
    path.write_bytes(pcap(talk, Way((700,))))
    content, _ = taken(path, session_of(path, number))
    copy.write_bytes(content)
    bad = "tcp.checksum.status == 0 || ip.checksum.status == 0 || _ws.malformed || _ws.expert.severity == error"
    assert wireshark(copy, "frame.number", only=bad) == []
    own = f"http2.streamid == {number}"
    asked_for = [line for line in wireshark(copy, "http2.headers.path", only=own) if line]
    assert asked_for == [f"{TARGET}&token={'x' * len(KEY)}"]
    one, two = (
        [kind for line in wireshark(each, "http2.type", only=own) for kind in line.split(",")].count("0") for each in (path, copy)
    )
    assert one >= two > 10


def test_what_a_proxy_answered_is_not_taken_for_the_refusal(tmp_path: Path) -> None:
    pair = Pair()
    own = pair.ask(asked((KEY, HEX, INNER), deflate=False))
    pair.answer(own, [(":status", "401")])
    pair.send(SERVER, own, b'{"err_code": "INVALID_AUTH", "err_msg": "Invalid credentials"}', end=True)
    path = tmp_path / "talk.pcap"
    path.write_bytes(pcap(Talk([(CLIENT, CONNECT), (SERVER, TUNNEL), *pair.talk.chunks])))
    (session,) = analyzer.analyze(path).sessions
    assert judged(again(taken(path, session)[0], tmp_path)) == judged(session)


def test_of_a_number_used_twice_nothing_is_written(tmp_path: Path) -> None:
    """Peers may not, and both sessions would be made of the bytes of either."""
    limits = Limits(batch=4096, part=4096, hole_patience=1)
    pair = Pair()
    own = pair.ask()
    pair.answer(own)
    asked_and_answered = pair.talk.chunks[-2:]
    for side, chunk in frames_of(LIBRARIES["wsproto"](conversation(), None)):
        pair.send(side, own, chunk)
    for side in (CLIENT, SERVER):
        pair.send(side, own, b"", end=True)
    path = tmp_path / "talk.pcap"
    ping = b"\0\0\x08\6\0\0\0\0\0" + bytes(8)
    path.write_bytes(pcap(Talk([*pair.talk.chunks, *[(CLIENT, ping)] * 100, *asked_and_answered])))
    sessions = analyzer.analyze(path, settings=Settings(limits=limits)).sessions
    assert [one.upgrade["stream_id"] for one in sessions] == [own, own]
    for session in sessions:
        content, told = taken(path, session, Settings(limits=limits))
        assert content == b""
        assert "cannot be told" in str(told.why)
