"""Frames out of tshark's PDML, and what tshark says of files that it cannot read."""

import shutil
from pathlib import Path

import pytest

from analyzer.model.errors import UnusableInputError
from analyzer.sources.dissector import Reading, dissected, frames_of

CAPTURES = Path(__file__).parents[2] / "captures"
FRAME = """<proto name="websocket" showname="WebSocket" size="8" pos="0">
<field name="websocket.fin" showname="x" size="1" pos="0" show="{fin}" value="1" unmaskedvalue="82"/>
<field name="websocket.rsv" showname="x" size="1" pos="0" show="0x04" value="0"/>
<field name="websocket.opcode" showname="&quot;.... Binary (2)" size="1" pos="0" show="{opcode}" value="2"/>
<field name="websocket.mask" showname="x" size="1" pos="1" show="1" value="1"/>
<field name="websocket.payload_length" showname="x" size="1" pos="1" show="{length}" value="7F"/>
{more}<field name="websocket.payload" showname="Payload" size="262144" pos="0" show="" value=""/></proto>"""
LONG = """<field name="websocket.payload_length_ext_64" showname="x" size="8" pos="2" show="400000" value="00"/>"""
TCP = """<proto name="tcp" showname="x" size="20" pos="34">
<field name="tcp.srcport" showname="x" size="2" pos="34" show="{port}" value="c350"/>
<field name="tcp.stream" showname="x" size="0" pos="34" show="{stream}"/></proto>"""


def test_each_layer_is_a_frame_and_the_innermost_connection_counts() -> None:
    head = '<packet><proto name="frame" size="9" pos="0"><field name="frame.number" size="0" pos="0" show="279"/></proto>'
    first = FRAME.format(fin=0, opcode=2, length=127, more=LONG)
    second = FRAME.format(fin="True", opcode=8, length=2, more="")
    tcp = TCP.format(port=1, stream=0) + TCP.format(port=50000, stream=3)
    ((stream, one), (_, two)) = frames_of(f"{head}{tcp}{first}{second}</packet>".encode())
    assert stream == 3
    whole = {"packet": 279, "port": 50000, "masked": 1, "rsv": 4, "shown": 262144}
    assert one == {**whole, "opcode": 2, "fin": 0, "length": 400000}
    assert two == {**whole, "opcode": 8, "fin": 1, "length": 2}


@pytest.mark.skipif(shutil.which("tshark") is None, reason="needs tshark")
def test_frames_of_a_capture_and_what_is_none(tmp_path: Path) -> None:
    version, frames = dissected(str(CAPTURES / "fragmented-with-pings" / "capture.pcap"), Reading())
    assert version.startswith(("3.", "4.", "5."))
    (table,) = frames.values()
    assert {0, 9} < set(table["opcode"].tolist())
    nothing = tmp_path / "nothing.pcap"
    nothing.write_bytes(b"nothing of the kind")
    with pytest.raises(UnusableInputError, match="that tshark can read"):
        dissected(str(nothing), Reading())
