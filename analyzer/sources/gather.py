"""From packets that come one at a time to PacketBatches of limited size.

For sources that hand over one packet after the other (scapy, pyshark). Native sources cut batches out of the file instead.
"""

from collections.abc import Iterator

import numpy as np

from analyzer.model.capture import CaptureLog, PacketBatch
from analyzer.sources.records import SMALLEST, Records

ROW_COST = 64
"""What a packet costs besides its bytes, so that a capture of empty packets fills a batch too."""
LATEST = (1 << 63) - 1
"""Times beyond what 64 bits hold (the year 2262) come from damage; they stop here."""


class Gather:
    """Collects packets in order of capture; `add` gives a batch whenever about `limit` bytes have come together."""

    def __init__(self, log: CaptureLog, limit: int) -> None:
        self._log = log
        self._limit = limit
        self._time = 0
        self._data = bytearray()
        self._rows: list[tuple[int, int, int, int, int]] = []

    def add(self, data: bytes, on_wire: int, time: int | None, interface: int) -> Iterator[PacketBatch]:
        """Take one packet. `time` in ns since the epoch; without one (None) it takes that of the packet before."""
        if time is not None:
            self._time = max(-LATEST, min(time, LATEST))
        self._rows.append((len(self._data), len(data), on_wire, self._time, interface))
        self._data += data
        if len(self._data) + ROW_COST * len(self._rows) >= self._limit:
            yield from self.rest()

    def rest(self) -> Iterator[PacketBatch]:
        """What has come together since the last batch, if anything."""
        if not self._rows:
            return
        rows = np.array(self._rows, np.int64)
        records = Records(len(rows) * SMALLEST)
        for at, name in enumerate(("offset", "captured", "on_wire", "time", "interface")):
            records.columns[name][: len(rows)] = rows[:, at]
        batch = records.batch(self._log, np.frombuffer(self._data, np.uint8), len(rows))
        self._data, self._rows = bytearray(), []
        yield batch
