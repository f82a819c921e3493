"""Reports of finished sessions, kept small: a capture of days may hold a hundred thousand of them.

Of the first ones the objects themselves are kept; each further one is packed to about a kilobyte, and unpacked whenever it is asked
for.
"""

import pickle
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import overload

from analyzer.model.report import SessionReport

FASTEST = 1
"""Level of compression: a quarter of the size in a twentieth of a millisecond."""


def packed(report: SessionReport) -> bytes:
    """A report without table of frames in as few bytes as come cheaply."""
    return zlib.compress(pickle.dumps(report, pickle.HIGHEST_PROTOCOL), FASTEST)


def unpacked(report: SessionReport | bytes) -> SessionReport:
    """The report again."""
    if isinstance(report, SessionReport):
        return report
    opened: SessionReport = pickle.loads(zlib.decompress(report))  # noqa: S301 - made by `packed` in this process
    return opened


class Archive(Sequence[SessionReport]):
    """Reports in order, each with its number; looks like a tuple of them."""

    def __init__(self, numbered: Iterable[tuple[int, SessionReport | bytes]] = ()) -> None:
        self._numbered = tuple(numbered)

    def __len__(self) -> int:
        return len(self._numbered)

    @overload
    def __getitem__(self, index: int) -> SessionReport: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[SessionReport, ...]: ...
    def __getitem__(self, index: int | slice) -> SessionReport | tuple[SessionReport, ...]:
        if isinstance(index, slice):
            return tuple(Archive(self._numbered[index]))
        number, report = self._numbered[index]
        return replace(unpacked(report), id=number)

    def __iter__(self) -> Iterator[SessionReport]:
        return (replace(unpacked(report), id=number) for number, report in self._numbered)

    def __eq__(self, other: object) -> bool:
        return tuple(self) == tuple(other) if isinstance(other, Sequence) else NotImplemented

    def __hash__(self) -> int:
        return hash(len(self))
