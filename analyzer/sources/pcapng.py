"""pcapng files (draft-ietf-opsawg-pcapng): several sections and interfaces, every packet block, comments, secrets, statistics.

In: a binary stream. Out: batches of records. Packet blocks go through the compiled walk, the few others are read here. A block that
cannot be ends the capture; what was read before it stands.
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np
import numpy.typing as npt

from analyzer.model.capture import CaptureLog, Interface, PacketBatch, Problem
from analyzer.model.errors import UnusableInputError
from analyzer.model.limits import Limits
from analyzer.model.pcapng import (
    COMMENT,
    INTERFACE,
    NAME,
    OFFSET,
    PACKET_FIELDS,
    RESOLUTION,
    SECRETS,
    SECTION,
    SMALLEST,
    STATISTICS,
    head,
    options,
)
from analyzer.model.secrets import TlsSecret
from analyzer.model.streams import Bytes, Ints
from analyzer.sources.keylog import block_secrets, secrets_in, without_secrets
from analyzer.sources.records import Records
from analyzer.sources.window import Readable, Window
from analyzer.wire import kernels

SECTION_FIELDS, INTERFACE_FIELDS = 16, 8
"""Bytes of fields before the options of a section header and an interface description."""
INTERFACE_DROPS, PACKET_DROPS = 5, 4
"""Options of interface statistics and of packets."""
COMMENTS = 100
MOST_INTERFACES = 1 << 16
LONGEST_NAME = 256


class PcapngSource:
    """One pcapng file. Raises UnusableInputError from the constructor when the first section header cannot be used."""

    def __init__(self, file: Readable, path: str, limits: Limits) -> None:
        self._window = Window(file, limits.batch)
        self._limits = limits
        self.log = CaptureLog(path, "pcapng")
        self._big = False
        self._first = 0  # index of the section's first interface
        self._scales = (array("q"), array("Q"), array("q"), array("q"))  # shift, units per second, base seconds, snap length
        self._drops: Counter[int] = Counter()  # packets lost by interface, as packet blocks say
        self._damage: str | None = None
        self._heads: list[tuple[int, bytes]] = []  # section headers and interface descriptions, and where they end
        self._head_bytes = 0
        while not self._block():
            if self._damage or not self._window.more():
                reason = self._damage or "it ends in its first block"
                raise UnusableInputError(f"{path}: the pcapng section header cannot be used: {reason}.")

    def place(self, batch: PacketBatch, row: int) -> int:
        """Where the block of a packet with a time begins in the file. Ask before the next batch."""
        return self.log.bytes - (self._window.start - int(batch.records["offset"][row]) + PACKET_FIELDS)

    def prelude(self, place: int) -> bytes | None:
        """What must stand before the blocks from a place on, to read them alone; None where there is too much of it."""
        if self._head_bytes > self._limits.block_options:
            return None
        return b"".join(block for end, block in self._heads if end <= place)

    def batches(self) -> Iterator[PacketBatch]:
        """All packets in order of the file."""
        window, log = self._window, self.log
        records = Records(self._limits.batch)
        columns = records.columns
        marks = np.zeros(len(columns["time"]), np.int64)
        rows, before, why = 0, 0, kernels.OTHER  # `before`: the time of the last packet
        while why != kernels.DAMAGED:
            columns["time"][min(rows, len(marks) - 1)] = before
            found, position, why = kernels.walk_pcapng(
                memoryview(window.data),
                window.start,
                window.stop,
                self._big,
                self._limits.record,
                self._first,
                *(memoryview(column) for column in self._scales),
                *(memoryview(columns[name][rows:]) for name in ("offset", "captured", "on_wire", "time", "interface")),
                memoryview(marks[rows:]),
            )
            log.bytes += position - window.start
            window.start = position
            self._packet_options(columns["offset"][rows:], columns["interface"][rows:], marks[rows : rows + found])
            rows += found
            before = int(columns["time"][rows - 1]) if found else before
            if why == kernels.OTHER:
                if self._block():
                    continue
                if self._damage:
                    break
                why = kernels.MORE
            if rows:
                yield records.batch(log, window.data, rows)
                rows = 0
            if why == kernels.MORE and not window.more():
                break
        if rows:
            yield records.batch(log, window.data, rows)
        if why == kernels.DAMAGED:
            self._damage = "a packet block has a length or an interface that cannot be"
        self._finish()

    def _finish(self) -> None:
        """What can be said of the file when all was read."""
        window, log = self._window, self.log
        self._count_drops()
        if self._damage:
            log.problems.append(Problem(f"{self._damage}; reading stopped after packet {log.packets}", log.packets))
        elif window.problem or window.held:
            text = window.problem or f"the file ends in the middle of a block, {window.held} bytes after packet {log.packets}"
            log.problems.append(Problem(text, log.packets))

    def _int(self, data: bytes) -> int:
        return int.from_bytes(data, "big" if self._big else "little")

    def _block(self) -> bool:
        """Read the block at the window's start and step over it. False when it is not whole yet, or is damaged: then
        `_damage` says so.
        """
        window = self._window
        first = window.data[window.start : window.stop][:SMALLEST].tobytes()
        if len(first) < SMALLEST:
            return False
        kind, total, self._big, fault = head(first, self._limits.block_options, big=self._big)
        if fault is not None:
            return self._damaged(fault)
        if window.held < total:
            return False
        body = window.data[window.start + 8 : window.start + total - 4].tobytes()
        if kind == SECTION and not self._section(body):
            return False
        if kind == INTERFACE and not self._interface(body):
            return False
        self._keep(kind, window.data[window.start : window.start + total])
        if kind == STATISTICS:
            self._statistics(body)
        elif kind == SECRETS:
            self._secrets(block_secrets(body, big=self._big))
        window.start += total
        self.log.bytes += total
        return True

    def _keep(self, kind: int, block: Bytes) -> None:
        """Remember a block without which packets that follow cannot be read."""
        if kind in (SECTION, INTERFACE):
            self._head_bytes += len(block)
            if self._head_bytes <= self._limits.block_options:
                self._heads.append((self.log.bytes + len(block), block.tobytes()))

    def _damaged(self, text: str) -> bool:
        """Reading stops here; packets before it may still have to be given out."""
        self._damage = text
        return False

    def _section(self, body: bytes) -> bool:
        major = self._int(body[4:6])
        if major != 1:
            return self._damaged(f"pcapng version {major} is not known, only version 1 is")
        self._first = len(self._scales[0])
        self._comments(body[SECTION_FIELDS:])
        return True

    def _interface(self, body: bytes) -> bool:
        if len(self._scales[0]) >= MOST_INTERFACES:
            return self._damaged(f"more than {MOST_INTERFACES} interfaces")
        link_type, snap_length = self._int(body[:2]), self._int(body[4:8])
        said = dict(self._options(body[INTERFACE_FIELDS:]))
        resolution = said.get(RESOLUTION, b"\x06")[:1] or b"\x06"
        exponent = resolution[0] & 0x7F
        if resolution[0] & 0x80:  # a power of two; finer than 2^-30 s is shifted away, which costs less than a nanosecond
            shift, unit = max(0, exponent - 30), 1 << min(exponent, 30)
        else:
            shift, unit = 0, 10 ** min(exponent, 18)
        offset = said.get(OFFSET, b"")
        base = int.from_bytes(offset[:8], "big" if self._big else "little", signed=True)
        # The year 2255 bounds the ticks in the walk; the same bound keeps the sum of both within 64 bits.
        values = (min(shift, 63), unit, max(-220_000_000, min(base, 220_000_000)), snap_length)
        for column, value in zip(self._scales, values, strict=True):
            column.append(value)
        name = said.get(NAME, b"")[:LONGEST_NAME].decode("utf-8", "replace")
        self.log.interfaces.append(Interface(link_type, snap_length, name))
        self._comments(body[INTERFACE_FIELDS:])
        return True

    def _statistics(self, body: bytes) -> None:
        """The interface's own count of lost packets."""
        which = self._first + self._int(body[:4])
        drops = dict(self._options(body[12:])).get(INTERFACE_DROPS)
        if drops and which < len(self.log.interfaces):
            old = self.log.interfaces[which]
            self.log.interfaces[which] = Interface(old.link_type, old.snap_length, old.name, self._int(drops[:8]))

    def _options(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        return options(data, big=self._big)

    def _secrets(self, found: Iterable[TlsSecret]) -> None:
        """Keep TLS secrets, within the limit."""
        self.log.secrets += islice(found, self._limits.tls_secrets - len(self.log.secrets))

    def _comments(self, data: bytes) -> None:
        """Comments; key log lines in them, as Wireshark's own samples have, become secrets."""
        for code, value in self._options(data):
            if code == COMMENT:
                self._secrets(secrets_in(value))
                text = without_secrets(value)
                if text and len(self.log.comments) < COMMENTS:
                    self.log.comments.append(text)

    def _packet_options(self, offsets: Ints, interfaces: npt.NDArray[np.int32], marks: Ints) -> None:
        """Comments and drop counts of packets; the walk marks the few that have one."""
        for row in np.flatnonzero(marks).tolist():
            start = int(offsets[row]) - PACKET_FIELDS
            end = start + self._int(self._window.data[start + 4 : start + 8].tobytes()) - 4
            said = self._window.data[int(marks[row]) : end].tobytes()
            self._comments(said)
            drops = dict(self._options(said)).get(PACKET_DROPS, b"")[:8]
            if drops:
                self._drops[int(interfaces[row])] += self._int(drops)

    def _count_drops(self) -> None:
        """What packet blocks say was lost counts where the interface's statistics do not say more."""
        for which, count in self._drops.items():
            old = self.log.interfaces[which]
            if count > (old.dropped or 0):
                self.log.interfaces[which] = Interface(old.link_type, old.snap_length, old.name, count)
