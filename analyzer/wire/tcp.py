"""Packets to TCP connections: decodes headers, numbers connections as Wireshark does, hands each its packets of a batch.

In: PacketBatch. Out: PACKETS columns and, per connection that is watched, its rows by side. Holds one table row per connection
ever seen.
"""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address

import numpy as np
import numpy.typing as npt

from analyzer.model.capture import CaptureLog, PacketBatch
from analyzer.model.dataclass import dataclass
from analyzer.model.schema import PACKETS
from analyzer.model.session import Endpoint
from analyzer.model.streams import Columns
from analyzer.wire import kernels

FIN, SYN, RST, ACK = 1, 2, 4, 16
WORDS = 5
"""64-bit words of a flow's key."""
UNREAD = {
    kernels.FRAGMENT: "IP fragments",
    kernels.TUNNEL: "packets inside a tunnel",
    kernels.UNKNOWN_LINK: "packets of a link type that is not read",
    kernels.CUT: "packets whose headers the snap length cut",
}


@dataclass(frozen=True, slots=True)
class Rows:
    """One connection's packets of a batch: PACKETS columns of each side (0: who sent its first packet), in order of capture."""

    flow: int
    sides: tuple[Columns, Columns]


class FlowTable:
    """All TCP connections of a capture. Growing is amortised; a row costs about 70 bytes."""

    def __init__(self) -> None:
        self.count = 0
        self._keys = np.zeros(0, np.uint64)
        self._initial = np.zeros(0, np.int64)
        self._watch = np.zeros(0, np.uint8)
        self._opened = np.zeros(0, np.uint8)
        self._room(1 << 12)
        self.packets: Columns = {}
        self._kind: npt.NDArray[np.uint8] = np.zeros(0, np.uint8)

    def _room(self, capacity: int) -> None:
        """Make room for `capacity` flows and index them anew."""
        old = self.count
        keys, initial = np.zeros(capacity * WORDS, np.uint64), np.full(capacity * 2, -1, np.int64)
        watch, opened = np.zeros(capacity, np.uint8), np.zeros(capacity, np.uint8)
        keys[: old * WORDS], initial[: old * 2] = self._keys[: old * WORDS], self._initial[: old * 2]
        watch[:old], opened[:old] = self._watch[:old], self._opened[:old]
        self._keys, self._initial, self._watch, self._opened = keys, initial, watch, opened
        self._slots = np.full(capacity * 4, -1, np.int32)  # at most a quarter full: short probes
        kernels.rehash(memoryview(keys), old, memoryview(self._slots))

    def decode(self, batch: PacketBatch, log: CaptureLog) -> int:
        """Fill `packets` from a batch; returns how many packets are TCP. Counts in the log what could not be read."""
        records = batch.records
        rows = len(records["time"])
        if len(self._kind) < rows:
            self._kind = np.zeros(rows, np.uint8)
            self.packets = {column.name: np.zeros(rows, column.dtype) for column in PACKETS}
        links = np.array([interface.link_type for interface in log.interfaces], np.int64)
        done = 0
        while done < rows:
            done, self.count = kernels.decode(
                memoryview(batch.data),
                *(memoryview(records[name]) for name in ("offset", "captured", "on_wire", "interface")),
                memoryview(links),
                done,
                rows,
                *(memoryview(a) for a in (self._slots, self._keys, self._initial, self._watch, self._opened)),
                self.count,
                memoryview(self._kind),
                *(memoryview(self.packets[name]) for name in ("flow", "side", "seq", "ack", "flags", "window")),
                *(memoryview(self.packets[name]) for name in ("payload", "captured", "length")),
            )
            if done < rows:
                self._room(len(self._opened) * 2)
        self.packets["number"][:rows] = np.arange(batch.first_number, batch.first_number + rows)
        self.packets["time"][:rows] = records["time"]
        counts = np.bincount(self._kind[:rows], minlength=kernels.CUT + 1)
        for kind, reason in UNREAD.items():
            if counts[kind]:
                log.unread[reason] = log.unread.get(reason, 0) + int(counts[kind])
        return int(counts[kernels.TCP])

    def connections(self, rows: int) -> Iterator[Rows]:
        """The watched connections among the first `rows` packets, in order of their number."""
        flow = self.packets["flow"][:rows]
        chosen = np.flatnonzero(flow >= 0)
        chosen = chosen[self._watch[flow[chosen]] != 0]
        if not len(chosen):
            return
        group = flow[chosen].astype(np.int64) * 2 + self.packets["side"][chosen]
        order = np.argsort(group, kind="stable")
        chosen, group = chosen[order], group[order]
        columns = {name: column[chosen] for name, column in self.packets.items()}
        bounds = np.flatnonzero(np.diff(group, prepend=-1, append=-1))
        begin = 0
        while begin < len(bounds) - 1:
            number = int(group[bounds[begin]]) // 2
            halves: list[Columns] = []
            for side in (0, 1):
                low = high = 0
                if begin < len(bounds) - 1 and int(group[bounds[begin]]) == number * 2 + side:
                    low, high = int(bounds[begin]), int(bounds[begin + 1])
                    begin += 1
                halves.append({name: column[low:high] for name, column in columns.items()})
            yield Rows(number, (halves[0], halves[1]))

    def forget(self, flow: int) -> None:
        """Do not hand out this connection's packets any more; it keeps its number."""
        self._watch[flow] = 0

    def opened_by(self, flow: int) -> int:
        """TCP flags of the first packet seen."""
        return int(self._opened[flow])

    def initial(self, flow: int, side: int) -> int | None:
        """Initial sequence number of a side as far as the capture shows it, None when nothing does."""
        value = int(self._initial[flow * 2 + side])
        return value if value >= 0 else None

    def endpoints(self, flow: int) -> tuple[Endpoint, Endpoint]:
        """Sender of the first packet, and the other."""
        ahi, alo, bhi, blo, ports = self._keys[flow * WORDS : flow * WORDS + WORDS].tolist()
        if ports >> 32 == 4:  # noqa: PLR2004 - the IP version, as the walk stores it
            one, two = str(IPv4Address(alo)), str(IPv4Address(blo))
        else:
            one, two = str(IPv6Address(ahi << 64 | alo)), str(IPv6Address(bhi << 64 | blo))
        return Endpoint(one, ports >> 16 & 0xFFFF), Endpoint(two, ports & 0xFFFF)
