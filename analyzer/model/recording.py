"""A WebSocket session that was recorded as whole messages, not as packets: what a HAR holds."""

from collections.abc import Iterator
from itertools import groupby

import numpy as np

from analyzer.model.channel import MessageBatch
from analyzer.model.dataclass import dataclass
from analyzer.model.places import Endpoint
from analyzer.model.schema import Side
from analyzer.model.session import Request, Response


@dataclass(frozen=True, slots=True)
class Said:
    """One message. `time` is in ns since the epoch; `readable` is False where its data could not be decoded."""

    side: Side
    opcode: int
    content: bytes
    time: int
    readable: bool = True


@dataclass(frozen=True, slots=True)
class Recording:
    """One attempt. Its times count as those of packets do, `end` (ns) is the last thing that is known of it."""

    number: int
    """Which of the recorder's entries it is, from 1: it stands where a packet number would."""
    endpoints: tuple[Endpoint, Endpoint]
    request: Request | None
    """None where the recording began after it."""
    response: Response | None
    messages: tuple[Said, ...]
    begin: int
    end: int
    failure: str = ""
    """`refused` or `unreachable` where the recorder says so."""

    def batches(self) -> Iterator[tuple[Side, MessageBatch]]:
        """The messages in order, those in a row of one side together."""
        counts = [0, 0]
        for side, run in groupby(self.messages, key=lambda said: said.side):
            some = list(run)
            sizes = np.array([len(one.content) for one in some], np.int64)
            flags = np.ones(len(some), np.uint8)
            readable = np.array([one.readable for one in some], np.uint8)
            times = np.array([one.time for one in some], np.int64)
            places = np.full(len(some), self.number, np.int64)
            columns = {
                "number": np.arange(counts[side] + 1, counts[side] + len(some) + 1),
                "opcode": np.array([one.opcode for one in some], np.uint8),
                "frames": np.ones(len(some), np.int32),
                **dict.fromkeys(("wire", "size", "part"), sizes),
                **dict.fromkeys(("first_time", "last_time"), times),
                **dict.fromkeys(("first_packet", "last_packet"), places),
                **dict.fromkeys(("complete", "begins", "ends"), flags),
                "at": np.cumsum(sizes) - sizes,
                "lost": np.zeros(len(some), np.int64),
                "readable": readable,
            }
            counts[side] += len(some)
            content = np.frombuffer(b"".join(one.content for one in some), np.uint8)
            yield side, MessageBatch(columns, content, whole=bool(readable.all()))
