"""Several capture files as one, in order of time. In: their paths. Out: one source; packets are numbered as in `mergecap -w`.

Files may be of different formats and have other interfaces. Each is looked at for its first packet, and opened when its time has
come, so that few are open at once. A file that cannot be used is a Problem in the log; the others are read.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from analyzer.model.capture import CaptureFile, CaptureLog, PacketBatch, Problem, Source
from analyzer.model.errors import AnalyzerError, UsageError
from analyzer.model.settings import Settings
from analyzer.sources import STANDARD_INPUT, open_source
from analyzer.sources.clock import EARLIEST
from analyzer.sources.merge import Chunk, merged
from analyzer.sources.pcapng import COMMENTS


class Several:
    """One merged capture. Raises UsageError for standard input, and the first file's error when none can be used."""

    def __init__(self, paths: Sequence[str], settings: Settings) -> None:
        if STANDARD_INPUT in paths:
            raise UsageError("Standard input cannot be merged with other captures: save it to a file first, then name that file.")
        self.log = CaptureLog(f"{paths[0]} + {len(paths) - 1} more", "")
        self._files: list[_File] = []
        self.owners: list[int] = []
        """Of each interface in the log: the place of its file in `files`."""
        errors = []
        for path in paths:
            try:
                self._files.append(_File(path, settings, self.log, self.owners, len(self._files)))
            except UsageError:
                raise
            except AnalyzerError as error:
                errors.append(error)
        if not self._files:
            raise errors[0]
        self.log.problems += [Problem(f"one of the files is left out: {error}") for error in errors]
        self.log.format = " + ".join(dict.fromkeys(one.format for one in self._files))

    @property
    def files(self) -> list[CaptureFile]:
        """Those that can be used, in the order in which they were named."""
        return [one.facts for one in self._files]

    def batches(self) -> Iterator[PacketBatch]:
        """All packets of all files, once."""
        log = self.log
        # Of packets at the same time mergecap takes that of the last file.
        for chunk in merged([one for one in reversed(self._files) if one.first > EARLIEST]):
            first = log.packets + 1
            log.packets += len(chunk)
            yield PacketBatch(chunk.data, chunk.records, first)
        log.files = self.files


class _File:
    """One of them, as a part to be merged. What its own log says goes into the common one."""

    def __init__(self, path: str, settings: Settings, log: CaptureLog, owners: list[int], place: int) -> None:
        self._path = path
        self._owners = owners
        self._place = place
        self._settings = settings
        self._log = log
        self._interfaces: list[int] = []  # places of its interfaces among all
        self._bytes = 0
        self._secrets = 0
        self.first = EARLIEST
        with self._open(settings.limits.part) as source:
            for batch in source.batches():
                if len(batch.records["time"]):
                    self.first = int(batch.records["time"][0])
                    break
        self.format = source.log.format
        self.facts = CaptureFile(path, self.format, 0, source.log.bytes)
        if self.first == EARLIEST:
            self._finish(source.log)

    def _open(self, size: int) -> AbstractContextManager[Source]:
        return open_source(self._path, replace(self._settings, limits=replace(self._settings.limits, batch=size)))

    def chunks(self, beside: int) -> Iterator[Chunk]:
        """All its packets, read with a share of the memory."""
        limits = self._settings.limits
        highest, told = EARLIEST, np.zeros(0, np.int32)
        with self._open(max(limits.batch // (beside + 1), limits.part)) as source:
            for batch in source.batches():
                records = batch.records
                if not len(records["time"]):
                    continue
                if len(source.log.interfaces) > len(told):
                    told = self._places(source.log)
                moments = np.maximum.accumulate(np.maximum(records["time"], highest))
                highest = int(moments[-1])
                self._progress(source.log)
                numbers = np.arange(batch.first_number, batch.first_number + len(moments))
                yield Chunk(batch.data, {**records, "interface": told[records["interface"]]}, moments, numbers)
        self._finish(source.log)

    def _places(self, log: CaptureLog) -> npt.NDArray[np.int32]:
        """Where its interfaces are among those of all files."""
        fresh = log.interfaces[len(self._interfaces) :]
        self._interfaces += range(len(self._log.interfaces), len(self._log.interfaces) + len(fresh))
        self._log.interfaces += fresh
        self._owners += [self._place] * len(fresh)
        return np.array(self._interfaces, np.int32)

    def _progress(self, log: CaptureLog) -> None:
        """What the steps want to know while they read."""
        self._log.bytes += log.bytes - self._bytes
        self._bytes = log.bytes
        room = self._settings.limits.tls_secrets - len(self._log.secrets)
        self._log.secrets += log.secrets[self._secrets : self._secrets + room]
        self._secrets = len(log.secrets)

    def _finish(self, log: CaptureLog) -> None:
        """All of it is read."""
        every = self._log
        self._progress(log)
        self._places(log)
        for place, interface in zip(self._interfaces, log.interfaces, strict=True):
            every.interfaces[place] = interface
        for link, count in log.link_packets.items():
            every.link_packets[link] = every.link_packets.get(link, 0) + count
        every.truncated += log.truncated
        every.problems += [Problem(f"{self._path}: {problem.text}", every.packets) for problem in log.problems]
        every.comments += log.comments[: COMMENTS - len(every.comments)]
        times = [time for time in (every.first_time, every.last_time, log.first_time, log.last_time) if time is not None]
        every.first_time, every.last_time = min(times, default=None), max(times, default=None)
        self.facts = CaptureFile(self._path, self.format, log.packets, log.bytes)
