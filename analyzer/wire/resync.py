"""Where does a frame start? Finds a frame boundary behind a hole, or in a capture that began late.

In: the pieces of one direction from the first one of which it is not known where frames start, holes among them. Out: the stream
offset of a header, or None for "not yet". Headers chain by their lengths, across holes too. What speaks for a chain is counted in
bits: a chain of n bits is an accident once in 2**n places. One is accepted when every header that the capture holds is legal up to
the next hole or for PROVEN frames, and when it weighs enough for where it begins: at the start of a packet, since senders mostly
write whole frames, or anywhere. What is found does not depend on how the bytes came in pieces: of all chains that can be proven,
the one is taken whose proof is complete first.
"""

import json
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from analyzer.model.dataclass import dataclass
from analyzer.model.schema import Opcode, Side
from analyzer.model.streams import Bytes, Data, Gap, Ints
from analyzer.wire.stream_kernels import FRAME_ROOM

Flags = npt.NDArray[np.bool_]

AT_PACKET, ANYWHERE, SURE = 26, 44, 48
"""Bits that a chain needs: from the start of a packet, of which a search sees a few dozen, or from any of 2**18 places; and bits by
which one frame is accepted for itself, as whole JSON is.
"""
PROVEN, FAR, LONGEST = 8, 1 << 16, 64
"""Frames or bytes that chain before it is decided, and frames that are followed at the most."""
LEGAL_BITS, MEDIUM_BITS, LARGE_BITS = 5, 7, 33
"""One byte pair in 2**5 is a legal start for its side. One length in 2**7 is of 16 bits; of those of 64 bits all but 2**-33 are
absurd.
"""
SAME_SHORT, SAME_LONG = 8, 16
"""For a header that repeats one that is known: 7 bits of length or 16, and the first byte."""
SHORT_BITS, LONG_BITS = 7, 16
"""For a length that leads to one certain place."""
LETTER_BITS, TEXT_BITS, JSON_BITS, CODE_BITS = 1.4, 40, 64, 16
"""For content: a printable letter, at most so much for letters, a whole JSON value, a close code of RFC 6455 in a close frame."""
STRONG, DOUBTFUL = 20, 3
"""A false header can lead to a true one by its length. The first frame of a chain therefore needs so many bits of its own; where it
has fewer, up to DOUBTFUL frames are passed over, since each further one is an accident in fifty.
"""
ALIGNED = 3
"""Frames in a row, each a packet of its own, that tell how this sender writes."""
REMEMBERED = 16
SHORT, MEDIUM, LONGEST_CONTROL = 126, 65536, 125
KNOWN_CODES = range(1000, 1016)
QUOTED, READ = 512, 4096
"""Text frames of a search that are read, and bytes of each."""
PERIOD = 4
"""Silence behind a mask repeats the key: what repeats with it is no evidence."""
ECHOES = 4
"""A tone repeats itself, and with it what looks like a header: one that looks like one of so many before it adds nothing."""
MIXED = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F], np.uint64)
"""Two odd numbers without a pattern."""
LEGAL = np.zeros((2, 256), np.bool_)
LEGAL[:, [0x00, 0x01, 0x02, 0x80, 0x81, 0x82, 0x88, 0x89, 0x8A]] = True
LEGAL[1, [0x41, 0x42, 0xC1, 0xC2]] = True
"""First bytes that a header may have (RFC 6455 section 5.2): without permessage-deflate, and with it."""
FINAL = 0x80
LINK, OPEN, ENDED, ILLEGAL = 0, 1, 2, 3
"""What follows a frame: another header, bytes that have not come, a hole or the end, something that is no header."""
NOWHERE = 1 << 62
FIRST_LOOK, WIDER = 1 << 13, 16
"""Bytes that are searched first, since it is mostly found there, and how much more next time."""


@dataclass(frozen=True, slots=True)
class Habits:
    """The last REMEMBERED frames before the step was lost: first bytes and lengths. Senders repeat themselves."""

    first: Bytes
    length: Ints

    def after(self, opcode: Bytes, fin: Bytes, rsv: Bytes, length: Ints) -> "Habits":
        """Those of the frames that followed, at most REMEMBERED."""
        first = (fin << 7 | rsv << 4 | opcode).astype(np.uint8)
        if len(first) >= REMEMBERED:
            return Habits(first, length.copy())
        return Habits(np.append(self.first, first)[-REMEMBERED:], np.append(self.length, length)[-REMEMBERED:])


STRANGER = Habits(np.zeros(0, np.uint8), np.zeros(0, np.int64))
"""A sender of whom nothing is known."""


def find_frame(
    pieces: Sequence[Data | Gap],
    side: Side,
    *,
    rsv: bool = True,
    habits: Habits = STRANGER,
    final: bool = False,
    reach: int = 1 << 18,
    doubt: int = 0,
) -> int | None:
    """Stream offset of the first frame header that is sure; `pieces` follow one another.

    `rsv`: RSV1 may be set (permessage-deflate may be in use). `final`: nothing follows. `reach`: bytes within which a chain must be
    proven. `doubt`: bits that it needs besides, where it is not known that there are frames at all. Takes a few ms per `reach`.
    No chain leads across a hole whose length is not exact.
    """
    begin = 0
    for end in (*(row + 1 for row, piece in enumerate(pieces) if isinstance(piece, Gap) and not piece.exact), len(pieces)):
        found = _find(pieces[begin:end], side, habits, reach, doubt, rsv=rsv, final=final or end < len(pieces))
        if found is not None:
            return found
        begin = end
    return None


def _find(
    pieces: Sequence[Data | Gap], side: Side, habits: Habits, reach: int, doubt: int, *, rsv: bool, final: bool
) -> int | None:
    """The same for pieces whose lengths are all known."""
    size = FIRST_LOOK
    while True:
        some, whole = _first(pieces, size)
        if not some:
            return None
        ground = _Ground(some, final=final and whole)
        begins = range(0, max(len(ground.bytes) - reach, 1), reach)  # windows that share half of their bytes
        for begin in begins:
            found = _Chains(ground, begin, begin + 2 * reach, side, habits, rsv=rsv).earliest(reach, doubt)
            if found is not None:
                return found
        if whole:
            return None
        size *= WIDER


def _first(pieces: Sequence[Data | Gap], size: int) -> tuple[list[Data | Gap], bool]:
    """Pieces from the first with bytes, as many as hold `size` bytes; and whether those are all."""
    some: list[Data | Gap] = []
    held = 0
    for piece in pieces:
        if held >= size:
            return some, False
        if isinstance(piece, Data) and len(piece.bytes):
            held += len(piece.bytes)
            some.append(piece)
        elif some:
            some.append(piece)
    return some, True


class _Ground:
    """All bytes in a row, without the holes. `place` is where a byte stands in the row, `offset` where in the stream."""

    def __init__(self, pieces: Sequence[Data | Gap], *, final: bool) -> None:
        parts = [piece for piece in pieces if isinstance(piece, Data) and len(piece.bytes)]
        self.bytes = np.concatenate([part.bytes for part in parts])
        starts, sizes = np.array([part.start for part in parts]), np.array([len(part.bytes) for part in parts])
        places = np.cumsum(sizes) - sizes
        new = np.append(True, starts[1:] != starts[:-1] + sizes[:-1])
        self.begin: Ints = starts[new]
        """Stream offset of each stretch without a hole."""
        self.place: Ints = places[new]
        """Its place."""
        self.stop: Ints = np.append(self.place[1:], len(self.bytes))
        self.ends_here: Flags = np.ones(len(self.begin), np.bool_)
        """Whether it is over: by a hole, or since nothing follows."""
        self.ends_here[-1] = final or isinstance(pieces[-1], Gap)
        self.final = final
        self.reached = pieces[-1].end
        """Stream offset up to which all is known, be it missing."""
        self.packet: Flags = np.zeros(len(self.bytes) + 1, np.bool_)
        """Whether a packet starts at a place; ends of stretches count."""
        for part, place in zip(parts, places.tolist(), strict=True):
            at = part.origins.start
            self.packet[place + at[(at >= part.start) & (at < part.end)] - part.start] = True
        self.packet[self.stop] = True
        self.starts = np.flatnonzero(self.packet)

    def stretch(self, place: Ints) -> npt.NDArray[np.intp]:
        """The stretch that each place lies in."""
        return self.place.searchsorted(place, side="right") - 1

    def offset(self, place: int) -> int:
        """Stream offset of a place."""
        row = int(self.place.searchsorted(place, side="right")) - 1
        return int(self.begin[row]) + place - int(self.place[row])

    def places(self, offset: Ints) -> Ints:
        """Places of stream offsets: -1 inside a hole, NOWHERE beyond all that has come."""
        row = np.maximum(self.begin.searchsorted(offset, side="right") - 1, 0)
        place = self.place[row] + offset - self.begin[row]
        place = np.where(place < self.stop[row], place, -1)
        return np.where(offset >= self.reached, NOWHERE, place)


class _Chains:
    """Every legal header in a window of the ground, and the way from each to the next."""

    def __init__(self, ground: _Ground, begin: int, stop: int, side: Side, habits: Habits, *, rsv: bool) -> None:
        self._ground = ground
        self._masked = side is Side.CLIENT
        window = ground.bytes[begin : stop + FRAME_ROOM]
        padded = np.concatenate((window, np.zeros(FRAME_ROOM + PERIOD, np.uint8)))
        lone = np.zeros(len(window), np.bool_)  # of a header of which the second byte is missing only the first can speak
        lone[(ground.stop - 1 - begin)[(ground.stop > begin) & (ground.stop <= begin + len(window))]] = True
        found = np.flatnonzero(LEGAL[int(rsv)][padded[: len(window)]] & (lone | (padded[1 : len(window) + 1] >> 7 == self._masked)))
        self._headers(padded, found, lone[found], begin)
        self._links(min(stop, len(ground.bytes)))
        self._weigh(padded, begin, habits)

    def _headers(self, data: Bytes, at: Ints, lone: Flags, begin: int) -> None:
        """Read them. One whose bytes are not all there is `cut`: nothing more can be said of it."""
        end = self._ground.stop[self._ground.stretch(at + begin)] - begin
        size = (data[at + 1] & 127).astype(np.int64)
        medium = data[at + 2].astype(np.int64) << 8 | data[at + 3]
        high = data[at[:, None] + np.arange(2, 6)].any(axis=1)  # 4 GiB and more: no accident of ours
        large = (data[at[:, None] + np.arange(6, 10)].astype(np.int64) << np.array([24, 16, 8, 0])).sum(axis=1)
        length = np.where(size < SHORT, size, np.where(size == SHORT, medium, large))
        header = np.where(size < SHORT, 2, np.where(size == SHORT, 4, 10)) + 4 * self._masked
        cut = lone | (at + header > end)
        minimal = (size < SHORT) | ((size == SHORT) & (medium >= SHORT)) | ((size > SHORT) & ~high & (large >= MEDIUM))
        good = lone | ((minimal | cut) & ((data[at] & 8 == 0) | (size <= LONGEST_CONTROL)))
        self.at: Ints = at[good] + begin
        self.first, self.length, self.header, self.cut = data[at[good]], length[good], header[good], cut[good]

    def _links(self, stop: int) -> None:
        """What follows each frame, and the row of the next header where one does."""
        ground, at = self._ground, self.at
        stretch = ground.stretch(at)
        begins = ground.begin[stretch] + at - ground.place[stretch]
        place = ground.places(begins + self.header + self.length)
        row = np.minimum(at.searchsorted(np.where(place == NOWHERE, 0, place)), max(len(at) - 1, 0))
        known = (place >= 0) & (place < stop)
        there = known & (at[row] == place) if len(at) else known
        self.then: npt.NDArray[np.int8] = np.where(there, LINK, np.where(known, ILLEGAL, OPEN)).astype(np.int8)
        self.then[(place == -1) | ((place == NOWHERE) & ground.final)] = ENDED
        self.then[self.cut] = np.where(ground.ends_here[stretch[self.cut]], ENDED, OPEN)
        waits = self.cut & (self.then == OPEN)  # a header of which more will come
        if len(at):
            self.then[(self.then == LINK) & waits[row]] = OPEN
        linked = self.then == LINK
        self.next: npt.NDArray[np.intp] = np.where(linked, row, -1)
        self.leaves: Flags = (self.then == ENDED) | (linked & (place >= ground.stop[stretch]))
        """Whether it ends behind its stretch, so that all there is up to the hole was walked."""
        known_at = np.minimum((at + self.header)[row], ground.stop[ground.stretch(at)[row]]) if len(at) else at
        self.proof: Ints = np.where(linked, known_at, ground.stop[stretch])
        """Where it is known what follows: behind the next header, or the end of the stretch in which the frame begins."""
        behind = at + self.header + self.length
        exact = ground.packet[np.where(linked, place, 0)] & linked
        self.exact: Flags = ~self.cut & (exact | ((self.then == ENDED) & (behind == ground.stop[stretch])))
        """Whether it ends where a packet ends."""
        self.ends: Ints = self._ends(np.minimum(ground.stop[stretch], at + np.where(self.length < SHORT, SHORT, MEDIUM)))
        """Bits for that, the fewer the more packets end within its reach."""

    def _ends(self, until: Ints) -> Ints:
        starts = self._ground.starts
        near = np.maximum(starts.searchsorted(until, side="right") - starts.searchsorted(self.at, side="right"), 1)
        bits = np.where(self.length < SHORT, SHORT_BITS, LONG_BITS) - np.ceil(np.log2(near)).astype(np.int64)
        return np.where(self.exact & (self.length < MEDIUM), np.maximum(bits, 0), 0)

    def _weigh(self, data: Bytes, begin: int, habits: Habits) -> None:
        """Bits that speak for each header by itself."""
        at = self.at - begin
        ahead = np.minimum(at[:, None] + np.arange(4 * PERIOD), len(data) - 1)
        self.hollow: Flags = (data[ahead[:, :-PERIOD]] == data[ahead[:, PERIOD:]]).all(axis=1)
        """Bytes that repeat themselves, and what else says nothing."""
        halves = data[ahead].view("<u8")
        self.look: npt.NDArray[np.uint64] = halves[:, 0] * MIXED[0] ^ halves[:, 1] * MIXED[1]
        """Stands for the 16 bytes that begin with a header."""
        self.long: Flags = self.length >= SHORT
        bits = np.full(len(at), LEGAL_BITS) + np.where(self.long, np.where(self.length < MEDIUM, MEDIUM_BITS, LARGE_BITS), 0)
        self._same = np.where(self.long, SAME_LONG, SAME_SHORT)
        known = np.isin(self._signature(self.first, self.length), self._signature(habits.first, habits.length))
        self.usual: Flags = known & ~self.hollow & ~self.cut
        bits += np.where(self.usual, self._same, 0) + self._content(data, begin)
        # Zeros, and lengths of 16 bits in front of other protocols' messages, look like frames in the middle of a message.
        self.hollow |= (self.first == 0) | ((self.length == 0) & (self.first < FINAL))
        self.bits: Ints = np.where(self.hollow | self.cut, 0, bits)

    def _content(self, data: Bytes, begin: int) -> Ints:
        """Bits for what can be read: letters, JSON, close codes. `told` is the place by which a header's bits are known."""
        self.told: Ints = self.at + self.header
        bits = np.zeros(len(self.at), np.int64)
        if not len(bits):
            return bits
        opcode, body = self.first & 15, self.at - begin + self.header
        opener = data[np.minimum(body, len(data) - 1)]
        if self._masked:
            opener = opener ^ data[np.maximum(body - 4, 0)]
        texts = (self.first & 0x7F == Opcode.TEXT) & ((opener == ord("{")) | (opener == ord("[")) | self._ground.packet[self.at])
        closes = (opcode == Opcode.CLOSE) & (self.length > 1) & self._ground.packet[self.at]
        rows = np.flatnonzero((texts | closes) & ~self.cut & ~self.hollow)[:QUOTED]
        stretch = self._ground.stretch(self.at[rows])
        ends, over = (self._ground.stop[stretch] - begin).tolist(), self._ground.ends_here[stretch].tolist()
        for row, start, end, ended in zip(rows.tolist(), body[rows].tolist(), ends, over, strict=True):
            length = int(self.length[row])
            stop = min(start + length, start + READ)
            if stop > end and not ended:
                continue  # the rest will come
            content = data[start : min(stop, end)].tobytes()
            self.told[row] = begin + min(stop, end)
            if self._masked:
                key = data[start - 4 : start].tobytes()
                content = bytes(byte ^ key[place & 3] for place, byte in enumerate(content))
            bits[row] = _text_bits(content, length) if texts[row] else _close_bits(content)
        return bits

    @staticmethod
    def _signature(first: Bytes, length: Ints) -> Ints:
        return length << 8 | first

    def earliest(self, reach: int, doubt: int) -> int | None:
        """Stream offset of the header whose chain is proven first."""
        rows = len(self.at)
        row = start = np.arange(rows)
        needs = np.where(self._ground.packet[self.at], AT_PACKET, ANYWHERE) + doubt
        score, inside = np.zeros(rows, np.int64), np.full(rows, -1, np.int8)
        proof = np.zeros(rows, np.int64)
        past: list[npt.NDArray[np.uint64]] = []
        for count in range(1, LONGEST + 1):
            good, inside = self._fits(row, inside)
            look = self.look[row]
            fresh = ~np.logical_or.reduce([look == one for one in past]) if past else np.ones(len(row), np.bool_)
            score = score + np.where(fresh, self.bits[row], 0)
            if count == 1:
                proof = np.where(good & (score >= SURE), self.told, NOWHERE)
            then = self.then[row]
            score = score + np.where(self.hollow[row] | ~fresh, 0, self.ends[row])
            far = (count >= PROVEN) | (self.proof[row] - self.at[start] >= FAR)
            enough = good & (score >= needs[start]) & (self.leaves[row] | ((then == LINK) & far))
            proof[start[enough]] = np.minimum(proof[start[enough]], self.proof[row[enough]])
            on = good & (then == LINK) & (proof[start] == NOWHERE)
            if not on.any():
                break
            start, row, score, inside = start[on], row[on], score[on], inside[on]
            past = [one[on] for one in (*past, look)[-ECHOES:]]
            after = self.next[row]
            same = (self.first[row] == self.first[after]) & (self.length[row] == self.length[after]) & ~self.cut[after]
            same &= self.look[row] != self.look[after]
            score = score + np.where(same & ~self.usual[after] & ~self.hollow[after], self._same[after], 0)
            row = after
        proof[proof - self.at > reach] = NOWHERE
        return self._begin(int(np.argmin(proof))) if rows and proof.min() < NOWHERE else None

    def _begin(self, proven: int) -> int | None:
        """Stream offset of the earliest header from which sure frames lead to a proven one; or of one behind it when it is
        doubtful itself.
        """
        leads = [*([False] * proven), True]
        then, nexts = self.then[:proven].tolist(), self.next[:proven].tolist()
        for row in range(proven - 1, -1, -1):
            leads[row] = then[row] == LINK and nexts[row] <= proven and leads[nexts[row]]
        found = [self._sure(row) for row in np.flatnonzero(leads).tolist() if self._agree(row, proven)]
        begin = min((row for row in found if row is not None), default=None)
        return None if begin is None else self._ground.offset(int(self.at[begin]))

    def _agree(self, row: int, proven: int) -> bool:
        """Whether the frames from one header to a later one that it leads to can follow one another."""
        rows = [row]
        while rows[-1] != proven:
            rows.append(int(self.next[rows[-1]]))
        inside = np.full(1, -1, np.int8)
        for one in rows:
            good, inside = self._fits(np.array([one]), inside)
            if not good[0]:
                return False
        return True

    def _fits(self, row: npt.NDArray[np.intp], inside: npt.NDArray[np.int8]) -> tuple[Flags, npt.NDArray[np.int8]]:
        """Whether a frame may come here in its message (RFC 6455 section 5.4), and whether a message is open behind it: 1 or 0,
        -1 while that is not known, 2 behind a close frame.
        """
        opcode, fin = self.first[row] & 15, self.first[row] >> 7
        data = opcode < Opcode.CLOSE
        goes_on = opcode == Opcode.CONTINUATION
        good = (inside < 2) & (~data | (inside < 0) | (goes_on == (inside == 1)))  # noqa: PLR2004 - see above
        behind = np.where(data, 1 - fin, np.where(opcode == Opcode.CLOSE, 2, inside)).astype(np.int8)
        return good, behind

    def _sure(self, row: int) -> int | None:
        """The first header of a proven chain that is not doubtful."""
        for _ in range(DOUBTFUL):
            if self._strong(row):
                break
            row = int(self.next[row])
            if row < 0:
                return None
        return row

    def _strong(self, row: int) -> bool:
        """Whether enough speaks for this frame alone, given that what it leads to is true."""
        bits, after = int(self.bits[row]), int(self.next[row])
        if bits >= SURE:
            return True
        if after >= 0 and self.look[row] == self.look[after]:
            return self._writes_packets(row)
        if self.then[row] != OPEN and not self.cut[row]:
            bits += LONG_BITS if self.long[row] and self.length[row] < MEDIUM else SHORT_BITS
        if after >= 0 and not self.usual[row] and self.first[row] == self.first[after] and self.length[row] == self.length[after]:
            bits += int(self._same[row])
        here = bool(self._ground.packet[self.at[row]])
        # Anywhere, 2**16 places before a header could hold one whose 16 bits of length lead to it.
        wanted = STRONG if here or not self.long[row] or self.usual[row] else STRONG + SAME_LONG
        return bits >= wanted or self._writes_packets(row)

    def _writes_packets(self, row: int) -> bool:
        """Whether this frame and the next ones are a packet each."""
        for _ in range(ALIGNED):
            end = int(self.at[row] + self.header[row] + self.length[row])
            inside = self._ground.packet[int(self.at[row]) + 1 : min(end, len(self._ground.bytes))]
            if not self._ground.packet[self.at[row]] or not self.exact[row] or inside.any():
                return False
            row = int(self.next[row])
            if row < 0:
                return False
        return True


def _text_bits(content: bytes, length: int) -> int:
    """What a text weighs: letters, or a whole JSON value."""
    try:
        text = content.decode() if len(content) == length else content.decode("utf-8", "ignore")
    except UnicodeDecodeError:
        return 0
    if any(not letter.isprintable() and letter not in "\t\r\n" for letter in text):
        return 0
    if len(content) == length and text[:1] in ("{", "["):
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            return 0
        return JSON_BITS
    return min(TEXT_BITS, int(LETTER_BITS * len(text)))


def _close_bits(content: bytes) -> int:
    """What a close frame weighs (RFC 6455 section 5.5.1)."""
    reason = content[2:]
    if int.from_bytes(content[:2], "big") not in KNOWN_CODES or (reason and not _text_bits(reason, len(reason))):
        return 0
    return CODE_BITS + min(TEXT_BITS, int(LETTER_BITS * len(reason)))
