"""Where times fall back in a capture: was the clock set back, or do the packets belong elsewhere? TCP's sequence numbers tell.

In: the packets on either side of the place. Out: what happened there. Connections that are on both sides and go on across the place
prove that the order is right, so that the clock was wrong. Where they go back, or nothing is in common, times are believed.
"""

from enum import Enum
from typing import Self

import numpy as np

from analyzer.model.capture import CaptureLog, ClockStep
from analyzer.model.dataclass import dataclass
from analyzer.model.limits import Limits
from analyzer.model.schema import PACKETS, RECORDS
from analyzer.model.streams import Bytes, Columns, Ints
from analyzer.wire import bulk, link_kernels

HEAD = 256
"""Bytes of a packet that are enough to find its TCP header."""
RST, ACK = 4, 16
EARLIEST = -(1 << 62)
"""Before all times that a capture can hold."""


class Verdict(Enum):
    """What happened where times fall back."""

    MISPLACED = 1
    SET_BACK = 2
    STRAY = 3
    """The packets before it had a wrong clock, which then was right again."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """The heads of consecutive packets, in memory of their own."""

    data: Bytes
    records: Columns

    @classmethod
    def none(cls) -> Self:
        """No packet."""
        return cls(np.zeros(0, np.uint8), {column.name: np.zeros(0, column.dtype) for column in RECORDS})

    @classmethod
    def of(cls, data: Bytes, records: Columns) -> Self:
        """Copied from a batch."""
        size = np.minimum(records["captured"], HEAD)
        own = bulk.gathered(data, records["offset"], size)
        return cls(
            own, {**{name: column.copy() for name, column in records.items()}, "offset": np.cumsum(size) - size, "captured": size}
        )

    def __len__(self) -> int:
        return len(self.records["time"])

    @property
    def times(self) -> Ints:
        """Of each packet, ns."""
        return self.records["time"]

    def joined(self, other: "Stretch") -> "Stretch":
        """This one, then the other."""
        records = {name: np.concatenate((column, other.records[name])) for name, column in self.records.items()}
        records["offset"][len(self) :] += len(self.data)
        return Stretch(np.concatenate((self.data, other.data)), records)

    def last(self, count: int) -> "Stretch":
        """The last packets."""
        return (
            self if len(self) <= count else Stretch.of(self.data, {name: column[-count:] for name, column in self.records.items()})
        )

    def later(self, shift: int) -> "Stretch":
        """The same with other times."""
        return Stretch(self.data, {**self.records, "time": self.records["time"] + shift})


class Chain:
    """Runs that go on one with the other, as they come: `shift` leads from the file's times to those that go on, `reached` is the
    moment of the last packet.
    """

    def __init__(self, log: CaptureLog, limits: Limits) -> None:
        self._log = log
        self._limits = limits
        self.shift = 0
        self.reached = EARLIEST
        self.lowest, self.highest = -EARLIEST, EARLIEST
        """Of all times so far."""

    def moments(self, times: Ints) -> Ints:
        """The highest time so far, of packets that come next. `times` are shifted already."""
        self.lowest, self.highest = min(self.lowest, int(times.min())), max(self.highest, int(times.max()))
        found = np.maximum.accumulate(np.maximum(times, self.reached))
        self.reached = int(found[-1])
        return found

    def meets(self, before: Stretch, after: Stretch, packet: int) -> Verdict:
        """A run ends with `before` (shifted) and packet number `packet`, another one begins with `after` (as in the file)."""
        links = np.array([interface.link_type for interface in self._log.interfaces], np.int64)
        begin = int(after.times[0])
        if not len(before) or not _goes_on(before, after, links):
            self.shift, self.reached = 0, EARLIEST
            return Verdict.MISPLACED
        ahead = np.flatnonzero(before.times > begin + self.shift)
        if len(ahead) and ahead[0] and before.times[ahead[0]] - before.times[ahead[0] - 1] > self._limits.idle_flow:
            self.reached = begin + self.shift
            return Verdict.STRAY
        shift = int(before.times[-1]) - begin
        self._log.clock_steps.append(ClockStep(packet, shift - self.shift))
        self.shift = shift
        return Verdict.SET_BACK


def _goes_on(before: Stretch, after: Stretch, links: Ints) -> bool:
    """Whether most sides of the connections in common go on across the place. Only packets that times would put into another
    order count.
    """
    both = before.joined(after)
    side, position = _positions(both, links)
    early = np.arange(len(both)) < len(before)
    votes = 0
    for one in np.intersect1d(side[early & (side >= 0)], side[~early & (side >= 0)]).tolist():
        mine = side == one
        told, following = np.flatnonzero(mine & early), np.flatnonzero(mine & ~early)
        following = following[both.times[following] < both.times[told].max()]
        base = position[told[-1]]  # differences of 32 bits wrap around as the numbers do
        reached = (position[told] - base).astype(np.int32).max(axis=0).sum(dtype=np.int64)
        comes = (position[following] - base).astype(np.int32).sum(axis=1, dtype=np.int64)
        votes += int(np.sign(np.count_nonzero(comes > reached) - np.count_nonzero(comes < reached)))
    return votes > 0


def _positions(packets: Stretch, links: Ints) -> tuple[Ints, Ints]:
    """Of each packet the side of a connection that it belongs to, as one interface saw it, and the two numbers that grow with
    it: sequence and acknowledgement. Side -1: it says nothing.
    """
    rows = len(packets)
    found: Columns = {column.name: np.zeros(rows, column.dtype) for column in PACKETS}
    kind, ends = np.zeros(rows, np.uint8), np.zeros((rows, 5), np.uint64)
    link_kernels.locate(
        memoryview(packets.data),
        *(memoryview(packets.records[name]) for name in ("offset", "captured", "on_wire", "interface")),
        memoryview(links),
        link_kernels.LAYERS,
        *(memoryview(a) for a in (np.zeros(3, np.int64), kind, ends.reshape(-1))),
        *(memoryview(found[name]) for name in ("seq", "ack", "flags", "window", "payload", "captured", "length", "ident")),
    )
    _, way = np.unique(ends, axis=0, return_inverse=True)
    side = way.reshape(-1).astype(np.int64) * len(links) + packets.records["interface"]
    side[(kind != link_kernels.TCP) | (found["flags"] & (RST | ACK) != ACK)] = -1
    return side, np.stack((found["seq"], found["ack"]), axis=1)
