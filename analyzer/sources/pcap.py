"""pcap files (libpcap's own format, draft-ietf-opsawg-pcap): both byte orders, micro- and nanoseconds, the modified record header,
and versions from the time before 2.4.

In: a binary stream. Out: batches of records. A record that cannot be ends the capture; what was read before it stands.
"""

import struct
from collections.abc import Iterator

from analyzer.model.capture import CaptureLog, Interface, PacketBatch, Problem
from analyzer.model.errors import UnusableInputError
from analyzer.model.limits import Limits
from analyzer.sources.records import Records
from analyzer.sources.window import Readable, Window
from analyzer.wire import kernels

FILE_HEADER = 24
MODIFIED = 0xA1B2CD34
"""Magic of the format with eight more bytes per record (interface, protocol, type)."""
MAGICS = {0xA1B2C3D4: 1000, 0xA1B23C4D: 1, MODIFIED: 1000}
"""Magic -> nanoseconds per tick."""
VERSION, DG_UX = 2, 543
"""Major versions: libpcap's, and that of tcpdump on DG/UX."""
CAPTURED_FIRST = 4
"""Minor version from which on the captured length comes first in a record. Of the one before it there are files of both kinds."""
NOT_SWAPPED, MAYBE_SWAPPED, SWAPPED = 0, 1, 2


def magic_of(head: bytes) -> tuple[int, bool] | None:
    """Magic number and whether the file is big-endian, from its first bytes; None for anything but pcap."""
    for magic, big in ((int.from_bytes(head[:4], "big"), True), (int.from_bytes(head[:4], "little"), False)):
        if magic in MAGICS:
            return magic, big
    return None


class PcapSource:
    """One pcap file. Raises UnusableInputError from the constructor when the file header cannot be used."""

    def __init__(self, file: Readable, path: str, limits: Limits) -> None:
        self._window = Window(file, limits.batch)
        self._limits = limits
        self.log = CaptureLog(path, "pcap")
        head = self._window.take(FILE_HEADER)
        found = magic_of(head)
        if found is None or len(head) < FILE_HEADER:
            raise UnusableInputError(f"{path}: the pcap file header is cut, {len(head)} of {FILE_HEADER} bytes are there.")
        magic, self._big = found
        prefix = ">" if self._big else "<"
        major, minor, snap_length, network = struct.unpack(f"{prefix}4xHH8xII", head)
        if major not in (VERSION, DG_UX):
            raise UnusableInputError(f"{path}: pcap version {major} is not known, only version {VERSION} is.")
        old = major == DG_UX or minor < CAPTURED_FIRST - 1
        self._swapped = SWAPPED if old else MAYBE_SWAPPED if minor < CAPTURED_FIRST else NOT_SWAPPED
        self._unit = MAGICS[magic]
        self._header = 24 if magic == MODIFIED else 16
        link_type = network & 0x03FFFFFF  # above: the length of a frame check sequence
        self.log.interfaces.append(Interface(link_type, snap_length))
        self.log.bytes = FILE_HEADER
        self._head = head

    def place(self, batch: PacketBatch, row: int) -> int:
        """Where the record of a packet begins in the file. Ask before the next batch."""
        return self.log.bytes - (self._window.start - int(batch.records["offset"][row]) + self._header)

    def prelude(self, _: int) -> bytes | None:
        """What must stand before the records from a place on, to read them alone."""
        return self._head

    def batches(self) -> Iterator[PacketBatch]:
        """All packets in order of the file."""
        window, log = self._window, self.log
        records = Records(self._limits.batch)
        columns = records.columns
        why = kernels.MORE
        while why != kernels.DAMAGED:
            rows, position, why = kernels.walk_pcap(
                memoryview(window.data),
                window.start,
                window.stop,
                self._big,
                self._unit,
                self._header,
                self._swapped,
                self._limits.record,
                *(memoryview(columns[name]) for name in ("offset", "captured", "on_wire", "time")),
            )
            log.bytes += position - window.start
            window.start = position
            if rows:
                yield records.batch(log, window.data, rows)
            if why == kernels.MORE and not window.more():
                break
        if why == kernels.DAMAGED:
            lengths = window.take(self._header)[8:16]
            sizes = [int.from_bytes(length, "big" if self._big else "little") for length in (lengths[:4], lengths[4:])]
            size = (sizes[0], min(sizes), sizes[1])[self._swapped]
            log.problems.append(
                Problem(
                    f"the record after packet {log.packets} claims {size} bytes, which cannot be; reading stopped there",
                    log.packets,
                )
            )
        elif window.problem or window.held:
            text = window.problem or f"the file ends in the middle of a record, {window.held} bytes after packet {log.packets}"
            log.problems.append(Problem(text, log.packets))
