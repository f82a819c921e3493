"""The language in which examples are written: what a line becomes, and what is refused."""

import struct
from pathlib import Path

import pytest
from wire_script import events_of, frame, speech, verdict_of, write_capture


def test_lines_become_events_in_order_of_time() -> None:
    script = "0.0 client GET /v1/listen\n# a remark\n\n2 client fin\n1.0 client audio 320 x3 every 0.5\nverdict: no-audio"
    assert events_of(script) == [
        (0.0, "client", "GET /v1/listen"),
        (1.0, "client", "audio 320"),
        (1.5, "client", "audio 320"),
        (2.0, "client", "fin"),
        (2.0, "client", "audio 320"),
    ]
    assert verdict_of(script) == "no-audio"
    assert verdict_of("0.0 client syn") is None


@pytest.mark.parametrize(
    ("line", "words"), [("0.0 proxy fin", "neither client nor server"), ("0.0 client dance", "unknown action")]
)
def test_what_is_no_event_is_refused(line: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=words):
        write_capture(line, tmp_path / "x.pcap")


@pytest.mark.parametrize(("length", "head"), [(5, 2), (126, 4), (65535, 4), (65536, 10)])
def test_frames_have_the_shortest_head(length: int, head: int) -> None:
    assert len(frame(2, bytes(length), masked=False)) == head + length
    assert len(frame(2, bytes(length), masked=True)) == head + 4 + length


def test_sound_goes_on_where_it_ended() -> None:
    assert speech(0, 200) == speech(0, 80) + speech(80, 120)


def test_a_capture_holds_the_packets_but_those_that_are_lost(tmp_path: Path) -> None:
    shown = write_capture("0 client GET /x\n0.1 server 101\n0.2 client text hello", tmp_path / "a.pcap").read_bytes()
    lost = write_capture("0 client GET /x\n0.1 server 101\n0.2 client lost text hello", tmp_path / "b.pcap").read_bytes()
    assert struct.unpack("<I", shown[:4])[0] == 0xA1B23C4D
    assert len(shown) - len(lost) == 16 + 54 + 6 + 5
