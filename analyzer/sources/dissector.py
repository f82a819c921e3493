"""WebSocket frames as Wireshark's dissector shows them, by way of pyshark: the second opinion of `analyzer verify`.

In: a capture file and how tshark is to read it. Out: a table of frames per TCP connection (Wireshark's tcp.stream), in order of
their packets. pyshark reads tshark's PDML, in which a packet has one `websocket` layer per frame that ends in it; its packets,
which are objects of Python all through, are never made: of each layer seven numbers are taken, as the text comes.
"""

import asyncio
import re
from array import array
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from analyzer.model.dataclass import dataclass
from analyzer.model.errors import UnusableInputError
from analyzer.model.opinion import DISSECTED
from analyzer.model.tables import Array
from analyzer.sources.pyshark import pdml_captures, tshark_path

LAYERS = "frame tcp websocket"
_LAYER = re.compile(rb'<proto name="(frame|tcp|websocket)"')
_FIELD = re.compile(rb'<field name="(?:frame|tcp|websocket)\.([a-z_0-9]+)"[^>]*? size="(\d+)"[^>]*? show="([^"]*)"')
_EXTENDED = {126: b"payload_length_ext_16", 127: b"payload_length_ext_64"}


@dataclass(frozen=True, slots=True)
class Reading:
    """How tshark is to read a capture: `display` filter, `decode_as` (criterion to protocol), `preferences`."""

    display: str = "websocket"
    decode_as: tuple[tuple[str, str], ...] = ()
    preferences: tuple[tuple[str, str], ...] = ()


def dissected(path: str, reading: Reading) -> tuple[str, dict[int, dict[str, Array]]]:
    """Version of tshark, and the frames of each connection. Raises MissingDependencyError without pyshark or tshark, and
    UnusableInputError when tshark cannot read the file.
    """
    found: dict[int, dict[str, array[int]]] = {}
    loop = asyncio.new_event_loop()
    try:
        version, failure = loop.run_until_complete(_read(path, reading, found, loop))
    finally:
        loop.close()
    if "understand" in failure:  # of a damaged file it dissects what comes before the damage
        raise UnusableInputError(f"{path} is no capture that tshark can read: {failure}")
    dtypes = {column.name: column.dtype for column in DISSECTED}
    tables = {
        stream: {name: np.array(values, dtypes[name]) for name, values in columns.items()} for stream, columns in found.items()
    }
    return version, tables


async def _read(
    path: str, reading: Reading, found: dict[int, dict[str, "array[int]"]], loop: asyncio.AbstractEventLoop
) -> tuple[str, str]:
    """Take the frames of all packets; returns tshark's version and its last words, if it did not end well."""

    def parse(packet: bytes) -> Iterable[tuple[int, dict[str, int]]]:
        return list(frames_of(packet))

    def take(frames: Iterable[tuple[int, dict[str, int]]]) -> None:
        for stream, values in frames:
            columns = found.setdefault(stream, {column.name: array("q") for column in DISSECTED})
            for name, column in columns.items():
                column.append(values[name])

    capture: Any = pdml_captures(parse)(
        path,
        keep_packets=False,
        display_filter=reading.display,
        decode_as=dict(reading.decode_as),
        override_prefs=dict(reading.preferences),
        eventloop=loop,
        tshark_path=tshark_path(),
        custom_parameters=["-n", "-j", LAYERS],
    )
    await capture.packets_from_tshark(take)
    return capture.version, capture.last_words if capture.exit_status else ""


def frames_of(packet: bytes) -> Iterable[tuple[int, dict[str, int]]]:
    """Connection and values of each frame in a packet of PDML. In tunnels the innermost TCP header before a frame counts."""
    marks = [(match.start(), match[1]) for match in _LAYER.finditer(packet)]
    ends = [*(at for at, _ in marks[1:]), len(packet)]
    number, tcp = 0, dict[bytes, tuple[int, bytes]]()
    for (at, layer), end in zip(marks, ends, strict=True):
        fields: dict[bytes, tuple[int, bytes]] = {}
        for name, size, shown in _FIELD.findall(packet, at, end):
            fields.setdefault(name, (int(size), shown))
        if layer == b"frame":
            number = _number(fields, b"number")
        elif layer == b"tcp":
            tcp = fields
        elif b"opcode" in fields:
            length = _number(fields, b"payload_length")
            if length in _EXTENDED:
                length = _number(fields, _EXTENDED[length])
            values = {
                "packet": number,
                "port": _number(tcp, b"srcport"),
                **{name: _number(fields, name.encode()) for name in ("opcode", "fin", "rsv")},
                "masked": _number(fields, b"mask"),
                "length": length,
                "shown": fields.get(b"payload", (length, b""))[0],
            }
            yield _number(tcp, b"stream"), values


def _number(fields: Mapping[bytes, tuple[int, bytes]], name: bytes) -> int:
    """A number as tshark shows it, also in hexadecimal or as True and False."""
    shown = fields.get(name, (0, b"0"))[1]
    return {b"True": 1, b"False": 0}[shown] if shown in (b"True", b"False") else int(shown or b"0", 0)
