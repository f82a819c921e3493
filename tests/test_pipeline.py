"""From captures to a report: the same in any batches, for several captures, under every option; and nothing left behind."""

import gzip
import io
import json
import os
import random
import struct
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from peers import CLIENT, FIN, SYN, TARGET, Talk, file, tcp_packet
from peers import pcap as pcap_of
from wire_script import write_capture

import analyzer
from analyzer import pipeline
from analyzer.model.errors import UsageError
from analyzer.model.limits import DEFAULT, SECOND, Limits
from analyzer.model.schema import Side
from analyzer.model.settings import Dump, Settings
from analyzer.reports.plain import plain

ACK, RST = 16, 4
CAPTURES = Path(__file__).parents[1] / "captures"
FOLDERS = sorted(path.parent.name for path in CAPTURES.glob("*/expected.json"))
SESSION = """
0 client GET /v1/listen?encoding=linear16&sample_rate=16000
0.1 server 101 {}
0.2 client audio 3200 x10 every 0.1
1.3 server text {"type":"Results","start":0,"duration":1.0}
1.5 client text {"type":"CloseStream"}
1.6 server close 1000
1.7 server fin
1.8 client fin
"""
ASK = f"GET {TARGET} HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n".encode()
GRANT = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"


def capture_of(name: str) -> Path:
    (path,) = (CAPTURES / name).glob("capture.pcap*")
    return path


def shown(*paths: Path, settings: Settings = Settings()) -> list[dict[str, Any]]:  # noqa: B008 - frozen
    captures: list[dict[str, Any]] = plain(analyzer.analyze(*paths, settings=settings))["captures"]
    return captures


@pytest.fixture
def session(tmp_path: Path) -> Path:
    return write_capture(SESSION, tmp_path / "session.pcap")


@pytest.mark.parametrize("name", FOLDERS)
def test_any_batches_give_the_same_report(name: str) -> None:
    path = capture_of(name)
    size = path.stat().st_size
    usual = shown(path)
    for batch in (size // 3 + 1, size // 40 + 100):
        assert shown(path, settings=Settings(limits=replace(DEFAULT, batch=batch))) == usual, batch


def test_captures_are_listed_one_by_one(session: Path) -> None:
    other = capture_of("upgrade-rejected-401")
    found = shown(session, other, session)
    assert [capture["path"] for capture in found] == [str(session), str(other), str(session)]
    assert [[one["id"] for one in capture["sessions"]] for capture in found] == [[1], [1], [1]]
    assert found[0] == found[2]


@pytest.mark.parametrize(
    ("changes", "sessions"),
    [
        ({"hosts": ("10.0.0.2",)}, 1),
        ({"hosts": ("10.0.0.1", "1.2.3.4")}, 1),
        ({"hosts": ("10.9.9.9",)}, 0),
        ({"ports": (8080,)}, 1),
        ({"ports": (50000,)}, 1),
        ({"ports": (443,)}, 0),
        ({"session": "1"}, 1),
    ],
)
def test_connections_are_chosen(session: Path, changes: dict[str, Any], sessions: int) -> None:
    (capture,) = shown(session, settings=Settings(**changes))
    assert len(capture["sessions"]) == sessions


def test_a_session_is_chosen_by_request_id() -> None:
    path = capture_of("healthy-linear16")
    name = shown(path)[0]["sessions"][0]["upgrade"]["request_id"]
    assert len(shown(path, settings=Settings(session=name))[0]["sessions"]) == 1
    for wrong in ("2", "0", name[:-1]):
        with pytest.raises(UsageError, match=f"There is no session {wrong} in the capture"):
            shown(path, settings=Settings(session=wrong))


def test_packets_are_chosen_by_time(session: Path) -> None:
    start = min(packet for packet in times_of(session))
    whole = shown(session)[0]["sessions"][0]
    until = shown(session, settings=Settings(until=start + SECOND))[0]["sessions"][0]
    assert 0 < until["messages"]["client"]["binary"] < whole["messages"]["client"]["binary"] == 10
    assert until["close"] is None
    since = shown(session, settings=Settings(since=start + SECOND))[0]["sessions"][0]
    assert since["opened"] == "midstream"
    assert since["close"] == whole["close"]
    assert shown(session, settings=Settings(since=start, until=start + 3600 * SECOND))[0]["sessions"][0] == whole
    assert shown(session, settings=Settings(until=start - 1))[0]["sessions"] == []


def times_of(path: Path) -> list[int]:
    data, at, found = path.read_bytes(), 24, []
    while at < len(data):
        seconds, rest, size, _ = struct.unpack_from("<IIII", data, at)
        found.append(seconds * SECOND + rest)
        at += 16 + size
    return found


def syns(*ports: int, flags: int = SYN) -> list[bytes]:
    """A SYN to each port, from ports of its own."""
    packets = []
    for number, port in enumerate(ports):
        packet = bytearray(tcp_packet(CLIENT, 1, 0, flags))
        packet[34:38] = struct.pack(">HH", 40_000 + number, port)
        packets.append(bytes(packet))
    return packets


def written(path: Path, packets: Sequence[bytes]) -> Path:
    path.write_bytes(file(list(packets)))
    return path


def test_connections_without_bytes_are_attempts_only_where_they_may_be(session: Path, tmp_path: Path) -> None:
    lost = written(tmp_path / "lost.pcap", syns(8080, 443))
    assert [len(one["sessions"]) for one in shown(lost)] == [2]
    assert [len(one["sessions"]) for one in shown(session, lost)] == [1, 1]
    assert shown(session, lost)[1]["other_connections"] == {"refused": 1}
    for endpoint, count in ((("10.0.0.1", 443), 2), (("10.0.0.1", None), 2), (("10.0.0.1", 444), 1), (("10.0.0.9", None), 1)):
        assert len(shown(session, lost, settings=Settings(endpoints=(endpoint,)))[1]["sessions"]) == count


@pytest.mark.parametrize("name", ["connection-refused", "tls-without-keys"])
def test_a_capture_says_the_same_beside_others(name: str, session: Path) -> None:
    """An attempt that is all that a capture holds is one, whatever other captures hold."""
    (alone,) = shown(capture_of(name))
    assert len(alone["sessions"]) > 0
    assert shown(session, capture_of(name))[1] == alone


def test_ports_that_are_used_again_without_a_syn_are_two_sessions(session: Path, tmp_path: Path) -> None:
    """Both have the number that Wireshark gives the first."""
    data, at = bytearray(session.read_bytes()), 24
    first = bytes(data)
    later = b""
    while at < len(data):
        end = at + 16 + int.from_bytes(data[at + 8 : at + 12], "little")
        seconds, seq, ack = struct.unpack_from("<I", data, at)[0], *struct.unpack_from(">II", data, at + 16 + 38)
        struct.pack_into("<I", data, at, seconds + 60)
        struct.pack_into(">II", data, at + 16 + 38, seq + (1 << 30), ack + (1 << 30))
        if not data[at + 16 + 47] & SYN:
            later += data[at:end]
        at = end
    path = tmp_path / "again.pcap"
    path.write_bytes(first + later)
    ((one, two),) = [capture["sessions"] for capture in shown(path)]
    assert one["audio"] == two["audio"]
    assert (one["tcp_stream"], two["tcp_stream"]) == (0, 0)
    assert one["upgrade"] == two["upgrade"]


def test_other_connections_are_counted(tmp_path: Path) -> None:
    packets: list[bytes] = []
    for number, data in enumerate((b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\0\x05hello", b"SSH-2.0-x\r\n", b"")):
        for flags, payload in ((SYN, b""), (ACK, data)):
            packet = bytearray(tcp_packet(CLIENT, 1 + (flags == ACK), 0, flags, payload))
            packet[34:36] = struct.pack(">H", 30_000 + number)
            packets.append(bytes(packet))
    (capture,) = shown(written(tmp_path / "x.pcap", [*packets, *session_packets()]))
    # The lost SYN and TLS went to a server that carries a WebSocket.
    outcomes = [one["upgrade"]["outcome"] for one in capture["sessions"]]
    assert outcomes == ["encrypted", "unreachable", "accepted"]
    assert capture["other_connections"] == {"http": 1, "unknown": 1}


def session_packets() -> list[bytes]:
    talk = Talk([(CLIENT, ASK), (1, GRANT), (CLIENT, b"\x88\x80kkkk"), (1, b"\x88\x00")])
    data, at, found = pcap_of(talk), 24, []
    while at < len(data):
        size = struct.unpack_from("<I", data, at + 8)[0]
        found.append(data[at + 16 : at + 16 + size])
        at += 16 + size
    return found


def test_a_flood_of_connections_is_bounded(tmp_path: Path) -> None:
    """Those that carry a WebSocket are kept whatever comes."""
    mine = session_packets()
    flood = syns(*([9] * 500))
    path = written(tmp_path / "flood.pcap", [*mine[:6], *flood, *mine[6:]])
    limits = replace(DEFAULT, live=10, candidates=5, batch=2000)
    (capture,) = shown(path, settings=Settings(limits=limits))
    assert [one["close"]["by"] for one in capture["sessions"]] == ["client"]
    assert sum(capture["other_connections"].values()) == 500


def test_one_wrong_clock_does_not_end_the_others(tmp_path: Path) -> None:
    mine = session_packets()
    data = bytearray(file([*mine[:6], *syns(9), *mine[6:]]))
    at = 24
    for _ in range(6):
        at += 16 + struct.unpack_from("<I", data, at + 8)[0]
    struct.pack_into("<I", data, at, 0xFFFFFFFF)
    path = tmp_path / "clock.pcap"
    path.write_bytes(data)
    for batch in (DEFAULT.batch, 400):
        (capture,) = shown(path, settings=Settings(limits=replace(DEFAULT, batch=batch)))
        assert capture["sessions"][0]["close"] is not None
        assert capture["sessions"][0]["messages"]["client"]["close"] == 1


def dumped(folder: Path) -> Settings:
    return Settings(dump=Dump(folder, frozenset(Side), raw=True))


def test_audio_files_are_named_by_session(session: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    (capture,) = shown(session, settings=dumped(folder))
    assert {path.name for path in folder.iterdir()} == {"session-1-client.wav", "session-1-client.s16le"}
    assert set(capture["sessions"][0]["audio"]["client"]["files"]) == {"wav", "raw"}


@pytest.mark.parametrize("where", ["while reading", "while judging", "no such session"])
def test_a_run_that_fails_leaves_no_files(where: str, session: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "out"
    settings = dumped(folder)

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("stop")

    if where == "while judging":
        monkeypatch.setattr(pipeline, "judge", fail)
    elif where == "no such session":
        settings = replace(settings, session="5")
    else:
        settings = replace(settings, limits=replace(DEFAULT, batch=4000))
    after = counted(fail, 8) if where == "while reading" else None
    with pytest.raises((RuntimeError, UsageError)):
        analyzer.analyze(session, settings=settings, progress=after)
    assert list(folder.iterdir()) == []


def counted(fail: Callable[[], None], calls: int) -> Callable[[int, int | None], None]:
    """Fail at the last of so many calls."""
    left = [calls]

    def progress(_done: int, _total: int | None) -> None:
        left[0] -= 1
        if not left[0]:
            fail()

    return progress


def test_progress_is_told(session: Path) -> None:
    told: list[tuple[int, int | None]] = []
    analyzer.analyze(
        session, progress=lambda done, total: told.append((done, total)), settings=Settings(limits=replace(DEFAULT, batch=9000))
    )
    size = session.stat().st_size
    assert told[-1] == (size, size)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert len(told) > 2


TINY = Limits(
    batch=4096, held=2000, undecided=3000, whole=1000, inflated_message=5000, compressed_message=3000, live=2, holes=3, gaps=2
)


@pytest.mark.parametrize("name", FOLDERS)
def test_damage_anywhere_breaks_nothing(name: str, tmp_path: Path) -> None:
    """A few bytes changed, packets lost or cut: a report all the same, also under the tightest limits."""
    chance = random.Random(name)  # noqa: S311 - the same damage each time is wanted
    data = capture_of(name).read_bytes()[:60_000]
    for limits in (DEFAULT, TINY):
        damaged = bytearray(data)
        for _ in range(40):
            damaged[chance.randrange(40, len(damaged))] = chance.choice(
                (0, 1, 0x7E, 0x7F, 0x80, 0x82, 0xFE, 0xFF, chance.randrange(256))
            )
        path = tmp_path / "damaged.pcap"
        path.write_bytes(damaged[: chance.randrange(len(damaged) // 2, len(damaged))])
        json.dumps(shown(path, settings=Settings(limits=limits)))


def conversation(client: bytes, server: bytes = b"") -> list[bytes]:
    """A whole connection that carries an upgrade and these frames."""
    packets = [tcp_packet(CLIENT, 0, 0, SYN), tcp_packet(1, 0, 1, SYN | ACK)]
    packets += [tcp_packet(CLIENT, 1, 1, ACK, ASK), tcp_packet(1, 1, 1 + len(ASK), ACK, GRANT)]
    packets += [tcp_packet(CLIENT, 1 + len(ASK), 1, ACK, client), tcp_packet(1, 1 + len(GRANT), 1, ACK, server)]
    return [*packets, tcp_packet(CLIENT, 1 + len(ASK) + len(client), 1, FIN | ACK)]


@pytest.mark.parametrize(
    ("client", "server"),
    [
        (b"\x82\xff\x7f" + b"\xff" * 7 + b"mask" + b"x" * 50, b""),
        (b"\x82\xff\xff" + b"\xff" * 7 + b"mask" + b"x" * 50, b""),
        (b"\x02\xff\x7f" + b"\xff" * 7 + b"mask", b"\x82\x7f\x7f" + b"\xff" * 7),
        (b"", b'\x81\x7e\x01\xa4{"type":"Results","start":' + b"9" * 380 + b',"duration":1}' + b" " * 9),
        (b"\x82\xfe\x0c\x80kkkk" + bytes(900), b""),
    ],
    ids=["longest", "impossible", "both", "huge number", "cut in its only frame"],
)
def test_frames_that_once_broke_the_analysis(client: bytes, server: bytes, tmp_path: Path) -> None:
    path = written(tmp_path / "x.pcap", conversation(client, server))
    for limits in (DEFAULT, TINY):
        (capture,) = shown(path, settings=Settings(limits=limits))
        assert len(capture["sessions"]) == 1


def test_an_answer_with_other_digits_is_none(tmp_path: Path) -> None:
    packets = conversation(b"")
    packets[3] = tcp_packet(1, 1, 1 + len(ASK), ACK, b"HTTP/1.1 \xb2\xb3\xb9 x\r\nContent-Length: \xb2\r\n\r\n")
    (capture,) = shown(written(tmp_path / "x.pcap", packets))
    assert [one["upgrade"]["outcome"] for one in capture["sessions"]] == ["no-response"]


def in_file_order(found: Any, numbers: Sequence[int]) -> Any:  # noqa: ANN401 - any part of a report
    """A report with its packets numbered as in another order of the file; `numbers` leads from new numbers to old ones."""
    if isinstance(found, dict):
        return {
            key: sorted(numbers[number] for number in value)
            if key == "packets" and isinstance(value, list)
            else in_file_order(value, numbers)
            for key, value in found.items()
            if key not in ("filter", "path")
        }
    return [in_file_order(one, numbers) for one in found] if isinstance(found, list) else found


def records_of(path: Path) -> tuple[bytes, list[bytes]]:
    """File header and records of a little-endian pcap."""
    data, at, found = path.read_bytes(), 24, []
    while at < len(data):
        size = 16 + struct.unpack_from("<I", data, at + 8)[0]
        found.append(data[at : at + size])
        at += size
    return data[:24], found


SORTED = replace(DEFAULT, disorder=0)
SHUFFLED = ("healthy-linear16", "loss-reorder-duplication", "silence-gap-net-0001", "fragmented-with-pings", "port-reuse")
WAYS = {
    "file": SORTED,
    "small batches": replace(SORTED, batch=3000, part=1000),
    "in memory": replace(SORTED, runs=0),
    "pipe": SORTED,
    "pipe, small batches": replace(SORTED, batch=700),
}


@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=8)  # each example is a whole analysis
@given(data=st.data())
def test_a_capture_in_pieces_gives_the_same_report(way: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Cut anywhere, put together in any order: the same but for packet numbers."""
    whole = capture_of(data.draw(st.sampled_from(SHUFFLED)))
    head, records = records_of(whole)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(records) - 1), min_size=1, max_size=5)))
    parts = data.draw(st.permutations([range(*cut) for cut in pairwise((0, *cuts, len(records)))]))
    order = [number for part in parts for number in part]
    path = tmp_path_factory.mktemp("pieces") / "pieces.pcap"
    path.write_bytes(head + b"".join(records[number] for number in order))
    numbers = [0, *(number + 1 for number in order)]
    found = analyzed(path, Settings(limits=WAYS[way]), pipe=way.startswith("pipe"))
    usual = analyzer.analyze(whole)
    assert in_file_order(plain(found)["captures"], numbers) == in_file_order(plain(usual)["captures"], range(len(numbers)))
    for one, other in zip(found.sessions, usual.sessions, strict=True):
        for name in ("first_packet", "last_packet"):
            assert [numbers[number] for number in one.frames[name].tolist()] == other.frames[name].tolist()
        assert one.frames["first_time"].tolist() == other.frames["first_time"].tolist()


def analyzed(path: Path, settings: Settings, *, pipe: bool) -> analyzer.Report:
    """The report on a file, or on what a pipe says."""
    if not pipe:
        return analyzer.analyze(path, settings=settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", type("Input", (), {"buffer": io.BufferedReader(io.BytesIO(path.read_bytes()))}))
        return analyzer.analyze("-", settings=settings)


@pytest.mark.parametrize("way", [way for way in WAYS if way != "in memory"])  # which asks no clock
@pytest.mark.parametrize("seconds", [2, 5000, 86_400 * 400])
@pytest.mark.parametrize("cut", [30, 61])
def test_a_clock_that_was_set_back_goes_on(way: str, seconds: int, cut: int, tmp_path: Path) -> None:
    head, records = records_of(capture_of("healthy-linear16"))
    path = tmp_path / "set-back.pcap"
    later = [struct.pack("<I", struct.unpack_from("<I", record)[0] - seconds) + record[4:] for record in records[cut:]]
    path.write_bytes(head + b"".join((*records[:cut], *later)))
    limits = replace(WAYS[way], disorder=DEFAULT.disorder)
    found, usual = (
        analyzed(path, Settings(limits=limits), pipe=way.startswith("pipe")),
        analyzer.analyze(capture_of("healthy-linear16")),
    )
    (session,), (expected,) = found.sessions, usual.sessions
    for name in ("first_packet", "last_packet", "offset", "length"):
        assert session.frames[name].tolist() == expected.frames[name].tolist()
    late = abs(session.frames["first_time"] - expected.frames["first_time"])
    assert late.max() < SECOND // 5
    (capture,) = found.captures
    (finding,) = capture.findings
    assert (finding.rule, finding.packets) == ("clock-stepped", (cut, cut + 1))
    assert finding.values["step_s"] == pytest.approx(seconds, abs=0.2)
    assert capture.complete
    assert capture.last_time is not None
    assert capture.last_time[:19] == (usual.captures[0].last_time or "")[:19]


def test_a_clock_that_was_wrong_for_a_moment_is_no_step(tmp_path: Path) -> None:
    """A packet of the session itself from another year stays where it is."""
    head, records = records_of(capture_of("healthy-linear16"))
    records[40] = b"\xff\xff\xff\xff" + records[40][4:]
    path = tmp_path / "stray.pcap"
    path.write_bytes(head + b"".join(records))
    for way, limits in WAYS.items():
        (capture,) = plain(analyzed(path, Settings(limits=replace(limits, disorder=SECOND)), pipe=way.startswith("pipe")))[
            "captures"
        ]
        (session,) = capture["sessions"]
        if way != "in memory":
            assert session["audio"]["client"]["bytes"] == 160_000
            assert session["coverage"]["client"]["missing"] == 0
        assert "clock-stepped" not in [finding["rule"] for finding in capture["findings"]]


def test_files_of_a_set_are_one_capture(tmp_path: Path) -> None:
    whole = capture_of("healthy-linear16")
    head, records = records_of(whole)
    names = [tmp_path / name for name in ("x.pcap", "x.pcap1.gz", "x.pcap2")]
    for number, path in enumerate(names):
        part = head + b"".join(records[number * 45 : number * 45 + 45])
        path.write_bytes(gzip.compress(part) if path.suffix == ".gz" else part)
    (usual,) = shown(whole)
    (found,) = shown(*names)
    assert found["sessions"] == usual["sessions"]
    assert found["path"] == f"{names[0]} + 2 more"
    assert [(one["path"], one["format"], one["packets"]) for one in found["files"]] == [
        (str(path), "pcap", count) for path, count in zip(names, (45, 45, 38), strict=True)
    ]
    assert shown(*names[::-1])[0]["sessions"] == usual["sessions"]
    other = capture_of("upgrade-rejected-401")
    assert [len(one.get("files", ())) for one in shown(other, *names)] == [0, 3]
    (merged,) = shown(other, whole, settings=Settings(merge=True))
    assert len(merged["sessions"]) == 2
    names[1].unlink()
    (found,) = shown(*names)
    assert not found["complete"]
    assert "One of the files is left out" in found["findings"][0]["text"]


def test_audio_files_of_several_captures_are_kept_apart(session: Path, tmp_path: Path) -> None:
    shown(session, session, settings=dumped(tmp_path / "out"))
    assert {path.stem for path in (tmp_path / "out").iterdir()} == {f"capture-{number}-session-1-client" for number in (1, 2)}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_named_pipe_is_read_once(tmp_path: Path) -> None:
    """`analyzer report <(ssh host cat capture.pcap)`: what was taken from it to tell what it is would be gone."""
    pipe, capture = tmp_path / "pipe", CAPTURES / "healthy-linear16" / "capture.pcap"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(capture.read_bytes()))
    writer.start()
    report = analyzer.analyze(str(pipe))
    writer.join()
    assert [session.verdict.severity for session in report.sessions] == ["ok"]
