"""Rules about the path: what was sent and did not arrive, or late, and who did not read."""

import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from made_session import audio, direction, moment, pace, session, track
from wire_script import write_capture

import analyzer
from analyzer.model.finding import Finding, Severity, Unjudged
from analyzer.model.limits import SECOND
from analyzer.model.schema import Side
from analyzer.model.session import Session
from analyzer.model.tcp import Health, Tcp
from analyzer.reports.plain import plain
from analyzer.rules import judge
from analyzer.rules.abrupt_close import abrupt_close
from analyzer.rules.slow_handshake import slow_handshake
from analyzer.rules.tcp_retransmissions import tcp_retransmissions
from analyzer.rules.tcp_zero_window import tcp_zero_window
from analyzer.rules.unacknowledged_data import unacknowledged_data

CAPTURES = Path(__file__).parents[2] / "captures"
HEALTHY = sorted(
    path
    for folder in ("healthy-*", "vlan-qinq", "deflate-*", "fragmented-with-pings", "sequence-wrap", "ipv6-*", "linux-cooked-v2")
    for path in CAPTURES.glob(f"{folder}/capture.pcap")
)


def of(health: Health, side: Side = Side.CLIENT, peer: Tcp | None = None, **more: Any) -> Session:  # noqa: ANN401 - any field
    """A session with audio from 0 to 3 s, one side's health, and whatever else."""
    said = {Side.CLIENT: audio(0, 3), Side.SERVER: audio(0, 3)}
    made = direction(side, said[side], tcp=Tcp(packets=50, last=moment(20), health=health))
    other = direction(side.peer, said[side.peer], tcp=peer or Tcp(packets=50, last=moment(2)))
    client, server = (made, other) if side is Side.CLIENT else (other, made)
    return session(client, server, **{"last": 20.0, "tcp_end": "rst-client", **more})


def cut(**more: Any) -> Health:  # noqa: ANN401 - any field
    """A path that is cut at 5 s."""
    stall = {"stall": 15 * SECOND, "stall_from": moment(5), "waiting_from": moment(5)}
    return Health(**{"packets": 50, "unacknowledged": 900, "retransmissions": 4, **stall, **more})


@pytest.mark.parametrize("side", list(Side))
def test_a_cut_path_is_the_cause(side: Side) -> None:
    made = of(cut(), side)
    (finding,) = unacknowledged_data(made)
    assert isinstance(finding, Finding)
    assert (finding.severity, finding.side, finding.time_s, finding.until_s) == (Severity.ERROR, side.word, 5.0, 20.0)
    assert "sent nothing more itself" in finding.text
    assert finding.values == {"bytes": 900, "waited_s": 15.0, "resent": 4, "peer_heard": False}
    assert judge(made).verdict.rule == "unacknowledged-data"


def test_a_session_that_goes_on_makes_it_a_warning() -> None:
    (finding,) = unacknowledged_data(of(cut(), tcp_end="open", peer=Tcp(packets=50, last=moment(19))))
    assert isinstance(finding, Finding)
    assert finding.severity is Severity.WARNING
    assert "although it still sent packets" in finding.text


@pytest.mark.parametrize(
    ("health", "more"),
    [
        (cut(), {"last": 7.9}),
        (cut(unacknowledged=0), {}),
        (cut(waiting_from=None), {}),
        (cut(), {"peer": Tcp(packets=50, fin=moment(4))}),
        (cut(), {"peer": Tcp(packets=50, rst=moment(4))}),
    ],
)
def test_what_the_end_explains_is_no_cut(health: Health, more: dict[str, Any]) -> None:
    assert list(unacknowledged_data(of(health, **more))) == []


def test_a_close_frame_before_ends_the_session() -> None:
    made = of(cut())
    closed = direction(Side.SERVER, (), [(4.0, 1000, "")])
    assert list(unacknowledged_data(replace(made, server=closed))) == []


@pytest.mark.parametrize("lacks", ["peer", "own", "cut", "none"])
def test_a_capture_with_holes_does_not_tell(lacks: str) -> None:
    made = of(cut(), capture_cut=lacks == "cut")
    if lacks == "peer":
        made = replace(made, server=replace(made.server, missing=5))
    if lacks == "own":
        made = replace(made, client=replace(made.client, missing=5))
    if lacks == "none":
        made = replace(made, server=direction(Side.SERVER, tcp=Tcp()))
    (told,) = unacknowledged_data(made)
    assert isinstance(told, Unjudged)


def closed(seconds: float, **more: Any) -> Health:  # noqa: ANN401 - any field
    """A window that was closed from 2 s on."""
    spent = round(seconds * SECOND)
    return Health(**{"zero": spent, "zero_total": spent, "zero_from": moment(2), "zero_windows": 1, **more})


@pytest.mark.parametrize("side", list(Side))
def test_who_stopped_reading(side: Side) -> None:
    (finding,) = tcp_zero_window(of(closed(4.2), side))
    assert (finding.severity, finding.side, finding.time_s, finding.until_s) == (Severity.WARNING, side.word, 2.0, 6.2)
    assert finding.text.startswith(f"The {side.word} stopped reading: its receive window was closed for 4.2 s")
    assert ("proxy" in finding.remedy) == (side is Side.SERVER)


def test_several_times_are_counted() -> None:
    (finding,) = tcp_zero_window(of(closed(4.2, zero_windows=3, zero_total=6 * SECOND)))
    assert finding.count == 3
    assert "3 times, for 6.0 s together" in finding.text


def test_a_service_that_slows_down_what_is_too_fast_is_not_the_cause() -> None:
    fast = track(bytes=320_000, duration_s=10.0)
    made = replace(of(closed(4), Side.SERVER), client=direction(Side.CLIENT, audio(0, 1, step=0.01)), client_audio=fast)
    (finding,) = tcp_zero_window(replace(made, pace=pace(10.0)))
    assert finding.severity is Severity.NOTE
    assert finding.values["pace_before"] > 4
    (finding,) = tcp_zero_window(replace(made, client_audio=replace(fast, duration_s=None)))
    assert finding.severity is Severity.WARNING


def test_a_window_that_closes_shortly_or_at_the_end_matters_to_nobody() -> None:
    assert list(tcp_zero_window(of(closed(0.9)))) == []
    assert list(tcp_zero_window(of(closed(9), peer=Tcp(packets=5, fin=moment(1))))) == []
    assert list(tcp_zero_window(replace(of(closed(9)), server=direction(Side.SERVER, (), [(1.5, 1000, "")])))) == []


def lossy(stall: float, resent: int = 5, **more: Any) -> Health:  # noqa: ANN401 - any field
    """Losses, and how long the worst of them held things up from 2.5 s on."""
    kept = {"packets": 200, "unacknowledged": 0, "first_resent": moment(1), "stall_from": moment(2.5)}
    return Health(**{**kept, "retransmissions": resent - 1, "late": 1, "stall": round(stall * SECOND), **more})


@pytest.mark.parametrize("side", list(Side))
def test_losses_are_a_note_until_they_hurt(side: Side) -> None:
    (note,) = tcp_retransmissions(of(lossy(1.9, out_of_order=7), side))
    assert (note.severity, note.count, note.side, note.packets) == (Severity.NOTE, 5, side.word, (2000,))
    assert "TCP repaired it" in note.text
    assert note.text.endswith("7 came out of order.")
    (hurt,) = tcp_retransmissions(of(lossy(2.0, resent=1), side))
    assert (hurt.severity, hurt.time_s, hurt.until_s) == (Severity.WARNING, 2.5, 4.5)


@pytest.mark.parametrize(
    "health",
    [lossy(1.0, resent=2), lossy(0.1, packets=501), lossy(9, resent=1, stall_from=moment(4.1)), Health(stall=9 * SECOND)],
)
def test_few_losses_that_hurt_nobody_are_not_told(health: Health) -> None:
    assert list(tcp_retransmissions(of(health))) == []


def test_a_stall_may_be_the_captures() -> None:
    made = of(lossy(9))
    (note,) = tcp_retransmissions(replace(made, server=replace(made.server, missing=3)))
    assert note.severity is Severity.NOTE
    (note,) = tcp_retransmissions(of(cut(packets=50, stall_from=moment(2.5), waiting_from=moment(2.5))))
    assert note.severity is Severity.NOTE
    assert "900 bytes are not acknowledged" in note.text


@pytest.mark.parametrize(
    ("health", "words"),
    [
        (Health(reset_unread=True), "had not acknowledged"),
        (Health(reset_closed=True, reset_unread=True), "after the client had closed"),
        (Health(reset_left=True), "ended its side with FIN"),
        (Health(), "came on its own"),
        (cut(), "gave up"),
    ],
)
def test_what_a_reset_came_after(health: Health, words: str) -> None:
    client = direction(Side.CLIENT, audio(0, 3), tcp=Tcp(packets=9, rst=moment(4), health=health))
    (finding,) = abrupt_close(session(client, tcp_end="rst-client"))
    assert isinstance(finding, Finding)
    assert finding.severity is Severity.ERROR
    assert words in finding.text
    client = direction(Side.CLIENT, audio(0, 3), tcp=Tcp(packets=9, fin=moment(4), health=health))
    (finding,) = abrupt_close(session(client, tcp_end="fin-client"))
    assert isinstance(finding, Finding)
    assert words not in finding.text
    assert "reset_unread" not in finding.values


@pytest.mark.parametrize(
    ("client", "server", "words"),
    [
        (Health(waited=310_000_000), Health(), "0.31 s"),
        (Health(), Health(waited=310_000_000), "0.31 s"),
        (Health(syn_retries=2), Health(), "3 times"),
    ],
)
def test_a_handshake_that_takes_long(client: Health, server: Health, words: str) -> None:
    sides = [
        direction(side, tcp=Tcp(packets=5, syn=moment(-0.5), health=one)) for side, one in zip(Side, (client, server), strict=True)
    ]
    (finding,) = slow_handshake(session(*sides))
    assert finding.severity is Severity.NOTE
    assert words in finding.text


def test_a_handshake_in_time_is_not_told() -> None:
    in_time = direction(Side.CLIENT, tcp=Tcp(packets=5, health=Health(waited=300_000_000)))
    assert list(slow_handshake(session(in_time))) == []
    unanswered = direction(Side.CLIENT, tcp=Tcp(packets=5, health=Health(syn_retries=3)))
    assert list(slow_handshake(session(unanswered, outcome="unreachable"))) == []


def doubled(content: bytes, *, behind: bool) -> bytes:
    """A pcap in which every packet comes twice: in place, or a little later with other addresses and a shorter life."""
    order = "<" if content[0] in (0xD4, 0x4D) else ">"
    unit = 1_000 if content[:4] in (b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4") else 1
    packets, at = [], 24
    while at < len(content):
        seconds, fraction, size, wide = struct.unpack_from(f"{order}IIII", content, at)
        packets.append((seconds * SECOND + fraction * unit, wide, content[at + 16 : at + 16 + size]))
        at += 16 + size
    ethernet = struct.unpack_from(f"{order}I", content, 20)[0] == 1
    copies = []
    for time, wide, data in packets:
        copy = bytearray(data)
        if behind and ethernet:
            copy[:12] = bytes(range(12))
            if copy[12:14] == b"\x08\x00":
                copy[14 + 8] -= 1
        copies.append((time + 40_000 * behind, wide, bytes(copy)))
    both = sorted([*packets, *copies], key=lambda one: one[0])
    parts = [content[:24]]
    for time, wide, data in both:
        parts += [struct.pack(f"{order}IIII", time // SECOND, time % SECOND // unit, len(data), wide), data]
    return b"".join(parts)


def without_numbers(report: Any) -> Any:  # noqa: ANN401 - JSON
    """A report without what a second copy of each packet changes."""
    if isinstance(report, dict):
        left = ("path", "bytes", "duplicates", "filter", "first_time", "last_time", "duration_s")
        is_capture = "link_types" in report
        return {
            key: without_numbers(value)
            for key, value in report.items()
            if not (key in left and (is_capture or key in ("duplicates", "filter", "duration_s")))
            and not (key == "packets" and (is_capture or isinstance(value, list)))
        }
    return [without_numbers(one) for one in report] if isinstance(report, list) else report


def duplicates(report: Any) -> Iterator[int]:  # noqa: ANN401 - JSON
    for capture in report["captures"]:
        for one in capture["sessions"]:
            yield from (one["tcp"][side]["duplicates"] - one["tcp"][side]["packets"] for side in ("client", "server"))


@pytest.mark.parametrize("behind", [False, True], ids=["in place", "behind a router"])
@pytest.mark.parametrize("path", HEALTHY, ids=lambda path: path.parent.name)
def test_a_mirrored_capture_gives_the_same_report(path: Path, tmp_path: Path, *, behind: bool) -> None:
    twice = tmp_path / "capture.pcap"
    twice.write_bytes(doubled(path.read_bytes(), behind=behind))
    once = plain(analyzer.analyze(str(path), frames=False))
    again = plain(analyzer.analyze(str(twice), frames=False))
    assert without_numbers(again) == without_numbers(once)
    assert set(duplicates(again)) == {0}


def test_healthy_captures_are_there() -> None:
    assert len(HEALTHY) >= 8


def test_losses_in_a_capture_of_its_own(tmp_path: Path) -> None:
    """The events of the time line, too."""
    lines = ["0 client GET /v1/listen?encoding=linear16&sample_rate=16000", "0.02 server 101", "0.1 client audio 3200 x9 every 0.1"]
    lines += [
        "1 client unanswered audio 3200",
        "1.5 client again",
        "4 client again arrives",
        "5 server window 0",
        "7 server window 9",
    ]
    (made,) = analyzer.analyze(str(write_capture("\n".join(lines), tmp_path / "a.pcap"))).sessions
    events = [what for _, what in made.timeline["events"]]
    assert "client not acknowledged for 3.0 s" in events
    assert "server window closed for 2.0 s" in events
    assert {finding.rule: finding.severity for finding in made.findings if finding.rule.startswith("tcp-")} == {
        "tcp-retransmissions": "warning",
        "tcp-zero-window": "warning",
    }
