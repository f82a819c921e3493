"""Packets of any source as pcapng blocks, a batch at once: a stretch as if it had been read from a pcapng file.

In: a PacketBatch and the unit in which its interfaces count time. Out: enhanced packet blocks, little-endian, without options.
"""

import numpy as np

from analyzer.copies.blocks import ENHANCED_PACKET, PACKET_FIELDS
from analyzer.copies.stretches import Stretch
from analyzer.model.capture import PacketBatch
from analyzer.wire import bulk

AROUND = PACKET_FIELDS + 4
"""Bytes of a block around its packet."""


def stretch(batch: PacketBatch, tick: int) -> Stretch:
    """The packets of a batch as blocks; `tick` is the unit of time in ns."""
    offset, captured, on_wire, time = (batch.records[name] for name in ("offset", "captured", "on_wire", "time"))
    sizes = AROUND + (captured + 3 & ~3)
    begins = np.concatenate((np.zeros(1, np.int64), np.cumsum(sizes)))
    out = np.empty(int(begins[-1]), np.uint8)
    # Each packet is copied with what lies around it, in one go; the block's own fields then take the place of that.
    data, low, high = batch.data, int((offset - PACKET_FIELDS).min()), int((offset - PACKET_FIELDS + sizes).max())
    if low < 0 or high > len(data):
        before, behind = max(-low, 0), max(high - len(data), 0)
        data, offset = np.concatenate((np.zeros(before, np.uint8), data, np.zeros(behind, np.uint8))), offset + before
    bulk.gather(data, offset - PACKET_FIELDS, sizes, out)
    for place in range(3):
        padded = -captured % 4 > place
        out[begins[:-1][padded] + captured[padded] + PACKET_FIELDS + place] = 0
    words, first, last = out.view("<u4"), begins[:-1] // 4, begins[1:] // 4 - 1
    ticks = (np.maximum(time, 0) // tick).astype(np.uint64)
    fields = (np.uint64(ENHANCED_PACKET), sizes, batch.records["interface"], ticks >> np.uint64(32), ticks, captured, on_wire)
    for place, value in enumerate(fields):
        words[first + place] = np.asarray(value).astype(np.uint32)
    words[last] = sizes.astype(np.uint32)
    return Stretch(out, begins, np.zeros(len(captured), np.int64), batch.first_number, big=False)
