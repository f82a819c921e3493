"""One session, whatever it is wrapped in: the report is that of plain Ethernet."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest
from wire_script import write_capture
from wrapping import CARRIERS, FRAMES, LINKS, TUNNELS, Wrap

import analyzer
from analyzer.reports import render
from analyzer.reports.frames import lines

SCRIPT = """
0 client GET /v1/listen?encoding=linear16&sample_rate=16000
0.1 server 101
0.2 client audio 1400 x4 every 0.1
0.7 server text {"type":"Results","channel_index":[0,1],"duration":0.4,"start":0,"is_final":true}
0.8 client text {"type":"CloseStream"}
0.9 server close 1000
1.0 client close 1000
1.1 server fin
1.2 client fin
"""
WRAPS: dict[str, tuple[int, Wrap]] = {
    **LINKS,
    **{name: (1, lambda ip, wrap=wrap: FRAMES["plain"](wrap(ip))) for name, wrap in TUNNELS.items()},
    **{name: (1, lambda ip, wrap=wrap: FRAMES["tag"](wrap(FRAMES["mpls"](ip)))) for name, wrap in CARRIERS.items()},
}


def packets_of(path: Path) -> list[tuple[bytes, bytes]]:
    """Time and Ethernet frame of each packet of a pcap file."""
    data, at, packets = path.read_bytes(), 24, []
    while at < len(data):
        size = int.from_bytes(data[at + 8 : at + 12], "little")
        packets.append((data[at : at + 8], data[at + 16 : at + 16 + size]))
        at += 16 + size
    return packets


def read(path: Path) -> tuple[list[dict[str, Any]], str]:
    """The sessions of a report, and their frames."""
    report = analyzer.analyze(path)
    text = render(report, "json", width=None, colour=False)
    return json.loads(text)["captures"][0]["sessions"], "".join(lines(report, "jsonl"))


@pytest.fixture(scope="module")
def plain_session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_capture(SCRIPT, tmp_path_factory.mktemp("plain") / "plain.pcap")


@pytest.mark.parametrize("case", WRAPS)
def test_a_session_is_the_same_in_every_wrapping(case: str, plain_session: Path, tmp_path: Path) -> None:
    link, wrap = WRAPS[case]
    path = tmp_path / "wrapped.pcap"
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, link))
        for time, frame in packets_of(plain_session):
            packet = wrap(frame[14:])
            file.write(time + struct.pack("<II", len(packet), len(packet)) + packet)
    sessions, frames = read(path)
    assert (sessions, frames) == read(plain_session)
    assert len(sessions) == 1
    assert sessions[0]["audio"]["client"]["bytes"] == 5600
    assert '"length"' in frames
