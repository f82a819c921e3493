"""Packets of any source as pcapng blocks, a batch at once: a stretch as if it had been read from a pcapng file.

In: a PacketBatch, the unit in which its interfaces count time, and the options of its packets where they have any. Out: enhanced
packet blocks, little-endian.
"""

import numpy as np

from analyzer.copies.stretches import Stretch
from analyzer.model.capture import PacketBatch
from analyzer.model.dataclass import dataclass
from analyzer.model.pcapng import ENHANCED_PACKET, PACKET_FIELDS
from analyzer.model.streams import Bytes, Ints
from analyzer.wire import bulk

AROUND = PACKET_FIELDS + 4
"""Bytes of a block around its packet."""


@dataclass(frozen=True, slots=True)
class Tails:
    """The options of packets as they stand in blocks, little-endian: where they lie in `data`, and how many bytes, 0 for none.
    `marked`: 1 where there is a comment or a count of lost packets among them.
    """

    data: Bytes
    at: Ints
    size: Ints
    marked: Ints

    def rows(self, begin: int, end: int) -> "Tails":
        """Some of the packets."""
        at, size = self.at[begin:end], self.size[begin:end]
        first = int(at[0])
        return Tails(self.data[first : int(at[-1] + size[-1])], at - first, size, self.marked[begin:end])


def stretch(batch: PacketBatch, tick: int, tails: Tails | None = None) -> Stretch:
    """The packets of a batch as blocks; `tick` is the unit of time in ns."""
    offset, captured, on_wire, time = (batch.records[name] for name in ("offset", "captured", "on_wire", "time"))
    bare = AROUND + (captured + 3 & ~3)
    sizes = bare if tails is None else bare + tails.size
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
    if tails is not None:
        _put(tails, begins[:-1] + bare - 4, out)
    words, first, last = out.view("<u4"), begins[:-1] // 4, begins[1:] // 4 - 1
    ticks = (np.maximum(time, 0) // tick).astype(np.uint64)
    fields = (np.uint64(ENHANCED_PACKET), sizes, batch.records["interface"], ticks >> np.uint64(32), ticks, captured, on_wire)
    for place, value in enumerate(fields):
        words[first + place] = np.asarray(value).astype(np.uint32)
    words[last] = sizes.astype(np.uint32)
    options = np.zeros(len(captured), np.int64) if tails is None else tails.marked
    return Stretch(out, begins, options, batch.first_number, big=False)


def _put(tails: Tails, places: Ints, out: Bytes) -> None:
    """Copy the options of each packet to its place."""
    rows = np.flatnonzero(tails.size)
    size = tails.size[rows]
    steps = np.arange(int(size.sum())) - np.repeat(np.cumsum(size) - size, size)
    out[np.repeat(places[rows], size) + steps] = tails.data[np.repeat(tails.at[rows], size) + steps]
