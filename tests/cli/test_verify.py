"""`analyzer verify`: Wireshark agrees, or differs by a fault that is named, or the difference is listed."""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import peers
import pytest
from click.testing import CliRunner, Result
from kinds import CAPTURES, CONTENTS
from peers import BINARY, CLIENT, SERVER, TEXT, Deflate, Said

from analyzer.cli import main
from analyzer.compare.faults import MEANINGS
from analyzer.model.tables import Array
from analyzer.sources import dissector
from analyzer.sources.keylog import LINE

Run = Callable[..., Result]
FRAMES = [path for path in CAPTURES if path.parent.name not in CONTENTS]
KNOWN = {
    "connect-proxy": {"connect-tunnel"},
    "halves-swapped": {"out-of-order"},
    "http2-two-streams": {"http2"},
    "loss-reorder-duplication": {"out-of-order"},
    "midsession": {"mid-stream"},
    "snap-length-96": {"snap-length"},
    "snap-length-silence": {"snap-length"},
    "tls12-secrets-in-comment": {"keys-in-comment"},
}
"""Captures of which tshark 4.0 does not see what we see, and why; it agrees with all others."""
CLOSING = Said(CLIENT, TEXT, (b'{"type":"CloseStream"}',))

pytestmark = pytest.mark.skipif(shutil.which("tshark") is None, reason="needs tshark")


def verified(run: Run, *arguments: object, status: int = 0) -> dict[str, Any]:
    """Give what it says as JSON."""
    result = run("verify", *arguments, "--format", "json")
    assert result.exit_code == status, result.output
    said: dict[str, Any] = json.loads(result.stdout)
    assert said["sound"] == (status == 0)
    return said


def faults(said: Mapping[str, Any]) -> set[str]:
    """Give the names of the faults in it, each of which is explained."""
    named = {fault for one in said["sessions"] for fault in one["known_faults"]}
    assert set(said["known_faults"]) == named
    return named


@pytest.mark.parametrize("capture", FRAMES, ids=lambda path: path.parent.name)
def test_every_capture_agrees_but_for_known_faults(run: Run, capture: Path) -> None:
    said = verified(run, capture)
    assert faults(said) == KNOWN.get(capture.parent.name, set())
    for session in said["sessions"]:
        empty = not any(counts["ours"] or counts["wireshark"] for counts in session["frames"].values())
        agrees = "no frames to compare" if empty else "agrees"
        assert (session["verdict"] == agrees) == (not session["known_faults"])
        if session["verdict"] == agrees:
            assert all(counts["ours"] == counts["wireshark"] == counts["agree"] for counts in session["frames"].values())


def talk(tmp_path: Path, script: list[Said], deflate: Deflate | None, way: peers.Path = peers.STRAIGHT) -> Path:
    """Have the `websockets` library say it, and give the capture."""
    path = tmp_path / "capture.pcap"
    path.write_bytes(peers.pcap(peers.websockets_talk(script, deflate), way))
    return path


def noise(size: int) -> bytes:
    """Give bytes that do not shrink."""
    return Random(size).randbytes(size)  # noqa: S311 - the same each time is wanted


@pytest.mark.parametrize(
    ("script", "deflate", "expected"),
    [
        ([Said(CLIENT, BINARY, (noise(400_000),)), CLOSING], None, {"max-unmasked-length": 1}),
        ([Said(SERVER, BINARY, (noise(400_000),)), CLOSING], None, {}),
        (
            [Said(CLIENT, BINARY, (noise(400_000),)), CLOSING, CLOSING],
            Deflate(),
            {"max-unmasked-length": 1, "poisoned-takeover": 2},
        ),
        ([Said(CLIENT, BINARY, (noise(400_000),)), CLOSING], Deflate(client_fresh=True), {"max-unmasked-length": 1}),
        ([Said(CLIENT, BINARY, (noise(900),) * 5), CLOSING], Deflate(), {"fragmented-deflate": 1}),
        ([Said(CLIENT, BINARY, (noise(900),) * 5), CLOSING], None, {}),
    ],
)
def test_payloads_that_tshark_does_not_show(
    run: Run, tmp_path: Path, script: list[Said], deflate: Deflate | None, expected: dict[str, int]
) -> None:
    (session,) = verified(run, talk(tmp_path, script, deflate))["sessions"]
    assert session["known_faults"] == expected
    assert session["differences"] == ({"payload": sum(expected.values())} if expected else {})
    assert session["frames"]["client"]["agree"] == session["frames"]["client"]["ours"]


def test_packets_out_of_order(run: Run, tmp_path: Path) -> None:
    script = [Said(CLIENT, BINARY, (noise(3200 + number),)) for number in range(30)]
    (session,) = verified(run, talk(tmp_path, [*script, CLOSING], None, peers.Path(exchanged=30, seed=3)))["sessions"]
    assert set(session["known_faults"]) == {"out-of-order"}


@pytest.mark.parametrize("lost", [34, 40])
def test_a_segment_that_is_not_in_the_capture(run: Run, tmp_path: Path, lost: int) -> None:
    """The one with the second frame's header, or one behind it."""
    capture = talk(tmp_path, [*[Said(CLIENT, BINARY, (noise(40_000),))] * 4, CLOSING], None)
    head, *packets = records(capture.read_bytes())
    capture.write_bytes(b"".join([head, *packets[: lost - 1], *packets[lost:]]))
    said = verified(run, capture)
    assert faults(said) == {"lost-segment"}


def records(data: bytes) -> list[bytes]:
    """Give the header and the packets of a pcap file."""
    found, at = [data[:24]], 24
    while at < len(data):
        end = at + 16 + int.from_bytes(data[at + 8 : at + 12], "little")
        found.append(data[at:end])
        at = end
    return found


def lossy(tmp_path: Path, *lost: int) -> Path:
    """Give a capture of ten frames of 4,000 bytes, in segments of 1,000, without these packets."""
    script = [Said(CLIENT, BINARY, (noise(4_000 + number),)) for number in range(10)]
    capture = talk(tmp_path, [*script, CLOSING], None, peers.Path(segments=(1000,)))
    head, *packets = records(capture.read_bytes())
    capture.write_bytes(b"".join([head, *(packet for number, packet in enumerate(packets, 1) if number not in lost)]))
    return capture


def shared(name: str) -> Callable[[Path], Path]:
    """Give one of the regression captures."""
    (capture,) = (path for path in CAPTURES if path.parent.name == name)
    return lambda _: capture


def cut_short(tmp_path: Path) -> Path:
    """A capture that ends inside a frame, with none of its bytes missing before that."""
    capture = lossy(tmp_path)
    capture.write_bytes(b"".join(records(capture.read_bytes())[:20]))
    return capture


def of_another_service(tmp_path: Path) -> Path:
    """A WebSocket on the port of MQTT."""
    capture = lossy(tmp_path)
    usual, odd = ((peers.CLIENT_END[1] << 16 | port).to_bytes(4, "big") for port in (peers.SERVER_END[1], 1883))
    content = capture.read_bytes().replace(usual, odd)
    capture.write_bytes(content.replace(usual[2:] + usual[:2], odd[2:] + odd[:2]))
    return capture


def sent_again(tmp_path: Path) -> Path:
    """Every segment begins with the second half of the one before it."""
    spoken = peers.websockets_talk([Said(CLIENT, BINARY, (noise(4_000 + number),)) for number in range(5)], None)
    request, answer, *rest = (data for _, data in spoken.chunks)
    audio, last = b"".join(rest[:-2]), rest[-2:]
    at = [1001, 700_001]
    packets = [
        peers.tcp_packet(CLIENT, at[0] - 1, 0, peers.SYN),
        peers.tcp_packet(SERVER, at[1] - 1, at[0], peers.SYN | peers.ACK),
        peers.tcp_packet(CLIENT, at[0], at[1], peers.ACK),
        peers.tcp_packet(CLIENT, at[0], at[1], peers.ACK, request),
        peers.tcp_packet(SERVER, at[1], at[0] + len(request), peers.ACK, answer),
    ]
    at = [at[0] + len(request), at[1] + len(answer)]
    for begin in range(0, len(audio), 1000):
        again = max(begin - 500, 0)
        packets.append(peers.tcp_packet(CLIENT, at[0] + again, at[1], peers.ACK, audio[again : begin + 1000]))
    at[0] += len(audio)
    packets += [peers.tcp_packet(side, at[side], at[1 - side], peers.ACK, data) for side, data in enumerate(last)]
    path = tmp_path / "capture.pcap"
    path.write_bytes(peers.file(packets))
    return path


LARGE = Said(CLIENT, BINARY, (noise(400_000),))
EXAMPLES: dict[str, Callable[[Path], Path]] = {
    "max-unmasked-length": lambda folder: talk(folder, [LARGE, CLOSING], None),
    "poisoned-takeover": lambda folder: talk(folder, [LARGE, CLOSING], Deflate()),
    "fragmented-deflate": lambda folder: talk(folder, [Said(CLIENT, BINARY, (noise(900),) * 5), CLOSING], Deflate()),
    "lost-segment": lambda folder: lossy(folder, 20),
    "unfinished-frame": cut_short,
    "odd-port": of_another_service,
    "repeated-packet": sent_again,
    "connect-tunnel": shared("connect-proxy"),
    "http2": shared("http2-two-streams"),
    "keys-in-comment": shared("tls12-secrets-in-comment"),
    "mid-stream": shared("midsession"),
    "out-of-order": shared("halves-swapped"),
    "snap-length": shared("snap-length-96"),
}
"""For each fault that has a name, a capture of which the installed tshark shows it."""


def test_every_fault_that_has_a_name_has_an_example() -> None:
    assert EXAMPLES.keys() == MEANINGS.keys()


@pytest.mark.parametrize("fault", EXAMPLES)
def test_the_example_shows_the_fault(run: Run, tmp_path: Path, fault: str) -> None:
    assert fault in faults(verified(run, EXAMPLES[fault](tmp_path)))


@pytest.mark.parametrize(
    ("fault", "option"),
    [
        ("odd-port", "-d tcp.port=={port},http"),
        ("mid-stream", "-d tcp.port=={port},websocket"),
        ("repeated-packet", "-o tcp.reassemble_out_of_order:TRUE"),
        ("lost-segment", None),
    ],
)
def test_what_a_fault_was_worked_around_with_is_told(run: Run, tmp_path: Path, fault: str, option: str | None) -> None:
    (session,) = verified(run, EXAMPLES[fault](tmp_path))["sessions"]
    expected = option and option.format(port=session["server"]["port"])
    assert session["workarounds"].get(fault) == expected


Frames = dict[int, dict[str, Array]]


def altered(change: str, frames: Frames) -> Frames:
    """Have tshark say something else of the third frame."""
    (table,) = frames.values()
    if change == "less":
        return {stream: {name: np.delete(column, 2) for name, column in table.items()} for stream in frames}
    if change == "more":
        return {stream: {name: np.insert(column, 2, column[2]) for name, column in table.items()} for stream in frames}
    if change == "elsewhere":
        return {stream + 1: table for stream in frames}
    table[change][2] += 1
    return frames


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        ("less", {"ours": 1}),
        ("more", {"wireshark": 1}),
        ("length", {"unlike": 1}),
        ("rsv", {"unlike": 1}),
        ("packet", {"packet": 1}),
        ("shown", {}),
    ],
)
def test_an_invented_difference_is_found(
    run: Run, silent: Path, monkeypatch: pytest.MonkeyPatch, change: str, kinds: dict[str, int]
) -> None:
    real = dissector.dissected

    def other(path: str, reading: dissector.Reading) -> tuple[str, Frames]:
        version, frames = real(path, reading)
        return version, altered(change, frames)

    monkeypatch.setattr(dissector, "dissected", other)
    said = verified(run, silent, status=int(bool(kinds)))
    (session,) = said["sessions"]
    assert session["differences"] == kinds
    assert session["verdict"] == ("differs" if kinds else "agrees")
    if kinds:
        (difference,) = session["first_differences"]
        assert difference["known_fault"] is None
        assert difference["packet"] > 0
        assert session["filter"] == f"frame.number in {{{difference['packet']}}}"
        text = run("verify", silent)
        assert text.exit_code == 1
        assert difference["text"] in text.stdout
        assert session["filter"] in text.stdout


@pytest.mark.parametrize(("row", "lost"), [(2, (40,)), (7, (14,)), (2, (14, 40))])
def test_a_loss_elsewhere_excuses_nothing(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row: int, lost: Sequence[int]
) -> None:
    """Of ten frames of four packets the second, from packet 11 on, or the ninth loses one, and another comes out otherwise."""
    real = dissector.dissected

    def other(path: str, reading: dissector.Reading) -> tuple[str, Frames]:
        version, frames = real(path, reading)
        (table,) = frames.values()
        table["rsv"][np.flatnonzero(table["port"] == peers.CLIENT_END[1])[row : row + 1]] = 4  # it may see fewer when it waits
        return version, frames

    capture = lossy(tmp_path, *lost)
    (before,) = verified(run, capture)["sessions"]
    assert set(before["known_faults"]) == {"lost-segment"}
    monkeypatch.setattr(dissector, "dissected", other)
    (session,) = verified(run, capture, status=1)["sessions"]
    unexplained = [one for one in session["first_differences"] if one["known_fault"] is None]
    assert [one["kind"] for one in unexplained] == ["unlike"]
    assert session["known_faults"] == before["known_faults"]


def test_a_connection_that_only_wireshark_takes_for_a_websocket(run: Run, silent: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = dissector.dissected

    def other(path: str, reading: dissector.Reading) -> tuple[str, Frames]:
        version, frames = real(path, reading)
        return version, altered("elsewhere", frames)

    monkeypatch.setattr(dissector, "dissected", other)
    ours, theirs = verified(run, silent, status=1)["sessions"]
    assert (ours["session"], theirs["session"]) == (1, None)
    assert ours["differences"]["ours"] == theirs["differences"]["wireshark"] > len(theirs["first_differences"]) == 20
    assert f"and {theirs['differences']['wireshark'] - 20} further differences" in run("verify", silent).stdout


def test_keys_reach_tshark(run: Run, tmp_path: Path) -> None:
    (capture,) = (path for path in CAPTURES if path.parent.name == "tls13-embedded-secrets")
    bare, keys = tmp_path / "bare.pcapng", tmp_path / "keys.log"
    run("annotate", capture, "-o", bare)
    content = capture.read_bytes()
    keys.write_bytes(b"\n".join(match[0] for match in LINE.finditer(content)))
    other = tmp_path / "other.log"
    other.write_bytes(b"# none\n")
    for options in (("--keylog", keys), ("--keylog", other, "--keylog", keys)):
        (session,) = verified(run, bare, *options)["sessions"]
        assert session["verdict"] == "agrees"
        assert session["frames"]["client"]["agree"] > 10


def test_usage(run: Run, silent: Path, healthy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "one capture is verified at a time" in run("verify", silent, healthy).stderr.lower()
    piped = CliRunner().invoke(main, ["verify", "-"], input=silent.read_bytes(), catch_exceptions=False)
    assert piped.exit_code == 0
    assert "standard input: our frames against tshark" in piped.stdout
    assert run("verify", silent, "-o", tmp_path / "said.txt").stdout == ""
    assert (tmp_path / "said.txt").read_text().startswith(f"{silent}: our frames against tshark ")
    monkeypatch.setenv("PATH", str(tmp_path))
    missing = run("verify", silent)
    assert missing.exit_code == 2
    assert "tshark" in missing.stderr
