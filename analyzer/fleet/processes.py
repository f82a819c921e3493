"""Captures side by side in processes of this machine. Between them go tasks one way, and servers and parts of reports the other.

A worker takes the next capture as soon as it is done with one, and keeps what it read (its table of connections, those that are
undecided) until the servers of all captures are known; then it completes its own. Imported only where there are several captures
for several processes: `multiprocessing` costs a few milliseconds.
"""

import gc
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import wait
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

from analyzer.fleet import Progress, Read, Servers, Task, Work
from analyzer.model.errors import AnalyzerError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

MOST = 60
"""Processes at once, whatever is asked for: Windows waits for no more than 63 things."""


class Processes:
    """Does what `OneByOne` does, with the same results, in up to `jobs` processes. Raises AnalyzerError when one of them dies."""

    def __init__(self, jobs: int, read: Read) -> None:
        context = _context()
        self._workers: dict[Connection, BaseProcess] = {}
        self._at: dict[Connection, str] = {}
        """What each worker read last, for the sentence when it dies."""
        self._owner: dict[int, Connection] = {}
        forks = context.get_start_method() == "fork"
        for _ in range(min(jobs, MOST)):
            here, there = context.Pipe()
            inherited = [*self._workers, here] if forks else []
            worker = context.Process(target=_serve, args=(there, inherited, read, gc.get_threshold()), daemon=True)
            try:
                worker.start()
            except OSError as error:
                self.__exit__()
                raise AnalyzerError(f"{jobs} processes cannot be started ({error.strerror}); try fewer jobs.") from None
            there.close()
            self._workers[here] = worker

    def read(self, tasks: Sequence[Task], progress: Progress | None) -> Iterator[Servers | AnalyzerError]:
        """What each capture says, or why it cannot be used, in the order of `tasks`."""
        waiting = deque(enumerate(tasks))
        reading: dict[Connection, int] = {}
        found: dict[int, Servers | AnalyzerError] = {}
        sizes = [task.size for task in tasks]
        done, total = [0] * len(tasks), None if None in sizes else sum(filter(None, sizes))

        def next_capture(pipe: "Connection") -> None:
            reading.pop(pipe, None)
            if waiting:
                number, task = waiting.popleft()
                reading[pipe], self._owner[number], self._at[pipe] = number, pipe, " + ".join(task.paths)
                self._send(pipe, (number, task, progress is not None))

        for pipe in self._workers:
            next_capture(pipe)
        for number in range(len(tasks)):
            while number not in found:
                for pipe in cast("list[Connection]", wait(list(reading))):
                    answer = self._receive(pipe)
                    if isinstance(answer, int):
                        assert progress is not None
                        done[reading[pipe]] = answer
                        progress(sum(done), total)
                    else:
                        found[reading[pipe]] = answer
                        next_capture(pipe)
            yield found.pop(number)

    def complete(self, numbers: Sequence[int], servers: Servers) -> Iterator[Any]:
        """What the captures that were read add to the report, by their place among the tasks."""
        for pipe in self._workers:  # told once and all together: whoever answers need not listen, and nobody waits for the other
            self._send(pipe, ([number for number in numbers if self._owner[number] is pipe], servers))
        for number in numbers:
            yield self._receive(self._owner[number])

    def _send(self, pipe: "Connection", order: tuple[Any, ...]) -> None:
        try:
            pipe.send(order)
        except OSError:
            raise self._death(pipe) from None

    def _receive(self, pipe: "Connection") -> Any:  # noqa: ANN401 - bytes read so far, servers, a report or an expected error
        """The next answer of a worker. What it did not expect itself is raised here."""
        try:
            answer, unexpected = pipe.recv()
        except (EOFError, OSError):
            raise self._death(pipe) from None
        if unexpected is not None:
            raise unexpected
        return answer

    def _death(self, pipe: "Connection") -> AnalyzerError:
        """What to say of a worker that is gone."""
        worker = self._workers[pipe]
        worker.join()
        status = worker.exitcode or 0
        how = f"signal {-status}" if status < 0 else f"status {status}"
        return AnalyzerError(f"The process that read {self._at[pipe]} ended with {how}; if memory ran out, try fewer jobs.")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for pipe, worker in self._workers.items():
            pipe.close()
            worker.terminate()
        for worker in self._workers.values():
            worker.join()


def _context() -> Any:  # noqa: ANN401 - the type differs by platform
    """Fork where it is safe, which is where this is the only thread (Linux tells): it costs 5 ms, a fresh interpreter 150."""
    with suppress(OSError):
        if len(list(Path("/proc/self/task").iterdir())) == 1:
            return get_context("fork")
    return get_context("spawn")


def _serve(pipe: "Connection", inherited: "list[Connection]", read: Read, threshold: tuple[int, int, int]) -> None:
    """A worker: read captures, then complete them, until nobody listens. `inherited`: the parent's ends, which a fork has too."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is interrupted too, and ends its workers
    for end in inherited:  # or it would never be told that the parent is gone
        end.close()
    gc.set_threshold(*threshold)
    works: dict[int, Work] = {}

    def begin(number: int, task: Task, tell: bool) -> Servers:
        works[number] = read(task, (lambda done, _: pipe.send((done, None))) if tell else None)
        return works[number].servers()

    with suppress(EOFError, OSError):
        while len(order := pipe.recv()) == 3:  # noqa: PLR2004 - the arguments of `begin`
            pipe.send(_answer(begin, *order))
        numbers, servers = order
        for number in numbers:
            pipe.send(_answer(works.pop(number).complete, servers))
        pipe.recv()


def _answer(ask: Callable[..., Any], *arguments: Any) -> tuple[Any, Exception | None]:  # noqa: ANN401 - whatever it takes
    """What is said to one order, and what went wrong unexpectedly."""
    try:
        return ask(*arguments), None
    except AnalyzerError as error:
        return error, None
    except Exception as error:  # noqa: BLE001 - raised again by the parent
        import traceback  # noqa: PLC0415 - for a mistake only

        error.add_note(f"In a process of its own:\n{traceback.format_exc()}")
        return None, error
