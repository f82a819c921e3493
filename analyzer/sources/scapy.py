"""Packets by way of scapy's raw readers: pcap, pcapng, and either of them gzipped.

In: a path. Out: PacketBatches with the bytes, lengths and integer times that scapy read. scapy is asked for records only, never
to dissect them. What it does not keep is added here: which interface a pcapng packet came from, that a section starts its
interfaces anew, their clocks, secrets, and whether the file ended where it should. scapy is licensed under GPL-2.0 and stays
behind this door.
"""

import gzip
import logging
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Literal, Self

from analyzer.model.capture import CaptureLog, Interface, PacketBatch, Problem
from analyzer.model.errors import MissingDependencyError, UnusableInputError, UsageError
from analyzer.model.limits import SECOND, Limits
from analyzer.sources.gather import Gather
from analyzer.sources.keylog import block_secrets

if TYPE_CHECKING:
    from analyzer.model.secrets import TlsSecret

ByteOrder = Literal["big", "little"]
GZIP = b"\x1f\x8b"
NAME, RESOLUTION, OFFSET = 2, 9, 14
"""Options of a pcapng interface: if_name, if_tsresol, if_tsoffset (draft-ietf-opsawg-pcapng section 4.2)."""
MICROSECONDS = b"\x06"
BINARY = 0x80
"""Set in if_tsresol when it is a power of two, not of ten."""
LINK_TYPE = 0x03FFFFFF
"""The bits of a pcap header's link type field that hold it; above them is the length of the frame check sequence."""


class ScapySource:
    """One capture, read by scapy.

    Raises UsageError for standard input, MissingDependencyError without scapy, UnusableInputError for what is no capture.
    """

    def __init__(self, path: str, limits: Limits) -> None:
        if path == "-":
            raise UsageError("scapy reads files only: save the capture to a file first, then name that file.")
        self._limits = limits
        library = _library()
        self._ends = (EOFError, OSError, library.Scapy_Exception)
        self._file = _Guarded(path, limits.record)
        with _quiet():
            try:
                self._reader = _pcapng_reader(library)(self._file)
            except self._ends as error:
                self._file.close()
                raise UnusableInputError(f"{path} is no capture that scapy can read: {str(error).rstrip('.!')}.") from error
        self._pcapng = isinstance(self._reader, library.RawPcapNgReader)
        self.log = CaptureLog(path, "pcapng" if self._pcapng else "pcap")
        if not self._pcapng:
            self.log.interfaces.append(Interface(self._reader.linktype & LINK_TYPE, self._reader.snaplen))

    def batches(self) -> Iterator[PacketBatch]:
        """All packets, once, in batches of `limits.batch` bytes. A cut or damaged capture ends them with a Problem in the log."""
        gather = Gather(self.log, self._limits.batch)
        with _quiet(), self._file:
            for data, on_wire, time, interface in self._ng_packets() if self._pcapng else self._packets():
                yield from gather.add(data, on_wire, time, interface)
            yield from gather.rest()
            self.log.bytes = self._file.read_bytes
            if self._pcapng:
                self._described()
            damage = self._file.damage()
            if damage:
                self.log.problems.append(Problem(damage, self.log.packets))

    def _packets(self) -> Iterator[tuple[bytes, int, int, int]]:
        """Records of a pcap: bytes, length on the wire, time (ns), interface."""
        unit = 1 if self._reader.nano else 1000
        with suppress(*self._ends):
            while True:
                self._file.mark()
                data, meta = self._reader._read_packet(size=self._limits.record)  # noqa: SLF001 - its public form cuts at 64 KiB
                if len(data) < meta.caplen:  # scapy hands over what there was of a cut record
                    return
                yield data, meta.wirelen, meta.sec * SECOND + meta.usec * unit, 0

    def _ng_packets(self) -> Iterator[tuple[bytes, int, int | None, int]]:
        """Packet blocks of a pcapng: bytes, length on the wire, time (ns; None in a Simple Packet Block), interface."""
        reader = self._reader
        with suppress(*self._ends):
            while True:
                data, meta = reader._read_packet(size=self._limits.record)  # noqa: SLF001 - its public form cuts at 64 KiB
                self._described()
                time = None
                if meta.tshigh is not None:
                    ticks = (meta.tshigh << 32) + meta.tslow
                    per_second, offset = reader.clocks[reader.current]
                    time = ticks * SECOND // per_second + offset * SECOND
                yield data, meta.wirelen, time, reader.current

    def _described(self) -> None:
        """Put interfaces and secrets that came since the last call into the log."""
        self.log.interfaces.extend(self._reader.found[len(self.log.interfaces) :])
        self.log.secrets.extend(self._reader.secrets[len(self.log.secrets) : self._limits.tls_secrets])


class _Guarded:
    """A binary file for scapy: refuses reads beyond `limit` bytes, and knows whether reading ended between two records."""

    def __init__(self, path: str, limit: int) -> None:
        self._limit = limit
        self.read_bytes = 0
        self._record = 0
        self._missing = 0
        self._why = ""
        try:
            with open(path, "rb") as file:  # noqa: PTH123 - the path is a plain string here
                packed = file.read(len(GZIP)) == GZIP
            self._file = gzip.open(path) if packed else open(path, "rb")  # noqa: SIM115, PTH123 - closed by close()
        except OSError as error:
            raise UnusableInputError(f"{path} cannot be opened: {error.strerror}.") from error

    def mark(self) -> None:
        """A record starts here: the file may end here, and nowhere before the next mark."""
        self._record = self.read_bytes

    def read(self, size: int) -> bytes:
        """As a file does. Raises OSError beyond the limit and for a damaged gzip stream."""
        if size > self._limit:
            self._why = f"a record of {size} bytes is announced, at most {self._limit} are believed"
            raise OSError(self._why)
        try:
            data = self._file.read(size)
        except (OSError, EOFError, zlib.error) as error:
            self._why = f"its compressed data ends in an error ({error})"
            raise OSError(self._why) from error
        self._missing = size - len(data)
        self.read_bytes += len(data)
        return data

    def seek(self, _: int) -> None:
        """Refuse: where scapy meets gzip it goes back, but one layer of it is unpacked here already."""
        raise OSError("it is compressed twice")

    def damage(self) -> str:
        """Why reading stopped elsewhere than between two records, in one sentence; empty when all is well."""
        if self._why:
            return f"The capture is damaged after {self.read_bytes} bytes: {self._why}."
        if self.read_bytes == self._record:
            return ""
        if self._missing:
            there = self.read_bytes - self._record
            return f"The capture is cut off inside a record: {there} bytes of it are there, {self._missing} more were expected."
        return f"The capture is damaged: scapy cannot read the record that starts after {self._record} bytes."

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _pcapng_reader(library: Any) -> Any:  # noqa: ANN401 - scapy has no types of its own
    """Give scapy's raw pcapng reader (it hands pcap files to its sibling), extended by what it does not keep."""
    sibling = library.RawPcapReader.alternative

    class PcapNg(library.RawPcapNgReader):  # type: ignore[misc]
        """Adds `found` and `clocks` (ticks per second, offset in s) of all interfaces, `current` (the packet's), and `secrets`."""

        alternative = library.RawPcapReader

        def __init__(self, *arguments: Any) -> None:  # noqa: ANN401 - passed on as they are
            self.found: list[Interface] = []
            self.clocks: list[tuple[int, int]] = []
            self.current = self.first = 0
            self.secrets: list[TlsSecret] = []
            super().__init__(*arguments)

        def _read_block(self, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - passed on as they are
            self.f.mark()
            return super()._read_block(*arguments, **named)

        def _read_block_shb(self) -> None:
            super()._read_block_shb()
            self.first = len(self.found)
            self.interfaces: list[tuple[int, int, Any]] = []

        def _read_block_idb(self, block: bytes, size: int) -> None:
            super()._read_block_idb(block, size)
            link_type, snap_length, rest = self.interfaces[-1]
            options = _options(block[8:], _order(self.endian))
            self.found.append(Interface(link_type, snap_length, options.get(NAME, b"").decode("utf-8", "replace")))
            self.clocks.append(_clock(options, _order(self.endian)))
            # scapy cuts Simple Packets to the snap length, also where 0 says that there is none.
            self.interfaces[-1] = (link_type, snap_length or 0xFFFFFFFF, rest)

        def _read_block_dsb(self, block: bytes, _: int) -> None:
            self.secrets += block_secrets(block, big=self.endian == ">")

        def _came_from(self, block: bytes, width: int) -> None:
            self.current = self.first + int.from_bytes(block[:width], _order(self.endian))

        def _read_block_epb(self, block: bytes, size: int) -> Any:  # noqa: ANN401 - as scapy gives it
            self._came_from(block, 4)
            return super()._read_block_epb(block, size)

        def _read_block_spb(self, block: bytes, size: int) -> Any:  # noqa: ANN401 - as scapy gives it
            self._came_from(block, 0)
            return super()._read_block_spb(block, size)

        def _read_block_pkt(self, block: bytes, size: int) -> Any:  # noqa: ANN401 - as scapy gives it
            self._came_from(block, 2)
            return super()._read_block_pkt(block, size)

    library.RawPcapReader.alternative = sibling  # scapy's metaclass has just paired it with this class
    return PcapNg


def _order(endian: str) -> ByteOrder:
    """Byte order from struct's sign for it."""
    return "big" if endian == ">" else "little"


def _options(data: bytes, order: ByteOrder) -> dict[int, bytes]:
    """Code and value of pcapng options (section 3.5 of the draft); older versions of scapy keep but one of them."""
    found, at = {}, 0
    while at + 4 <= len(data):
        code, size = (int.from_bytes(data[place : place + 2], order) for place in (at, at + 2))
        found[code] = data[at + 4 : at + 4 + size]
        at += 4 + (size + 3 & ~3)
    return found


def _clock(options: dict[int, bytes], order: ByteOrder) -> tuple[int, int]:
    """Ticks per second of an interface, and the seconds to add to each of its times."""
    resolution = (options.get(RESOLUTION) or MICROSECONDS)[0]
    per_second = (2 if resolution & BINARY else 10) ** (resolution & ~BINARY)
    return per_second, int.from_bytes(options.get(OFFSET, b"")[:8], order, signed=True)


def _library() -> Any:  # noqa: ANN401 - a module
    """scapy.utils, imported without the warnings of its own dependencies."""
    with _quiet(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import scapy.utils  # noqa: PLC0415 - its import takes longer than a small report
        except ImportError as missing:
            raise MissingDependencyError("scapy is not installed: install it with `pip install scapy`.") from missing
    return scapy.utils


@contextmanager
def _quiet() -> Iterator[None]:
    """Without scapy's warnings: what they say of the capture becomes a Problem, the rest is of no use here."""
    loggers = [logging.getLogger(name) for name in ("scapy.runtime", "scapy.loading")]
    before = [logger.disabled for logger in loggers]
    try:
        for logger in loggers:
            logger.disabled = True
        yield
    finally:
        for logger, disabled in zip(loggers, before, strict=True):
            logger.disabled = disabled
