"""WebSocket over HTTP/2: the same as over HTTP/1.1, however the bytes come; holes, hostile frames, many streams."""

import random
import struct
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import h2_peers
import numpy as np
import peers
import pytest
from h2_peers import GRANT, PREFACE, REQUEST, Pair, over_http2
from hpack import Encoder
from hypothesis import given, settings
from hypothesis import strategies as st
from peers import BINARY, CLIENT, SERVER, TEXT, Deflate, Said, Talk

import analyzer
from analyzer.model.limits import DEFAULT
from analyzer.model.report import Report
from analyzer.model.settings import Settings
from analyzer.reports.plain import plain

RESULTS = b'{"type":"Results","is_final":false,"start":0,"duration":1.0,"channel":{"alternatives":[{"transcript":"a"}]}}'


def noise(number: int, size: int = 3200) -> bytes:
    return random.Random(number).randbytes(size)  # noqa: S311 - the same bytes each time are wanted


def script(count: int = 20, seed: int = 0) -> list[Said]:
    said = []
    for number in range(count):
        said.append(Said(CLIENT, BINARY, (noise(1000 * seed + number),)))
        if number % 5 == 4:
            said.append(Said(SERVER, TEXT, (RESULTS,)))
    return [*said, Said(CLIENT, TEXT, (b'{"type":"CloseStream"}',))]


TALK = peers.wsproto_talk(script(), None)
OTHER = peers.wsproto_talk(script(seed=1), None)


def read(data: bytes, folder: Path) -> Report:
    path = folder / "capture.pcap"
    path.write_bytes(data)
    return analyzer.analyze(str(path))


def sessions(report: Report) -> list[dict[str, Any]]:
    return list(plain(report)["captures"][0]["sessions"])


def others(report: Report) -> dict[str, int]:
    return dict(plain(report)["captures"][0]["other_connections"])


def tables(report: Report) -> list[list[tuple[int, ...]]]:
    """Of each session its frames but for packets and times."""
    names = ("side", "offset", "length", "header", "opcode", "fin", "rsv", "masked", "message", "complete", "anomalies")
    found = []
    for one in report.sessions:
        assert one.frame_table is not None
        columns = one.frame_table.columns()
        order = np.lexsort((columns["offset"], columns["side"]))
        found.append(list(zip(*(columns[name][order].tolist() for name in names), strict=True)))
    return found


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """RFC 9113 section 4.1."""
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + struct.pack(">I", stream) + payload


class Line:
    """Frames written by hand: what h2 would not send."""

    def __init__(self, *, connect: bool = True) -> None:
        self.talk = Talk()
        self.encoders = (Encoder(), Encoder())
        self.say(CLIENT, PREFACE, frame(4, 0, 0))
        self.say(SERVER, frame(4, 0, 0, b"\0\x08\0\0\0\1" if connect else b""))

    def say(self, side: int, *data: bytes) -> "Line":
        """Note what a side sends."""
        self.talk.add(side, data)
        return self

    def block(self, side: int, fields: Sequence[tuple[str, str]]) -> bytes:
        """A header block, by the side's own table."""
        return bytes(self.encoders[side].encode(list(fields)))

    def open(self, stream: int, fields: Sequence[tuple[str, str]] = REQUEST) -> "Line":
        """A request for a WebSocket that is granted."""
        self.say(CLIENT, frame(1, 4, stream, self.block(CLIENT, fields)))
        return self.say(SERVER, frame(1, 4, stream, self.block(SERVER, GRANT)))

    def carry(self, stream: int, talk: Talk = TALK) -> "Line":
        """What two libraries said, a DATA frame each."""
        for side, data in h2_peers.frames_of(talk):
            self.say(side, frame(0, 0, stream, data))
        return self

    def end(self, *streams: int) -> "Line":
        """END_STREAM from both sides."""
        for side in (CLIENT, SERVER):
            self.say(side, *(frame(0, 1, stream) for stream in streams))
        return self

    def capture(self, segments: tuple[int, ...] = (1460,)) -> bytes:
        """All of it as a file."""
        return h2_peers.capture(self.talk, segments)


@pytest.mark.parametrize("deflate", [None, Deflate()], ids=["plain", "deflate"])
def test_the_same_session_as_over_http1(deflate: Deflate | None, tmp_path: Path) -> None:
    talk = peers.wsproto_talk(script(), deflate)
    before = read(peers.pcap(talk), tmp_path)
    extensions = [("sec-websocket-extensions", "permessage-deflate")] if deflate else []
    line = Line()
    line.say(CLIENT, frame(1, 4, 1, line.block(CLIENT, [*REQUEST, *extensions])))
    line.say(SERVER, frame(1, 4, 1, line.block(SERVER, [*GRANT, *extensions])))
    after = read(line.carry(1, talk).end(1).capture(), tmp_path)
    (one,), (two,) = sessions(before), sessions(after)
    assert tables(after) == tables(before)
    for name in ("messages", "frames", "audio", "close", "provider", "coverage", "keepalives", "tcp_end"):
        assert two[name] == one[name], name
    assert [found["rule"] for found in two["findings"]] == [found["rule"] for found in one["findings"]]
    assert [two["upgrade"][name] for name in ("outcome", "http_version", "status", "stream_id")] == ["accepted", "2", 200, 1]
    assert two["upgrade"]["query"] == one["upgrade"]["query"]
    assert one["upgrade"]["stream_id"] is None


@pytest.mark.parametrize("pad", [None, 0, 7, 255])
@pytest.mark.parametrize("size", [1, 50, 1000, 1 << 14])
def test_several_streams_in_any_frames(size: int, pad: int | None, tmp_path: Path) -> None:
    talks = [peers.wsproto_talk(script(4, seed), None) for seed in range(3)]
    if size == 1:
        talks = [peers.wsproto_talk([Said(CLIENT, BINARY, (noise(seed, 40),))], None) for seed in range(3)]
    report = read(h2_peers.capture(over_http2(talks, size=size, pad=pad)), tmp_path)
    assert tables(report) == [tables(read(peers.pcap(talk), tmp_path))[0] for talk in talks]
    assert [one["upgrade"]["stream_id"] for one in sessions(report)] == [1, 3, 5]


@pytest.mark.parametrize("segments", [(1,), (2, 7), (9,), (10, 1), (300, 13, 5000)], ids=str)
def test_any_split_gives_the_same(segments: tuple[int, ...], tmp_path: Path) -> None:
    talks = [peers.wsproto_talk(script(3, seed), None) for seed in range(2)]
    talk = over_http2(talks, pad=3)
    whole, split = (read(h2_peers.capture(talk, some), tmp_path) for some in ((60000,), segments))
    assert tables(split) == tables(whole)
    assert [one["audio"]["client"] for one in sessions(split)] == [one["audio"]["client"] for one in sessions(whole)]


def test_continuation_unknown_frames_and_other_requests_are_read_or_stepped_over(tmp_path: Path) -> None:
    line = Line()
    get = [(":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", "a"), ("cookie", "a=1"), ("cookie", "b=2")]
    line.say(CLIENT, frame(1, 5, 1, line.block(CLIENT, get)), frame(0xBE, 0xFF, 7, b"grease" * 50), frame(6, 0, 0, bytes(8)))
    line.say(
        SERVER, frame(1, 4, 1, line.block(SERVER, [(":status", "200")])), frame(0, 1, 1, b"page" * 999), frame(8, 0, 0, bytes(4))
    )
    block = line.block(CLIENT, [*REQUEST, ("cookie", "a=1"), ("cookie", "b=2"), ("x", "1"), ("x", "2")])
    line.say(CLIENT, frame(1, 0, 3, block[:5]), *(frame(9, 0, 3, block[at : at + 1]) for at in range(5, len(block) - 1)))
    line.say(CLIENT, frame(9, 4, 3, block[-1:]))
    line.say(SERVER, frame(1, 4, 3, line.block(SERVER, [(":status", "103")])), frame(1, 4, 3, line.block(SERVER, GRANT)))
    report = read(line.carry(3).end(3).capture(), tmp_path)
    (session,) = sessions(report)
    assert session["upgrade"]["outcome"] == "accepted"
    assert session["upgrade"]["request_id"] == GRANT[1][1]
    assert tables(report) == tables(read(peers.pcap(TALK), tmp_path))


def test_a_refusal_has_its_body_and_is_an_attempt(tmp_path: Path) -> None:
    line = Line()
    line.say(CLIENT, frame(1, 4, 1, line.block(CLIENT, REQUEST)))
    line.say(
        SERVER, frame(1, 4, 1, line.block(SERVER, [(":status", "401")])), frame(0, 1, 1, b'{"err_msg":"Invalid credentials."}')
    )
    report = read(line.open(3).carry(3).end(3).capture(), tmp_path)
    refused, accepted = sessions(report)
    assert refused["upgrade"]["outcome"] == "rejected"
    assert refused["verdict"]["rule"] == "upgrade-rejected"
    assert "Invalid credentials." in refused["findings"][0]["text"]
    assert accepted["upgrade"]["outcome"] == "accepted"


@pytest.mark.parametrize("connect", [True, False])
def test_no_answer_and_what_was_not_offered(connect: bool, tmp_path: Path) -> None:
    line = Line(connect=connect)
    line.say(CLIENT, frame(1, 4, 1, line.block(CLIENT, REQUEST)))
    (session,) = sessions(read(line.say(SERVER, frame(3, 0, 1, struct.pack(">I", 7))).capture(), tmp_path))
    assert session["upgrade"]["outcome"] == "no-response"
    assert session["tcp_end"] == "rst-server"
    (found,) = [one for one in session["findings"] if one["rule"] == "no-response"]
    assert ("ENABLE_CONNECT_PROTOCOL" in found["text"]) is not connect


def test_a_reset_stream_ends_abruptly_while_the_other_goes_on(tmp_path: Path) -> None:
    line = Line().open(1).open(3)
    for side, data in h2_peers.frames_of(TALK)[:8]:
        line.say(side, frame(0, 0, 1, data))
    line.say(SERVER, frame(7, 0, 0, struct.pack(">II", 3, 11) + b"too much"))
    line.say(SERVER, frame(3, 0, 1, struct.pack(">I", 8)))
    first, second = sessions(read(line.carry(3, OTHER).end(3).capture(), tmp_path))
    assert first["verdict"]["rule"] == "abrupt-close"
    assert first["tcp_end"] == "rst-server"
    text = next(found["text"] for found in first["findings"] if found["rule"] == "abrupt-close")
    assert "CANCEL" in text
    assert "ENHANCE_YOUR_CALM: too much" in text
    assert second["close"]["code"] == 1000
    assert second["tcp_end"] == "fin-client"


def packets_of(data: bytes) -> list[bytes]:
    """The records of a capture, headers included."""
    at, found = 24, []
    while at < len(data):
        size = struct.unpack_from("<I", data, at + 8)[0]
        found.append(data[at : at + 16 + size])
        at += 16 + size
    return found


def without(data: bytes, hit: set[int]) -> bytes:
    return data[:24] + b"".join(one for number, one in enumerate(packets_of(data)) if number not in hit)


def test_any_lost_packet_invents_nothing_and_costs_little(tmp_path: Path) -> None:
    """Of two streams in turn every packet is left out once."""
    talks = [peers.wsproto_talk(script(6, seed), None) for seed in range(2)]
    data = h2_peers.capture(over_http2(talks), (900,))
    true = {(row[0], row[2], row[4], row[6]) for table in tables(read(data, tmp_path)) for row in table}
    count, missed = len(packets_of(data)), 0
    for number in range(count):
        report = read(without(data, {number}), tmp_path)
        found = [(row[0], row[2], row[4], row[6]) for table in tables(report) for row in table]
        assert set(found) <= true, (number, set(found) - true)
        missed += 2 * (len(talks[0].chunks) - 2) - len(found)
    assert missed < 0.1 * count * 2 * (len(talks[0].chunks) - 2)


@pytest.mark.parametrize("begin", range(0, 40, 3))
def test_a_hole_behind_a_header_is_stepped_over_exactly(begin: int, tmp_path: Path) -> None:
    """As long as it lies in the payload of one DATA frame every other frame stays where it is, byte for byte."""
    line = Line().open(1).carry(1).end(1)
    data = line.capture((100,))
    hit = next(number for number, one in enumerate(packets_of(data)) if len(one) > 16 + 54 + 90) + 5 + begin % 25
    whole, torn = read(data, tmp_path), read(without(data, {hit}), tmp_path)
    (session,) = sessions(torn)
    if session["coverage"]["client"]["missing"] == 100:
        known = {row[:8] for row in tables(whole)[0]}
        assert {row[:8] for row in tables(torn)[0]} <= known
        assert len(tables(torn)[0]) == len(known)


def test_a_lost_header_block_is_said_and_what_is_open_goes_on(tmp_path: Path) -> None:
    line = Line().open(1)
    before = len(packets_of(line.capture()))
    line.say(CLIENT, frame(1, 4, 3, line.block(CLIENT, [*REQUEST, ("x-new", "entry")])))
    line.say(SERVER, frame(1, 4, 3, line.block(SERVER, GRANT)))
    line.carry(1).end(1, 3).open(5)
    report = read(without(line.capture(), {before - 3}), tmp_path)
    (session,) = sessions(report)
    assert session["upgrade"]["stream_id"] == 1
    assert tables(report)[0][-1][2:] == tables(read(peers.pcap(TALK), tmp_path))[0][-1][2:]
    (found,) = [one for one in session["findings"] if one["rule"] == "capture-incomplete"]
    assert "HTTP/2 header block of the client" in found["text"]


def test_an_answer_that_is_missing_is_presumed_by_its_frames(tmp_path: Path) -> None:
    line = Line()
    line.say(CLIENT, frame(1, 4, 1, line.block(CLIENT, REQUEST)))
    before = len(packets_of(line.capture()))
    line.say(SERVER, frame(1, 4, 1, line.block(SERVER, GRANT))).carry(1).end(1)
    (session,) = sessions(read(without(line.capture(), {before - 3}), tmp_path))
    assert session["upgrade"]["outcome"] == "not-captured"
    assert session["messages"]["client"]["binary"] == 20


def test_a_connection_that_was_running_is_named_and_no_session(tmp_path: Path) -> None:
    data = Line().open(1).carry(1).capture()
    path = tmp_path / "late.pcap"
    for begin in (8, 12, 17, 30):
        late = without(data, set(range(begin)))
        assert others(read(late, tmp_path)) == {"http2": 1}
        path.write_bytes(late)
        small = analyzer.analyze(str(path), settings=Settings(limits=replace(DEFAULT, batch=2000)))
        assert others(small) == {"http2": 1}


def test_without_the_packages_the_report_names_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hpack", None)
    report = read(Line().open(1).carry(1).capture(), tmp_path)
    assert others(report) == {"http2": 1}
    assert "pip install 'analyzer[http2]'" in plain(report)["captures"][0]["findings"][0]["text"]


@pytest.mark.parametrize("batch", [900, 4000, 30_000])
@pytest.mark.parametrize("lost", [None, 40], ids=["whole", "torn"])
def test_any_batch_size_gives_the_same_report(batch: int, lost: int | None, tmp_path: Path) -> None:
    line = Line().open(1).open(3).carry(1).end(1).carry(3, OTHER)
    data = line.say(SERVER, frame(3, 0, 3, struct.pack(">I", 8))).open(5).carry(5).capture()
    path = tmp_path / "batches.pcap"
    path.write_bytes(data if lost is None else without(data, {lost}))
    whole, parts = (
        analyzer.analyze(str(path), settings=Settings(limits=replace(DEFAULT, batch=size))) for size in (1 << 20, batch)
    )
    assert plain(parts)["captures"] == plain(whole)["captures"]
    assert tables(parts) == tables(whole)


def bomb() -> bytes:
    """A block that grows: one long entry, and thousands of references to it."""
    return b"\x40\x01a" + b"\x7f\xa1\x1e" + b"x" * 4000 + b"\xbe" * 30_000


HOSTILE = {
    "bomb": frame(1, 4, 5, bomb()),
    "continuation without end": frame(1, 0, 5, b"\x82") + frame(9, 0, 5, bytes(16_000)) * 30,
    "continuation alone": frame(9, 4, 5, b"\x82"),
    "another frame in a block": frame(1, 0, 5, b"\x82") + frame(4, 0, 0),
    "padding longer than the frame": frame(0, 8, 1, b"\xff" + bytes(20)) + frame(1, 0xC, 5, b"\xff" + bytes(20)),
    "headers that are none": frame(1, 4, 5, b"\xff\xff\xff\xff\xff\xff"),
    "table size": frame(1, 4, 5, b"\x3f\xff\xff\xff\x7f"),
    "short frames": frame(3, 0, 1, b"") * 2 + frame(4, 0, 0, b"abc") + frame(7, 0, 0, b"") + frame(1, 0x20, 5, b"ab"),
    "stream 0": frame(0, 1, 0, b"abc") + frame(1, 4, 0, b"") + frame(3, 0, 0, bytes(4)),
    "the longest length": b"\xff\xff\xff\x00\x01\x00\x00\x00\x07" + bytes(5000),
    "many ends": frame(0, 1, 9) * 20_000,
    "many streams": b"".join(frame(1, 4, stream, b"\x82") for stream in range(5, 9000, 2)),
}


@pytest.mark.parametrize("side", [CLIENT, SERVER])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_frames_cost_no_session(name: str, side: int, tmp_path: Path) -> None:
    """What was open stays as it was, and frames behind it are read where there are still frames."""
    line = Line().open(1).carry(1)
    first, *_ = sessions(read(line.say(side, HOSTILE[name]).end(1).capture(), tmp_path))
    assert first["upgrade"]["stream_id"] == 1
    assert first["messages"]["client"]["binary"] == 20


def test_streams_are_bounded(tmp_path: Path) -> None:
    line = Line()
    for stream in range(1, 2101, 2):
        line.say(CLIENT, frame(1, 4, stream, line.block(CLIENT, REQUEST)))
    assert len(sessions(read(line.capture((60_000,)), tmp_path))) == 1024


@settings(max_examples=60)
@given(data=st.binary(max_size=400), side=st.sampled_from([CLIENT, SERVER]), cut=st.integers(1, 50))
def test_any_bytes_behind_the_preface(tmp_path_factory: pytest.TempPathFactory, data: bytes, side: int, cut: int) -> None:
    line = Line().open(1)
    report = read(line.say(side, data).capture((cut,)), tmp_path_factory.mktemp("any"))
    assert sessions(report).pop(0)["upgrade"]["stream_id"] == 1


def test_a_pair_of_h2_endpoints_that_reset(tmp_path: Path) -> None:
    pair = Pair()
    stream = pair.ask()
    pair.answer(stream)
    pair.send(CLIENT, stream, h2_peers.frames_of(TALK)[0][1])
    pair.reset(CLIENT, stream)
    (session,) = sessions(read(h2_peers.capture(pair.talk), tmp_path))
    assert session["tcp_end"] == "rst-client"
