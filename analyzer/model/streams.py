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


def no_origins() -> Origins:
    """Origins of nothing."""
    empty = np.zeros(0, np.int64)
    return Origins(empty, empty, empty)


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

    def cut(self, start: int) -> "Data":
        """The part from stream offset `start` on."""
        return Data(start, self.bytes[start - self.start :], self.origins)

    def place(self, offset: int) -> tuple[int, int]:
        """Packet number and time (ns) of the byte at a stream offset."""
        row = int(self.origins.rows(np.array([offset]))[0])
        return int(self.origins.number[row]), int(self.origins.time[row])


@dataclass(frozen=True, slots=True)
class Gap:
    """Bytes that are not in the capture. `packet` and `time` are those of the last packet before the hole."""

    start: int
    length: int
    packet: int
    time: int

    @property
    def end(self) -> int:
        """Stream offset behind the hole."""
        return self.start + self.length


@dataclass(frozen=True, slots=True)
class End:
    """No byte follows."""

    start: int


Piece = Data | Gap | End
Columns = dict[str, npt.NDArray[Any]]
