"""Where does an HTTP/2 frame start? Finds a frame header behind a hole, and tells frames of HTTP/2 from other bytes.

In: the pieces of one direction from the first one of which it is not known where frames start, holes among them. Out: the stream
offset of a header, or None for "not yet". A header has 72 bits (RFC 9113 section 4.1), nearly all of which are given by its type
and the streams that are open: one that is legal for a known stream is an accident once in 2**40 places. What repeats itself, or is
nearly all zeros, can hold such an accident, so that only headers that chain by their lengths count. As with WebSocket frames
(`resync.py`), what is found does not depend on how the bytes came in pieces: of all chains that can be proven, the one is taken
whose proof is complete first.
"""

from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt

from analyzer.model.http2 import (
    CONTINUATION,
    DATA,
    FIXED,
    GOAWAY,
    HEADERS,
    PING,
    PRIORITY,
    PUSH_PROMISE,
    SETTING,
    SETTINGS,
    USUAL_SIZE,
    WINDOW_UPDATE,
)
from analyzer.model.streams import Data, Gap
from analyzer.wire.http2_kernels import FRAME_HEADER
from analyzer.wire.resync import NOWHERE, Flags, Ground

AT_PACKET, ANYWHERE, STRANGER = 2, 3, 4
"""Sure headers that a chain needs: where a packet starts, anywhere, and where nothing else tells that there are HTTP/2 frames."""
LONGEST = 16
"""Headers that are followed at the most."""
NEW_STREAMS = 1 << 24
"""Identifiers beyond it are not believed of a stream that is not known: a stream takes the next one when it opens."""
FLAGS = {DATA: 0x09, HEADERS: 0x2D, SETTINGS: 0x01, PUSH_PROMISE: 0x0C, PING: 0x01, CONTINUATION: 0x04}
"""Flags that a type may have; others have none."""
MOST_SETTINGS = 32
LEGAL = np.zeros((256, 256), np.bool_)
for _type in range(10):
    LEGAL[_type, [flags for flags in range(256) if not flags & ~FLAGS.get(_type, 0)]] = True
SETTLED, GOES_ON, BREAKS = 0, 1, 2
"""What follows a header in what there is: nothing more, one that may come, something that is no header."""


def find_header(pieces: Sequence[Data | Gap], known: Collection[int] | None, *, final: bool = False) -> int | None:
    """Stream offset of the first frame header that is sure; `pieces` follow one another.

    `known`: the streams that are open, to which DATA may belong; None where it is not known that there are frames at all. `final`:
    nothing follows. No chain leads across a hole whose length is not exact.
    """
    begin = 0
    for end in (*(row + 1 for row, piece in enumerate(pieces) if isinstance(piece, Gap) and not piece.exact), len(pieces)):
        some = list(pieces[begin:end])
        while some and isinstance(some[0], Gap):
            some.pop(0)
        if any(isinstance(piece, Data) and len(piece.bytes) for piece in some):
            found = _find(Ground(some, final=final or end < len(pieces)), known)
            if found is not None:
                return found
        begin = end
    return None


def is_behind_data(pieces: Sequence[Data | Gap], offset: int) -> bool:
    """Whether the header of a DATA frame stands in front of a stream offset."""
    for piece in pieces:
        if isinstance(piece, Data) and piece.start + FRAME_HEADER <= offset <= piece.end:
            head = piece.bytes[offset - FRAME_HEADER - piece.start : offset - piece.start].tobytes()
            size, stream = int.from_bytes(head[:3], "big"), int.from_bytes(head[5:], "big")
            return 0 < size <= USUAL_SIZE and bool(LEGAL[head[3], head[4]]) and head[3] == DATA and 0 < stream < NEW_STREAMS
    return False


def _find(ground: Ground, known: Collection[int] | None) -> int | None:
    """The same in a stretch of which all lengths are known."""
    at, size, sure = _headers(ground, known)
    if not len(at):
        return None
    begins = ground.begin[ground.stretch(at)] + at - ground.place[ground.stretch(at)]
    place = ground.places(begins + FRAME_HEADER + size)
    stretch = ground.stretch(np.clip(place, 0, len(ground.bytes) - 1))
    room = (place >= 0) & (place < len(ground.bytes)) & (ground.stop[stretch] - place >= FRAME_HEADER)
    after = np.minimum(at.searchsorted(np.where(room, place, 0)), len(at) - 1)
    linked = room & (at[after] == place)
    last = ground.ends_here[stretch] if not ground.final else np.ones(len(at), np.bool_)
    cut = (place >= 0) & (place < len(ground.bytes)) & ~room  # of the next header only part is there
    settled = (place == -1) | ((place == NOWHERE) & ground.final) | (cut & last)
    then = np.where(settled, SETTLED, np.where((place == NOWHERE) | cut, GOES_ON, BREAKS))
    stop = ground.stop[ground.stretch(at)]
    fills = settled & (at + FRAME_HEADER + size == stop)
    chain = _Chain(at, after, linked, then, sure, fills, stop)
    return chain.earliest(
        np.where(ground.packet[at], AT_PACKET, ANYWHERE) if known is not None else np.full(len(at), STRANGER), ground
    )


def _headers(ground: Ground, known: Collection[int] | None) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Flags]:
    """Places of all legal headers, their lengths, and whether each one is sure."""
    data = ground.bytes
    places = len(data) - FRAME_HEADER + 1
    if places <= 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.bool_)
    at = np.flatnonzero(LEGAL[data[3 : places + 3], data[4 : places + 4]] & (data[5 : places + 5] < 128))  # noqa: PLR2004 - the reserved bit
    at = at[at + FRAME_HEADER <= ground.stop[ground.stretch(at)]]
    kind = data[at + 3]
    size = (data[at[:, None] + np.arange(3)].astype(np.int64) << np.array([16, 8, 0])).sum(axis=1)
    owner = (data[at[:, None] + np.arange(5, 9)].astype(np.int64) << np.array([24, 16, 8, 0])).sum(axis=1)
    good = size <= USUAL_SIZE
    for one, length in FIXED.items():
        good &= (kind != one) | (size == length)
    good &= (kind != SETTINGS) | ((size % SETTING == 0) & (size <= SETTING * MOST_SETTINGS))
    whole = np.isin(kind, (SETTINGS, PING, GOAWAY))  # of the whole connection
    good &= np.where(whole, owner == 0, (owner > 0) | (kind == WINDOW_UPDATE))
    if known is not None:
        mine = np.isin(owner, np.array([*known], np.int64)) if len(known) else np.zeros(len(at), np.bool_)
        good &= mine | (owner < NEW_STREAMS)
        # Another stream of which nothing is kept may have DATA too, but speaks for nothing.
        sure = np.where(kind == DATA, mine & (size > 0), (size > 0) & (kind != SETTINGS) & (kind != PRIORITY))
    else:
        good &= owner < NEW_STREAMS
        sure = (size > 0) & (kind != PRIORITY)
    return at[good].astype(np.int64), size[good], sure[good]


class _Chain:
    """Legal headers and what follows each of them."""

    def __init__(
        self,
        at: npt.NDArray[np.int64],
        after: npt.NDArray[np.intp],
        linked: Flags,
        then: npt.NDArray[np.int64],
        sure: Flags,
        fills: Flags,
        stop: npt.NDArray[np.int64],
    ) -> None:
        self._at = at
        self._after = after
        self._linked = linked
        self._then = then
        self._sure = sure
        self._fills = fills
        self._stop = stop

    def earliest(self, needs: npt.NDArray[np.int64], ground: Ground) -> int | None:
        """Stream offset of the header whose chain is proven first, None when none is."""
        rows = len(self._at)
        proof = np.full(rows, NOWHERE, np.int64)
        start = row = np.arange(rows)
        score = np.zeros(rows, np.int64)
        for _ in range(LONGEST):
            score = score + self._sure[row]
            settled = ~self._linked[row] & (self._then[row] == SETTLED)
            enough = score + (settled & self._fills[row] & (score > 0)) >= needs[start]
            proven = enough & (self._linked[row] | settled)
            proof[start[proven]] = np.where(self._linked[row], self._at[self._after[row]] + FRAME_HEADER, self._stop[row])[proven]
            on = self._linked[row] & ~proven
            if not on.any():
                break
            start, score = start[on], score[on]
            row = self._after[row[on]]
        if proof.min() == NOWHERE:
            return None
        return ground.offset(int(self._at[int(np.argmin(proof))]))
