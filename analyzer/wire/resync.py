"""Where does a frame start? Finds a frame boundary in the middle of a direction's bytes, after a hole or in a late capture.

In: contiguous bytes. Out: the stream offset of a header, or None. First candidates are the starts of packets, since senders mostly
write whole frames: one is accepted when legal headers chain from it exactly to the end of the bytes and weigh enough to be no
accident. Where frames are sent in bulk, `find_anywhere` tries every byte and asks for far longer chains.
"""

import json
from typing import Any

import numpy as np
import numpy.typing as npt

from analyzer.model.schema import Opcode, Side
from analyzer.model.streams import Bytes, Columns, Data, Ints
from analyzer.wire import stream_kernels
from analyzer.wire.frames import FrameColumns

ENOUGH = 4
CANDIDATES = 256
LONGEST_CONTROL, SHORT, MEDIUM = 125, 126, 65536
CLOSE_CODES = range(1000, 5000)
WINDOW, STEP = 1 << 18, 3 << 16
"""Bytes searched at once, and how far apart the searches begin: a chain of the usual frames fits well into what they share."""
HEADER_BITS = 5
"""Of random bytes one in 2**5 or fewer is a legal header for its side (9 to 13 first bytes of 256, and the mask bit)."""
CERTAIN_BITS = 40
"""A chain that is an accident once in 2**40; a window has 2**18 places where one may begin."""
LEGAL = np.zeros((2, 256), np.bool_)
LEGAL[:, [0x00, 0x01, 0x02, 0x80, 0x81, 0x82, 0x88, 0x89, 0x8A]] = True
LEGAL[1, [0x41, 0x42, 0xC1, 0xC2]] = True
"""First bytes that a header may have (RFC 6455 section 5.2): without permessage-deflate, and with it."""
TOLD = ("offset", "header", "length", "opcode", "rsv", "masked", "key")
"""Columns of a frame that weigh."""
DOUBTFUL = 3
"""Frames at the head of a chain that may be an accident, since a false header can lead to a true one by its length."""


def find_frame(data: Data, side: Side | None, *, rsv: bool = True) -> int | None:
    """Stream offset of the first frame header from which frames chain; `side` None accepts masked and unmasked frames.

    `rsv`: RSV1 may be set (permessage-deflate may be in use).
    """
    if not len(data.bytes):
        return None
    starts = data.origins.start
    starts = starts[(starts >= data.start) & (starts < data.end)][:CANDIDATES]
    for start in [data.start, *starts.tolist()] if not len(starts) or starts[0] != data.start else starts.tolist():
        if _weight(data, start - data.start, side, rsv=rsv) >= ENOUGH:
            return int(start)
    return None


def find_anywhere(data: Data, side: Side, *, rsv: bool) -> int | None:
    """Stream offset of a frame header, at any byte; `rsv` as above. Takes a few ms per WINDOW where there is none."""
    at_packet = find_frame(data, side, rsv=rsv)
    if at_packet == data.start:
        return at_packet
    for begin in range(0, len(data.bytes) if at_packet is None else at_packet - data.start, STEP):
        found = _scan(data.bytes[begin : begin + WINDOW], side, rsv=rsv)
        if found is not None and _weight(data, begin + found, side, rsv=rsv) >= ENOUGH:
            return min(data.start + begin + found, at_packet or data.end)
    return at_packet


def _scan(data: Bytes, side: Side, *, rsv: bool) -> int | None:
    """The first header of a chain to the end of `data` that is certain to be one.

    Every legal header is scored from the last one back: its own bits and those of the header it leads to.
    """
    at, first, length, behind = _legal_headers(data, side, rsv=rsv)
    row_at = np.full(len(data), -1, np.int64)
    row_at[at] = np.arange(len(at))
    inside = behind < len(data) - 1  # of a header at the last byte nothing can be said
    follows = np.where(inside, row_at[np.where(inside, behind, 0)], len(at))  # -1: no header there; the last: beyond the end
    same = np.zeros(len(at), np.bool_)
    near = np.flatnonzero((follows >= 0) & (follows < len(at)))
    same[near] = (first[near] == first[follows[near]]) & (length[near] == length[follows[near]])
    bits = np.where(length < MEDIUM, HEADER_BITS, CERTAIN_BITS) + np.where(same, np.where(length < SHORT, 8, 16), 0)
    scores = [0] * len(at) + [HEADER_BITS]
    nexts, own = follows.tolist(), bits.tolist()
    for row in range(len(at) - 1, -1, -1):
        if nexts[row] >= 0 and scores[nexts[row]]:
            scores[row] = own[row] + scores[nexts[row]]
    row = next((row for row in range(len(at)) if scores[row] >= CERTAIN_BITS), -1)
    if row < 0:
        return None
    for _ in range(DOUBTFUL):
        if same[row] or nexts[row] == len(at):
            break
        row = nexts[row]
    return int(at[row])


def _legal_headers(data: Bytes, side: Side, *, rsv: bool) -> tuple[Ints, Bytes, Ints, Ints]:
    """Every place in `data` where a legal header of this side could stand: offset, first byte, payload length, where the next one
    would be; beyond the end where the header itself is cut.
    """
    key = 4 * (side is Side.CLIENT)
    at = np.flatnonzero(LEGAL[int(rsv)][data[:-1]] & (data[1:] >> 7 == (side is Side.CLIENT)))
    stop, data = len(data), np.concatenate((data, np.zeros(stream_kernels.FRAME_ROOM, np.uint8)))
    size = (data[at + 1] & 127).astype(np.int64)
    medium = data[at + 2].astype(np.int64) << 8 | data[at + 3]
    high = data[at[:, None] + np.arange(2, 6)].any(axis=1)  # 4 GiB and more: no accident of ours
    large = (data[at[:, None] + np.arange(6, 10)].astype(np.int64) << np.array([24, 16, 8, 0])).sum(axis=1)
    length = np.where(size < SHORT, size, np.where(size == SHORT, medium, large))
    header = np.where(size < SHORT, 2, np.where(size == SHORT, 4, 10)) + key
    minimal = (size < SHORT) | ((size == SHORT) & (medium >= SHORT)) | ((size > SHORT) & ~high & (large >= MEDIUM))
    cut = at + header > stop
    good = (minimal | cut) & ((data[at] & 8 == 0) | (size <= LONGEST_CONTROL))
    behind = np.where(cut, stop, at + header + length)
    return at[good], data[at[good]], length[good], behind[good]


def _weight(data: Data, at: int, side: Side | None, *, rsv: bool) -> int:
    """How much speaks for a header at `at`: 0 when anything speaks against it."""
    columns = FrameColumns(CANDIDATES)
    run = data.cut(data.start + at).run()
    views = run.views
    state, head = np.zeros(8, np.int64), np.zeros(stream_kernels.FRAME_ROOM, np.uint8)
    own = (side is Side.CLIENT, len(data.bytes), memoryview(state), memoryview(head))
    rows, _, _, _, why, _ = stream_kernels.walk_frames(*views, 0, 0, *own, *columns.views)
    rows += int(state[0])  # the last one may go on
    if not rows or why == stream_kernels.DAMAGED:
        return 0
    frames = columns.rows(0, rows)
    opcode, fin, bits, masked, length = (frames[name] for name in ("opcode", "fin", "rsv", "masked", "length"))
    header = frames["header"].astype(np.int64) - 4 * masked
    data_frame = opcode < Opcode.CLOSE
    legal = (opcode <= Opcode.BINARY) | ((opcode >= Opcode.CLOSE) & (opcode <= Opcode.PONG))
    legal &= data_frame | ((fin == 1) & (length <= LONGEST_CONTROL))
    legal &= (bits == 0) | ((bits == 4) & rsv & data_frame & (opcode != Opcode.CONTINUATION))  # noqa: PLR2004 - RSV1
    legal &= header == np.where(length < SHORT, 2, np.where(length < MEDIUM, 4, 10))
    legal &= masked == (masked[0] if side is None else side == Side.CLIENT)
    if not legal.all() or not _sequence_fits(opcode[data_frame], fin[data_frame]):
        return 0
    return sum(_evidence(data, frames, row) for row in range(min(rows, 8)))


def _sequence_fits(opcode: npt.NDArray[Any], fin: npt.NDArray[Any]) -> bool:
    """Continuations only inside a message, new messages only outside one (RFC 6455 section 5.4); the first frame may be either."""
    return bool(np.all((opcode[1:] == Opcode.CONTINUATION) == (fin[:-1] == 0)))


def _evidence(data: Data, frames: Columns, row: int) -> int:
    """What one complete frame weighs: chains of short unmasked frames are cheap to imitate, readable content is not."""
    offset, header, length, opcode, rsv, masked, mask = (int(frames[name][row]) for name in TOLD)
    begin = offset - data.start + header
    if begin + length > len(data.bytes):
        return 0
    key = mask.to_bytes(4, "big")
    head = bytes(byte ^ key[i & 3] for i, byte in enumerate(data.bytes[begin : begin + min(length, 4096)].tobytes()))
    if opcode == Opcode.TEXT and not rsv:
        try:
            json.loads(head) if length == len(head) else head[:64].decode()
        except (ValueError, RecursionError):
            return 1
        return 3 if head[:1] in (b"{", b"[") else 1
    if opcode == Opcode.CLOSE and length >= 2:  # noqa: PLR2004 - the code
        return 2 if int.from_bytes(head[:2], "big") in CLOSE_CODES else 0
    return 2 if masked and length else int(length > 0)
