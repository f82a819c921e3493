"""Where does a frame start? Finds a frame boundary in the middle of a direction's bytes, after a hole or when the capture began
late.

In: contiguous bytes. Out: the stream offset of a header, or None. Candidates are the starts of packets, since senders write
whole frames;
one is accepted only when legal headers chain from it exactly to the end of the bytes and weigh enough to be no accident.
"""

import json
from typing import Any

import numpy as np
import numpy.typing as npt

from analyzer.model.schema import Opcode, Side
from analyzer.model.streams import Data
from analyzer.wire import kernels
from analyzer.wire.frames import FrameColumns

ENOUGH = 4
CANDIDATES = 256
LONGEST_CONTROL, SHORT, MEDIUM = 125, 126, 65536
CLOSE_CODES = range(1000, 5000)


def find_frame(data: Data, side: Side | None, *, rsv: bool = True) -> int | None:
    """Stream offset of the first frame header from which frames chain; `side` None accepts masked and unmasked frames.

    `rsv`: RSV1 may be set (permessage-deflate may be in use).
    """
    starts = data.origins.start
    starts = starts[(starts >= data.start) & (starts < data.end)][:CANDIDATES]
    for start in [data.start, *starts.tolist()] if not len(starts) or starts[0] != data.start else starts.tolist():
        if _weight(data, start - data.start, side, rsv=rsv) >= ENOUGH:
            return int(start)
    return None


def _weight(data: Data, at: int, side: Side | None, *, rsv: bool) -> int:
    """How much speaks for a header at `at`: 0 when anything speaks against it."""
    columns = FrameColumns(CANDIDATES)
    rows, _, why = kernels.walk_frames(memoryview(data.bytes), at, len(data.bytes), *columns.views)
    if not rows or why == kernels.DAMAGED:
        return 0
    first, masked, length = columns.first[:rows], columns.masked[:rows], columns.length[:rows]
    opcode, fin, bits = first & 15, first >> 7, first >> 4 & 7
    header = columns.header[:rows].astype(np.int64) - 4 * masked
    data_frame = opcode < Opcode.CLOSE
    legal = (opcode <= Opcode.BINARY) | ((opcode >= Opcode.CLOSE) & (opcode <= Opcode.PONG))
    legal &= data_frame | ((fin == 1) & (length <= LONGEST_CONTROL))
    legal &= (bits == 0) | ((bits == 4) & rsv & data_frame & (opcode != Opcode.CONTINUATION))  # noqa: PLR2004 - RSV1
    legal &= header == np.where(length < SHORT, 2, np.where(length < MEDIUM, 4, 10))
    legal &= masked == (masked[0] if side is None else side == Side.CLIENT)
    if not legal.all() or not _sequence_fits(opcode[data_frame], fin[data_frame]):
        return 0
    return sum(_evidence(data, columns, row) for row in range(min(rows, 8)))


def _sequence_fits(opcode: npt.NDArray[Any], fin: npt.NDArray[Any]) -> bool:
    """Continuations only inside a message, new messages only outside one (RFC 6455 section 5.4); the first frame may be either."""
    return bool(np.all((opcode[1:] == Opcode.CONTINUATION) == (fin[:-1] == 0)))


def _evidence(data: Data, columns: FrameColumns, row: int) -> int:
    """What one complete frame weighs: chains of short unmasked frames are cheap to imitate, readable content is not."""
    begin = int(columns.offset[row]) + int(columns.header[row])
    length = int(columns.length[row])
    if begin + length > len(data.bytes):
        return 0
    opcode = int(columns.first[row]) & 15
    key = int(columns.key[row]).to_bytes(4, "big") if columns.masked[row] else bytes(4)
    head = bytes(byte ^ key[i & 3] for i, byte in enumerate(data.bytes[begin : begin + min(length, 4096)].tobytes()))
    if opcode == Opcode.TEXT and not columns.first[row] & 0x70:
        try:
            json.loads(head) if length == len(head) else head[:64].decode()
        except (ValueError, RecursionError):
            return 1
        return 3 if head[:1] in (b"{", b"[") else 1
    if opcode == Opcode.CLOSE and length >= 2:  # noqa: PLR2004 - the code
        return 2 if int.from_bytes(head[:2], "big") in CLOSE_CODES else 0
    return 2 if columns.masked[row] and length else int(length > 0)
