"""Many captures: one by one in this process, or side by side in several.

In: how one capture is read as far as it can be alone, and how it is completed when it is known what all of them say. Out: what
each says and its part of the report, in the order of the tasks. A large capture may be divided: every process reads all of it and
follows its share of the connections. `Progress` is told the bytes read so far and the size of the whole, None where it is not
known.
"""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, Self

from analyzer.model.dataclass import dataclass
from analyzer.model.errors import AnalyzerError

Progress = Callable[[int, int | None], None]
LARGE = 64 << 20
"""Bytes from which on it pays to divide a capture: to start processes and to read all of it in each takes a tenth of a second."""
MOST_SHARES = 4
"""Shares of one capture unless more are asked for: what each does in full, reading and decoding headers, bounds the gain."""
Servers = frozenset[tuple[str, int]]
"""Addresses and ports: what one capture must tell the others."""


@dataclass(frozen=True, slots=True)
class Task:
    """A capture to read (of one file, or of several that are merged), or one of its shares: the connections whose number modulo
    `shares` is `share`.
    """

    paths: tuple[str, ...]
    share: int = 0
    shares: int = 1

    @property
    def repeatable(self) -> bool:
        """Whether it can be read once more."""
        return all(Path(path).is_file() for path in self.paths)

    @property
    def size(self) -> int | None:
        """Bytes in all its files; None where one does not tell."""
        try:
            return sum(Path(path).stat().st_size for path in self.paths)
        except OSError:
            return None


def fitting(tasks: Sequence[Task]) -> int:
    """How many processes pay for these captures without being asked for: several for a large one where processes are forked."""
    if len(tasks) != 1 or sys.platform != "linux" or (tasks[0].size or 0) < LARGE:
        return 1
    return min(len(os.sched_getaffinity(0)), MOST_SHARES)


class Work(Protocol):
    """A capture, or a share of it, that was read as far as it can be alone."""

    def servers(self) -> Servers:
        """Servers that carry a session in this capture."""
        ...

    def complete(self, servers: Servers) -> Any:  # noqa: ANN401 - only the pipeline knows what a report is made of
        """Its part of the report, when the servers of all captures are known. Call it once."""
        ...

    def discard(self) -> None:
        """Remove what nobody asked for."""
        ...


Read = Callable[[Task, Progress | None], Work]
"""Raises AnalyzerError when the capture cannot be used."""


class OneByOne:
    """Reads captures in this process."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._works: list[Work | None] = []

    def read(self, tasks: Sequence[Task], progress: Progress | None) -> Iterator[Servers | AnalyzerError]:
        """What each capture says, or why it cannot be used."""
        for task in tasks:
            try:
                work = self._read(task, progress)
            except AnalyzerError as error:
                self._works.append(None)
                yield error
            else:
                self._works.append(work)
                yield work.servers()

    def complete(self, numbers: Iterable[int], servers: Servers) -> Iterator[Any]:
        """What the captures that were read add to the report, by their place among the tasks."""
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
