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


def test_what_does_not_arrive_is_sent_again_and_not_acknowledged_before(tmp_path: Path) -> None:
    lines = ["0 client GET /x", "0.1 server 101", "0.2 client unanswered text hello", "0.3 client again", "0.4 server text hi"]
    data = write_capture("\n".join([*lines, "0.5 client again arrives", "0.6 server window 0"]), tmp_path / "a.pcap").read_bytes()
    packets, at = [], 24
    while at < len(data):
        (size,) = struct.unpack_from("<I", data, at + 8)
        packets.append(struct.unpack_from(">HHIIBBH", data, at + 16 + 34))
        at += 16 + size
    sent = [packet[2] for packet in packets if packet[0] == 50000]
    acknowledged = [packet[3] for packet in packets if packet[0] == 8080]
    assert sent[-4:] == [sent[-4], sent[-4], sent[-4] + 11, sent[-4]]
    assert acknowledged[-3:] == [sent[-4], sent[-4] + 11, sent[-4] + 11]
    assert [packet[6] for packet in packets][-2:] == [64240, 0]
