"""What every byte step takes and gives: a run of bytes, a hole, or the end, with the way back to packet numbers."""

from typing import Any

import numpy as np
import numpy.typing as npt

from analyzer.model.dataclass import dataclass

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Origins:
    """Which packet carried a stream byte.

    Three equal-length int64 arrays: `start` (stream offsets, rising), `number` (packet number) and `time` (ns since the epoch)
    of the
    packet that carried the bytes from there to the next start.
    """

    start: Ints
    number: Ints
    time: Ints

    def rows(self, offsets: Ints) -> npt.NDArray[np.intp]:
        """The row that carries each stream offset (int64, any shape)."""
        return np.maximum(np.searchsorted(self.start, offsets, side="right") - 1, 0)

    def joined(self, later: "Origins", begin: int) -> "Origins":
        """These origins from stream offset `begin` on, followed by `later` ones."""
        keep = int(self.rows(np.array([begin]))[0]) if len(self.start) else 0
        return Origins(
            np.concatenate((self.start[keep:], later.start)),
            np.concatenate((self.number[keep:], later.number)),
            np.concatenate((self.time[keep:], later.time)),
        )


@dataclass(frozen=True, slots=True)
class Run:
    """A run of one direction's stream in parts that lie anywhere in `bytes`: nothing is copied until it is known what is wanted.

    Equal-length int64 arrays, one row per part, in stream order and without a hole: `start` (stream offset), `length` (bytes, never
    0), `number` and `time` (of the packet that carried it), `at` (where it lies in `bytes`). `bytes` may be a batch's: it is valid
    until the next batch is asked for.
    """

    start: Ints
    length: Ints
    number: Ints
    time: Ints
    at: Ints
    bytes: Bytes

    def __len__(self) -> int:
        """Parts, not bytes."""
        return len(self.start)

    @property
    def begin(self) -> int:
        """Stream offset of the first byte."""
        return int(self.start[0])

    @property
    def end(self) -> int:
        """Stream offset behind the last byte."""
        return int(self.start[-1]) + int(self.length[-1])

    @property
    def size(self) -> int:
        """Bytes of the stream."""
        return self.end - self.begin

    def slice(self, begin: int, end: int) -> "Run":
        """Parts `begin` to `end`, the same bytes."""
        cut = slice(begin, end)
        return Run(self.start[cut], self.length[cut], self.number[cut], self.time[cut], self.at[cut], self.bytes)

    def behind(self, part: int, inside: int) -> "Run | None":
        """What follows byte `inside` of a part, None for nothing."""
        if part < len(self) and inside == self.length[part]:
            part, inside = part + 1, 0
        if part >= len(self):
            return None
        rest = self.slice(part, len(self))
        first = np.zeros(len(rest), np.int64)
        first[0] = inside
        return Run(rest.start + first, rest.length - first, rest.number, rest.time, rest.at + first, rest.bytes)

    def after(self, count: int) -> "Run | None":
        """What follows the first `count` bytes, None for nothing."""
        offset = self.begin + count
        part = int(np.searchsorted(self.start, offset, side="right")) - 1
        return self.behind(part, offset - int(self.start[part])) if offset < self.end else None

    @property
    def first(self) -> tuple[int, int]:
        """Packet number and time (ns) of the first byte."""
        return int(self.number[0]), int(self.time[0])

    @property
    def views(self) -> tuple[memoryview, ...]:
        """Bytes and columns as walks want them."""
        return tuple(memoryview(one) for one in (self.bytes, self.start, self.length, self.number, self.time, self.at))


@dataclass(frozen=True, slots=True)
class Data:
    """Contiguous bytes of one direction: `start` is the stream offset of `bytes[0]`."""

    start: int
    bytes: Bytes
    origins: Origins

    @property
    def end(self) -> int:
        """Stream offset behind the last byte."""
        return self.start + len(self.bytes)

    @property
    def begin(self) -> int:
        """Stream offset of the first byte."""
        return self.start

    @property
    def size(self) -> int:
        """Bytes of the stream."""
        return len(self.bytes)

    @property
    def first(self) -> tuple[int, int]:
        """Packet number and time (ns) of the first byte."""
        return self.place(self.start)

    def cut(self, start: int) -> "Data":
        """The part from stream offset `start` on."""
        return Data(start, self.bytes[start - self.start :], self.origins)

    def place(self, offset: int) -> tuple[int, int]:
        """Packet number and time (ns) of the byte at a stream offset."""
        row = max(int(self.origins.start.searchsorted(offset, side="right")) - 1, 0)
        return int(self.origins.number[row]), int(self.origins.time[row])

    def run(self) -> Run:
        """The same as a Run. The bytes must not be empty."""
        first, last = self.origins.rows(np.array([self.start, self.end - 1])).tolist()
        rows = slice(first, last + 1)
        start = np.maximum(self.origins.start[rows], self.start)
        length = np.append(start[1:], self.end) - start
        return Run(start, length, self.origins.number[rows], self.origins.time[rows], start - self.start, self.bytes)


@dataclass(frozen=True, slots=True)
class Gap:
    """Bytes that are not in the capture. `packet` and `time` are those of the last packet before the hole."""

    start: int
    length: int
    packet: int
    time: int
    exact: bool = True
    """False where only about how many bytes are missing is known: what was to follow by a length cannot be stepped over to."""

    @property
    def begin(self) -> int:
        """Stream offset where it starts."""
        return self.start

    @property
    def end(self) -> int:
        """Stream offset behind the hole."""
        return self.start + self.length


@dataclass(frozen=True, slots=True)
class End:
    """No byte follows."""

    start: int

    @property
    def begin(self) -> int:
        """Stream offset behind the last byte."""
        return self.start


Piece = Data | Run | Gap | End
Columns = dict[str, npt.NDArray[Any]]
