"""Puts the packets of a stream in order of time, as far as a bounded window reaches.

In: a source in the order of its file. Out: its packets merged by time, with their numbers in the file. A run is a stretch whose
times never fall more than `limits.disorder` behind the highest so far; smaller dips stay as they are. The moment of a packet is the
highest time so far in its run; runs are merged by moment, what is earlier in the file first. A run before which the clock was set
back (see `clock.py`) goes on with the one before it.

The stream is cut into blocks of a third of the window. When one is full, all that is no later than what the blocks before it have
reached goes out: packets out of place by less than a block come out in order, whatever the size of batches. What comes later than
that is passed on as it comes, and counted.
"""

from collections.abc import Iterator

import numpy as np

from analyzer.model.capture import PacketBatch, Problem, Source
from analyzer.model.limits import Limits
from analyzer.model.numbering import Numbering
from analyzer.model.streams import Columns, Ints
from analyzer.sources.clock import EARLIEST, Chain, Stretch, Verdict
from analyzer.sources.gather import ROW_COST
from analyzer.sources.held import RECORD_NAMES, Held
from analyzer.wire import kernels

FOREVER = 1 << 62


class Reordered:
    """The packets of a source in order of time. Without a window all of it is held and sorted. `advice`: what helps where the
    window is too short.
    """

    def __init__(self, source: Source, limits: Limits, window: int | None, advice: str) -> None:
        self.log = source.log
        self._source = source
        self._limits = limits
        self._advice = advice
        self._block = max(window // 3, 1) if window is not None else FOREVER
        self._held = Held(("number", "block", "run", "level", "moment"))
        self._position = 0
        """Bytes that came so far."""
        self._newest = 0
        """The block that the last packet began in."""
        self._highest, self._run = EARLIEST, 0
        """Of the packet that came last."""
        self._judged = 0
        self._chain = Chain(self.log, limits)
        self._mark = EARLIEST
        """The highest moment of all blocks but the newest."""
        self._given = EARLIEST
        """The highest moment that went out."""
        self._sent = 0
        self._late = 0
        self._first_late = 0

    def batches(self) -> Iterator[PacketBatch]:
        """All packets, once."""
        for batch in self._source.batches():
            if len(batch.records["time"]):
                yield from self._take(batch)
            else:
                yield batch
        if len(self._held):
            yield from self._round(self._newest, final=True)
        if self.log.clock_steps:
            self.log.first_time, self.log.last_time = self._chain.lowest, self._chain.highest
        if self._late:
            text = f"{self._late} packets lie too far behind those of a later time to be put in order; {self._advice}"
            self.log.problems.append(Problem(text, self._first_late))

    def _take(self, batch: PacketBatch) -> Iterator[PacketBatch]:
        """Hold a batch, and give out what needs not wait any longer."""
        records, count = batch.records, len(batch.records["time"])
        cost = records["captured"].astype(np.int64) + ROW_COST
        begin = self._position + np.cumsum(cost) - cost
        block = begin // self._block
        self._position = int(begin[-1] + cost[-1])
        starts, level = np.zeros(count, np.int64), np.zeros(count, np.int64)
        calm = self._judged == self._run
        begun, self._highest = kernels.follow(
            memoryview(records["time"]), count, self._highest, self._limits.disorder, memoryview(level), memoryview(starts)
        )
        run = self._run + np.searchsorted(starts[:begun], np.arange(count), side="right")
        self._run += begun
        numbers = np.arange(batch.first_number, batch.first_number + count) if batch.numbers is None else batch.numbers
        known = {"number": numbers, "block": block, "run": run, "level": level, "moment": np.full(count, EARLIEST)}
        self._held.add(batch.data, {**records, **known})
        full = range(self._newest, int(block[-1]))
        self._newest = int(block[-1])
        for newest in full[-1:] if calm and not begun else full:  # in one run the order is the same, whenever it is given out
            yield from self._round(newest)
        self._held.own()

    def _round(self, newest: int, *, final: bool = False) -> Iterator[PacketBatch]:
        """Give out what is ready when all of block `newest` has come."""
        rows = self._held.rows
        waits = self._settle(rows, newest, final=final)
        moment, block = rows["moment"], rows["block"]
        ready = (block <= newest) & (moment > EARLIEST)
        if not final:
            self._mark = max(self._mark, int(moment[ready & (block < newest)].max(initial=EARLIEST)))
            ready &= moment <= (self._mark if waits is None else min(self._mark, waits - 1))
        chosen = np.flatnonzero(ready)
        order = chosen[np.argsort(moment[chosen], kind="stable")]
        if len(order):
            yield from self._given_out(order)
            self._held.keep(~ready)

    def _settle(self, rows: Columns, newest: int, *, final: bool) -> int | None:
        """Judge the runs that begin before block `newest`, which shows how they go on, and note the moments of their packets.

        Returns the time at which the first run that has to wait begins.
        """
        fresh = np.flatnonzero((rows["moment"] == EARLIEST) & (rows["block"] <= newest))
        for mine in np.split(fresh, np.flatnonzero(np.diff(rows["run"][fresh])) + 1):
            run = int(rows["run"][mine[0]]) if len(mine) else 0
            if run > self._limits.runs:  # so many that nobody asks why: all are taken by time
                rest = fresh[rows["run"][fresh] >= run]
                rows["moment"][rest] = rows["level"][rest]
                self._judged = int(rows["run"][rest[-1]])
                break
            if run > self._judged:
                if rows["block"][mine[0]] == newest and not final:
                    return int(rows["time"][mine[0]])
                self._judge(rows, run, mine)
            rows["time"][mine] += self._chain.shift
            rows["moment"][mine] = self._chain.moments(rows["time"][mine])
        return None

    def _judge(self, rows: Columns, run: int, mine: Ints) -> None:
        """Decide whether a run goes on with the one before it."""
        self._judged = run
        told = np.arange(*np.searchsorted(rows["run"], (run - 1, run)))
        most = self._limits.boundary
        before, after = self._stretch(told[-most:]), self._stretch(mine[:most])
        if self._chain.meets(before, after, int(rows["number"][mine[0]]) - 1) is Verdict.STRAY:
            rows["moment"][told] = np.minimum(rows["moment"][told], self._chain.reached)

    def _stretch(self, which: Ints) -> Stretch:
        """The heads of these packets."""
        found = Stretch.none()
        for data, rows, _ in self._held.pieces(which, FOREVER):
            found = found.joined(Stretch.of(data, {name: self._held.rows[name][rows] for name in RECORD_NAMES}))
        return found

    def _given_out(self, order: Ints) -> Iterator[PacketBatch]:
        """These rows of what is held as batches."""
        rows, log = self._held.rows, self.log
        late = rows["moment"][order] < self._given
        if late.any():
            self._first_late = self._first_late or int(rows["number"][order[np.argmax(late)]])
            self._late += int(np.count_nonzero(late))
        self._given = max(self._given, int(rows["moment"][order[-1]]))
        for data, which, at in self._held.pieces(order, self._limits.batch):
            numbers = rows["number"][which]
            if log.numbering is None and not (numbers == np.arange(self._sent + 1, self._sent + 1 + len(which))).all():
                log.numbering = Numbering()
                log.numbering.add(np.arange(1, self._sent + 1))
            if log.numbering is not None:
                log.numbering.add(numbers)
            records = {name: at if name == "offset" else rows[name][which] for name in RECORD_NAMES}
            yield PacketBatch(data, records, self._sent + 1, numbers=numbers)
            self._sent += len(which)
