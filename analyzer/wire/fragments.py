"""IP packets that came in fragments, put together again (RFC 791 section 3.2, RFC 8200 section 4.5).

In: the rows of a batch in which `link_kernels.locate` saw a fragment. Out: whole IP packets, each with the row that completed it.
"Not yet" is kept within limits: bytes in all, number of packets, age in capture time. Fragments come in any order and more than
once. One that contradicts what is there (other bytes at the same place, another end) is of another packet with the same
identification: what was there is given up, since nothing must be made of parts that do not belong together. A fragment that the
snap length cut is not used.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from analyzer.model.dataclass import dataclass
from analyzer.model.limits import Limits
from analyzer.model.streams import Bytes, Columns, Ints
from analyzer.wire import link_kernels

LONGEST = 0xFFFF
"""Bytes of the longest IP packet."""
IPV6_HEADER, FRAGMENT_HEADER = 40, 8
FRAGMENTED, AUTHENTICATED = 44, 51
RAW_IP = 101
COST = 400
"""What a waiting packet costs beside its bytes."""
Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Whole:
    """IP packets that a batch completed, in order of `rows`. `used` counts the FRAGMENT rows that are read with them, of this batch
    or of earlier ones.
    """

    rows: Ints
    packets: list[bytes]
    used: int


@dataclass(frozen=True, slots=True)
class _Part:
    """One fragment. `head` is the header of the packet that it is part of, as far as it is the same in all."""

    key: Key
    begin: int
    content: bytes
    more: bool
    head: bytes

    @classmethod
    def read(cls, headers: bytes, content: bytes) -> "_Part | None":
        """From the IP headers and what follows them; None for what cannot be one."""
        if headers[0] >> 4 == 4:  # noqa: PLR2004 - the IP version
            place = int.from_bytes(headers[6:8], "big")
            more, begin = bool(place & 0x2000), (place & 0x1FFF) * 8
            key: Key = (headers[12:20], headers[4:6], headers[9])
            head = headers[:6] + b"\0\0" + headers[8:]
        else:
            fields = headers[-FRAGMENT_HEADER:]
            place = int.from_bytes(fields[2:4], "big")
            more, begin = bool(place & 1), place & 0xFFF8
            key = (headers[8:40], fields[4:8])
            head = _unfragmented(headers[:-FRAGMENT_HEADER], fields[0])
        if not content or (more and len(content) % 8) or begin + len(content) + len(head) > LONGEST:
            return None
        return cls(key, begin, content, more, head)


def _unfragmented(headers: bytes, following: int) -> bytes:
    """IPv6 headers whose last one names `following` instead of the fragment header."""
    field, at = 6, IPV6_HEADER
    while headers[field] != FRAGMENTED and at + 2 <= len(headers):
        size = (headers[at + 1] + 2) * 4 if headers[field] == AUTHENTICATED else (headers[at + 1] + 1) * 8
        field, at = at, at + size
    return headers[:field] + bytes([following]) + headers[field + 1 :]


class _Datagram:
    """What has come of one IP packet."""

    def __init__(self, time: int) -> None:
        self.time = time
        self.counted = 0
        """FRAGMENT rows among its parts."""
        self._bytes = bytearray()
        self._have = bytearray()  # 1 for each eight bytes that are there
        self._seen = 0
        self._end: int | None = None
        self._head: bytes | None = None

    @property
    def cost(self) -> int:
        """Bytes of memory."""
        return len(self._bytes) + len(self._have) + COST

    @property
    def complete(self) -> bool:
        """Whether all is there."""
        return self._head is not None and self._end is not None and self._seen == len(self._have) == (self._end + 7) // 8

    def add(self, part: _Part) -> bool:
        """Take a part; False when it contradicts what is there."""
        begin, end = part.begin, part.begin + len(part.content)
        if self._end is not None and (end > self._end or (not part.more and end != self._end)):
            return False
        if not part.more and len(self._bytes) > end:
            return False
        first, last = begin // 8, (end + 7) // 8
        there = self._have[first:last]
        if 1 in there and not self._agrees(begin, part.content, there):
            return False
        if len(self._bytes) < end:
            self._bytes.extend(bytes(end - len(self._bytes)))
            self._have.extend(bytes(last - len(self._have)))
        self._bytes[begin:end] = part.content
        self._seen += self._have[first:last].count(0)
        self._have[first:last] = b"\1" * (last - first)
        if not part.more:
            self._end = end
        if begin == 0:
            self._head = part.head
        return True

    def _agrees(self, begin: int, content: bytes, there: bytearray) -> bool:
        """Whether the bytes that are there already are the same in this part."""
        if 0 not in there:
            return self._bytes[begin : begin + len(content)] == content[: len(self._bytes) - begin]
        return all(
            self._bytes[begin + at : begin + at + 8] == content[at : at + 8] for at in range(0, len(there) * 8, 8) if there[at // 8]
        )

    def packet(self) -> bytes:
        """The IP packet as if it had never been cut."""
        assert self._head is not None
        head, size = self._head, len(self._bytes)
        if head[0] >> 4 == 4:  # noqa: PLR2004 - the IP version
            return b"".join((head[:2], (len(head) + size).to_bytes(2, "big"), head[4:], self._bytes))
        return b"".join((head[:4], (len(head) - IPV6_HEADER + size).to_bytes(2, "big"), head[6:], self._bytes))


class Fragments:
    """All IP packets of a capture that wait for fragments, the oldest first; whole ones stay as long, to know their copies."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._waiting: dict[Key, _Datagram] = {}
        self._held = 0
        self._found = np.zeros(3, np.int64)

    def take(self, data: Bytes, records: Columns, kind: npt.NDArray[np.uint8], packets: Columns) -> Whole:
        """All fragments of a batch in order of capture; `packets` says where they lie, as `link_kernels.locate` has it."""
        rows = np.flatnonzero((kind == link_kernels.FRAGMENT) | (kind == link_kernels.DATAGRAM_PART))
        at, head, size = (packets[name][rows].astype(np.int64) for name in ("payload", "captured", "length"))
        stop = records["offset"][rows] + records["captured"][rows]
        usable = at + head + size <= stop
        columns = (rows, at, at + head, at + head + size, records["time"][rows], kind[rows] == link_kernels.FRAGMENT)
        done: dict[int, bytes] = {}
        used = 0
        view = memoryview(data)
        for row, begin, content, end, time, counted in zip(*(column[usable].tolist() for column in columns), strict=True):
            part = _Part.read(bytes(view[begin:content]), bytes(view[content:end]))
            while part is not None:
                packet, read = self._add(part, time, int(counted))
                used += read
                part = None
                if packet is not None:
                    part, counted = self._inside(packet)  # noqa: PLW2901 - of the fragment in the fragment
                    if part is None:
                        done[row] = packet
        return Whole(np.array(list(done), np.int64), list(done.values()), used)

    def _inside(self, packet: bytes) -> tuple[_Part | None, bool]:
        """The fragment that an IP packet holds, if it does. It was counted in no row."""
        found = self._found
        size = len(packet)
        kind = link_kernels.innermost(memoryview(packet), 0, size, size, RAW_IP, link_kernels.LAYERS, memoryview(found))
        if kind not in (link_kernels.FRAGMENT, link_kernels.DATAGRAM_PART):
            return None, False
        content, end, begin = found.tolist()
        return _Part.read(packet[begin:content], packet[content:end]), False

    def _add(self, part: _Part, time: int, counted: int) -> tuple[bytes | None, int]:
        """Enter a part; gives the packet that it completes, and how many FRAGMENT rows are read now."""
        self._forget(time)
        datagram = self._waiting.get(part.key)
        whole = datagram is not None and datagram.complete
        if datagram is not None:
            self._held -= datagram.cost
        if datagram is None or not datagram.add(part):
            self._waiting.pop(part.key, None)
            self._waiting[part.key] = datagram = _Datagram(time)
            datagram.add(part)
            whole = False
        self._held += datagram.cost
        if whole:
            return None, counted
        datagram.counted += counted
        return (datagram.packet(), datagram.counted) if datagram.complete else (None, 0)

    def _forget(self, now: int) -> None:
        """Give up on what is too old or too much."""
        limits, waiting = self._limits, self._waiting
        while waiting:
            key = next(iter(waiting))
            if (
                now - waiting[key].time <= limits.fragment_age
                and self._held <= limits.fragment_bytes
                and len(waiting) <= limits.fragmented
            ):
                return
            self._held -= waiting.pop(key).cost
