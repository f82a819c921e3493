"""The RECORDS columns that walks fill, and the facts that every batch adds to the log."""

import numpy as np

from analyzer.model.capture import CaptureLog, PacketBatch
from analyzer.model.schema import RECORDS
from analyzer.model.streams import Bytes, Columns

ROOM = 1 << 18
"""Rows per batch. A batch of the smallest packets has this many in about 18 MB; more rows make no difference in speed."""
LEAST, SMALLEST = 1 << 10, 16
"""Rows of the smallest batch; bytes of the smallest record."""


class Records:
    """Columns with room for a batch, reused from batch to batch."""

    def __init__(self, size: int = ROOM * SMALLEST) -> None:
        """For batches of about `size` bytes."""
        room = min(max(size // SMALLEST, LEAST), ROOM)
        self.columns: Columns = {column.name: np.zeros(room, column.dtype) for column in RECORDS}

    def batch(self, log: CaptureLog, data: Bytes, rows: int) -> PacketBatch:
        """The first `rows` rows as a batch; counts them in the log."""
        first = log.packets + 1
        records = {name: column[:rows] for name, column in self.columns.items()}
        log.packets += rows
        times = records["time"]
        lowest, highest = int(times.min()), int(times.max())
        log.first_time = lowest if log.first_time is None else min(log.first_time, lowest)
        log.last_time = highest if log.last_time is None else max(log.last_time, highest)
        log.truncated += int(np.count_nonzero(records["captured"] < records["on_wire"]))
        for interface, count in enumerate(np.bincount(records["interface"]).tolist()):
            if count:
                link = log.interfaces[interface].link_type
                log.link_packets[link] = log.link_packets.get(link, 0) + count
        return PacketBatch(data, records, first)
