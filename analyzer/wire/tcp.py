"""Packets to TCP connections: decodes headers, joins IP fragments, tells connections apart, hands each its packets of a batch.

In: PacketBatch. Out: Packets, which holds nothing of the table, so that the next batch may be decoded beside it. The table has one
row per connection ever seen. "Not yet": fragments wait for the rest of their IP packet, see `fragments.py`.
"""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address

import numpy as np
import numpy.typing as npt

from analyzer.model.capture import CaptureLog, PacketBatch
from analyzer.model.dataclass import dataclass
from analyzer.model.limits import DEFAULT, Limits
from analyzer.model.places import Endpoint
from analyzer.model.schema import PACKETS
from analyzer.model.streams import Bytes, Columns, Ints
from analyzer.wire import kernels, link_kernels
from analyzer.wire.fragments import Fragments

FIN, SYN, RST, ACK = 1, 2, 4, 16
WORDS = 5
"""64-bit words of a flow's key."""
FAR = 1 << 24
"""How far sequence and acknowledgement numbers must both have jumped to be another connection's: 16 MiB each way, unseen."""
FRAGMENTS = "IP fragments"
UNREAD = {
    link_kernels.FRAGMENT: FRAGMENTS,
    link_kernels.TUNNEL: "packets inside a tunnel",
    link_kernels.UNKNOWN_LINK: "packets of a link type that is not read",
    link_kernels.CUT: "packets whose headers the snap length cut",
    link_kernels.ENCRYPTED: "encrypted 802.11 frames",
}
RAW_IP = 101
LOCATED = ("seq", "ack", "flags", "window", "payload", "captured", "length", "ident")
"""Columns of PACKETS that a packet's own bytes tell, in the order of `link_kernels.locate`."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What a connection's first packets say. Side 0 sent the first one."""

    endpoints: tuple[Endpoint, Endpoint]
    flags: int
    """TCP flags of the first packet seen."""
    initial: tuple[int | None, int | None]
    """Initial sequence number of each side as far as the capture shows it, None where nothing does."""
    stream: int
    """Wireshark's tcp.stream, which it shares with connections that reuse its addresses and ports without a SYN."""


@dataclass(frozen=True, slots=True)
class Rows:
    """One connection's packets of a batch: of each side, where they begin and end in the columns."""

    flow: int
    sides: tuple[tuple[int, int], tuple[int, int]]


class Watch:
    """Which connections are still followed; at first all, or those whose number modulo `shares` is `share`. A byte for each."""

    def __init__(self, share: int = 0, shares: int = 1) -> None:
        self._share = share
        self._shares = shares
        self._dropped = np.zeros(1 << 12, np.bool_)

    @property
    def divided(self) -> bool:
        """Whether others follow the rest."""
        return self._shares > 1

    def forget(self, flow: int) -> None:
        """Follow this connection no more; it keeps its number."""
        if flow >= len(self._dropped):
            wider = np.zeros(max(flow + 1, 2 * len(self._dropped)), np.bool_)
            wider[: len(self._dropped)] = self._dropped
            self._dropped = wider
        self._dropped[flow] = True

    def among(self, flows: Ints) -> npt.NDArray[np.bool_]:
        """Which of these connections are followed."""
        dropped = self._dropped
        followed = ~dropped[np.minimum(flows, len(dropped) - 1)] | (flows >= len(dropped))
        if self.divided:
            followed &= flows % self._shares == self._share
        return followed


@dataclass(frozen=True, slots=True)
class Packets:
    """The TCP packets of a batch, by connection and side, each in order of capture.

    `columns` are those of PACKETS; `data` is what their `payload` points into. `now` is the median of all packets' times (ns):
    one packet with a wrong clock must not make all connections old. `damaged`: the capture was found damaged before or in this
    batch.
    """

    columns: Columns
    data: Bytes
    flows: Ints
    sides: Ints
    """Shape (flows, 2, 2): begin and end of each side's rows."""
    keys: npt.NDArray[np.uint64]
    initial: Ints
    opened: npt.NDArray[np.uint8]
    streams: Ints
    now: int
    damaged: bool
    secrets: int
    """TLS secrets that stood in the file up to here."""

    def connections(self, watch: Watch) -> Iterator[tuple[Rows, int]]:
        """The followed ones in order of their number, each with the place where `opening` finds it."""
        chosen = np.flatnonzero(watch.among(self.flows)).tolist()
        flows, sides = self.flows.tolist(), self.sides.tolist()
        for index in chosen:
            one, two = sides[index]
            yield Rows(flows[index], (tuple(one), tuple(two))), index

    def opening(self, index: int) -> Opening:
        """What is known of a connection by the end of this batch."""
        ahi, alo, bhi, blo, ports = self.keys[index].tolist()
        if ports >> 32 == 4:  # noqa: PLR2004 - the IP version, as the walk stores it
            one, two = str(IPv4Address(alo)), str(IPv4Address(blo))
        else:
            one, two = str(IPv6Address(ahi << 64 | alo)), str(IPv6Address(bhi << 64 | blo))
        ends = Endpoint(one, ports >> 16 & 0xFFFF), Endpoint(two, ports & 0xFFFF)
        first, second = (value if value >= 0 else None for value in self.initial[index].tolist())
        return Opening(ends, int(self.opened[index]), (first, second), int(self.streams[index]))


class FlowTable:
    """All TCP connections of a capture. Growing is amortised; a row costs about 110 bytes."""

    def __init__(self, limits: Limits = DEFAULT) -> None:
        self.count = 0
        self._streams = 0
        self._keys = np.zeros(0, np.uint64)
        self._initial = np.zeros(0, np.int64)
        self._latest = np.zeros(0, np.int64)
        self._opened = np.zeros(0, np.uint8)
        self._chain = np.zeros(0, np.int32)
        self._room(1 << 12)
        self._packets: Columns = {}
        self._kind: npt.NDArray[np.uint8] = np.zeros(0, np.uint8)
        self._ends: npt.NDArray[np.uint64] = np.zeros(0, np.uint64)
        self._fragments = Fragments(limits)

    def _room(self, capacity: int) -> None:
        """Make room for `capacity` flows and index them anew."""
        for name, width in (("_keys", WORDS), ("_initial", 2), ("_latest", 4), ("_opened", 1), ("_chain", 2)):
            old = getattr(self, name)
            new = np.zeros(capacity * width, old.dtype)
            new[: len(old)] = old
            setattr(self, name, new)
        self._slots = np.full(capacity * 4, -1, np.int32)  # at most a quarter full: short probes
        kernels.rehash(memoryview(self._keys), self.count, memoryview(self._slots))

    def decode(
        self, batch: PacketBatch, log: CaptureLog, watch: Watch, since: int | None = None, until: int | None = None
    ) -> Packets:
        """The TCP packets of a batch from `since` to `until` (ns) that belong to followed connections. Counts in the log what
        could not be read.
        """
        records = batch.records
        rows = len(records["time"])
        if not self._packets or len(self._kind) < rows:
            self._kind, self._ends = np.zeros(rows, np.uint8), np.zeros(rows * WORDS, np.uint64)
            self._packets = {column.name: np.zeros(rows, column.dtype) for column in PACKETS}
        packets, kind = self._packets, self._kind[:rows]
        links = np.array([interface.link_type for interface in log.interfaces], np.int64)
        _locate(batch.data, records, links, kind, self._ends, packets)
        counts = np.bincount(kind, minlength=len(link_kernels.KINDS))
        for one, reason in UNREAD.items():
            if counts[one]:
                log.unread[reason] = log.unread.get(reason, 0) + int(counts[one])
        data = batch.data
        if counts[link_kernels.FRAGMENT] or counts[link_kernels.DATAGRAM_PART]:
            data = self._join(data, records, kind, log)
        self._track(rows)
        packets["number"][:rows] = np.arange(batch.first_number, batch.first_number + rows)
        packets["time"][:rows] = records["time"]
        flow, time = packets["flow"][:rows], packets["time"][:rows]
        if since is not None:
            flow[time < since] = -1
        if until is not None:
            flow[time > until] = -1
        middle = int(np.partition(time, rows // 2)[rows // 2]) if rows else 0
        return self._grouped(data, rows, watch, middle, log)

    def _track(self, rows: int) -> None:
        """Give the located packets their connection and side."""
        packets, done = self._packets, 0
        while done < rows:
            done, self.count, self._streams = kernels.track(
                memoryview(self._kind),
                memoryview(self._ends),
                *(memoryview(packets[name]) for name in ("seq", "ack", "flags", "length")),
                done,
                rows,
                FAR,
                *(memoryview(a) for a in (self._slots, self._keys, self._initial, self._latest, self._opened, self._chain)),
                self.count,
                self._streams,
                memoryview(packets["flow"]),
                memoryview(packets["side"]),
            )
            if done < rows:
                self._room(len(self._opened) * 2)

    def _join(self, data: Bytes, records: Columns, kind: npt.NDArray[np.uint8], log: CaptureLog) -> Bytes:
        """Put IP packets that came in fragments behind the batch's bytes, in the rows that completed them; returns all bytes."""
        whole = self._fragments.take(data, records, kind, self._packets)
        if whole.used:
            log.unread[FRAGMENTS] -= whole.used
            if not log.unread[FRAGMENTS]:
                del log.unread[FRAGMENTS]
        if not whole.packets:
            return data
        sizes = np.array([len(packet) for packet in whole.packets], np.int64)
        joined = np.concatenate((data, np.frombuffer(b"".join(whole.packets), np.uint8)))
        places = {"offset": len(data) + np.cumsum(sizes) - sizes, "captured": sizes, "on_wire": sizes}
        count = len(sizes)
        found: Columns = {name: np.zeros(count, self._packets[name].dtype) for name in LOCATED}
        kinds, ends = np.zeros(count, np.uint8), np.zeros(count * WORDS, np.uint64)
        raw = {**places, "interface": np.zeros(count, np.int32)}
        _locate(joined, raw, np.array([RAW_IP], np.int64), kinds, ends, found)
        kind[whole.rows] = kinds
        self._ends.reshape(-1, WORDS)[whole.rows] = ends.reshape(-1, WORDS)
        for name in LOCATED:
            self._packets[name][whole.rows] = found[name]
        return joined

    def _grouped(self, data: Bytes, rows: int, watch: Watch, now: int, log: CaptureLog) -> Packets:
        """Rows by connection and side."""
        flow = self._packets["flow"][:rows]
        chosen = np.flatnonzero(flow >= 0)
        chosen = chosen[watch.among(flow[chosen])]
        group = flow[chosen].astype(np.int64) * 2 + self._packets["side"][chosen]
        order = np.argsort(group, kind="stable")
        chosen, group = chosen[order], group[order]
        columns = {name: column[chosen] for name, column in self._packets.items()}
        edges = np.flatnonzero(np.diff(group, prepend=-1, append=-1))
        flows, which = np.unique(group[edges[:-1]] // 2, return_inverse=True)
        sides = np.zeros((len(flows), 2, 2), np.int64)
        sides[which, group[edges[:-1]] % 2] = np.stack((edges[:-1], edges[1:]), axis=1)
        keys, initial = self._keys.reshape(-1, WORDS)[flows], self._initial.reshape(-1, 2)[flows]
        streams = self._chain.reshape(-1, 2)[flows, 0].astype(np.int64)
        told = (now, bool(log.problems), len(log.secrets))
        return Packets(columns, data, flows, sides, keys, initial, self._opened[flows], streams, *told)


def _locate(
    data: Bytes,
    records: Columns,
    links: Ints,
    kind: npt.NDArray[np.uint8],
    ends: npt.NDArray[np.uint64],
    packets: Columns,
) -> None:
    """Fill `kind`, `ends` and the LOCATED columns from the packets' bytes."""
    link_kernels.locate(
        memoryview(data),
        *(memoryview(records[name]) for name in ("offset", "captured", "on_wire", "interface")),
        memoryview(links),
        link_kernels.LAYERS,
        memoryview(np.zeros(3, np.int64)),
        memoryview(kind),
        memoryview(ends),
        *(memoryview(packets[name]) for name in LOCATED),
    )
