"""Watches whether packets come in order of time. In: a source. Out: the same packets, until they do not: then OutOfOrderError."""

from collections.abc import Iterator

import numpy as np

from analyzer.model.capture import PacketBatch, Source
from analyzer.model.limits import Limits
from analyzer.sources.clock import EARLIEST
from analyzer.wire import kernels


class OutOfOrderError(Exception):
    """Times fall back further than in a file that is in order: it must be read anew, as one that is not."""


class InOrder:
    """A source as it is, at hardly any cost."""

    def __init__(self, source: Source, limits: Limits) -> None:
        self.log = source.log
        self._source = source
        self._disorder = limits.disorder

    def batches(self) -> Iterator[PacketBatch]:
        """All packets, once. Raises OutOfOrderError in place of the first batch that is not in order."""
        highest, room = EARLIEST, [np.zeros(0, np.int64)] * 2
        for batch in self._source.batches():
            times = batch.records["time"]
            if len(times) > len(room[0]):
                room = [np.zeros(len(times), np.int64) for _ in room]
            scratch = (memoryview(one) for one in room)
            begun, highest = kernels.follow(memoryview(times), len(times), highest, self._disorder, *scratch)
            if begun:
                raise OutOfOrderError
            yield batch
