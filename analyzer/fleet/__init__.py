"""Many captures: one by one in this process, or side by side in several.

In: how one capture is read as far as it can be alone, and how it is completed when it is known what all of them say. Out: what
each says and its report, in the order of the captures. `Progress` is told the bytes read so far and the size of the whole, None
where it is not known.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol, Self

from analyzer.model.errors import AnalyzerError
from analyzer.model.report import CaptureReport

Progress = Callable[[int, int | None], None]
Servers = frozenset[tuple[str, int]]
"""Addresses and ports: what one capture must tell the others."""


class Work(Protocol):
    """A capture that was read as far as it can be alone."""

    def servers(self) -> Servers:
        """Servers that carry a session in this capture."""
        ...

    def complete(self, servers: Servers) -> CaptureReport:
        """The report, when the servers of all captures are known. Call it once."""
        ...

    def discard(self) -> None:
        """Remove what nobody asked for."""
        ...


Read = Callable[[str, Progress | None], Work]
"""Reads the capture at a path. Raises AnalyzerError when it cannot be used."""


class OneByOne:
    """Reads captures in this process."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._works: list[Work | None] = []

    def read(self, paths: Sequence[str], progress: Progress | None) -> Iterator[Servers | AnalyzerError]:
        """What each capture says, or why it cannot be used."""
        for path in paths:
            try:
                work = self._read(path, progress)
            except AnalyzerError as error:
                self._works.append(None)
                yield error
            else:
                self._works.append(work)
                yield work.servers()

    def complete(self, numbers: Iterable[int], servers: Servers) -> Iterator[CaptureReport]:
        """The reports of captures that were read, by their place among the paths."""
        for number in numbers:
            work = self._works[number]
            assert work is not None
            yield work.complete(servers)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for work in self._works:
            if work is not None:
                work.discard()
