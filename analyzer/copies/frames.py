"""One direction of a WebSocket with its secrets overwritten (RFC 6455, RFC 7692): frames keep their places, masks and headers.

In: the direction's bytes and where frames lie in them. Out: the bytes changed in place; where compressed messages had to be
deflated anew, the stretches that take the place of others. What is no frame, or cannot be read, is overwritten, unless it is audio.
"""

import re
import zlib
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from analyzer.copies.cover import covered, overwritten
from analyzer.copies.places import Places
from analyzer.copies.store import StreamStore, differing
from analyzer.model.dataclass import dataclass
from analyzer.model.limits import Limits
from analyzer.model.redact import Secrets
from analyzer.model.schema import Opcode
from analyzer.model.streams import Columns

RSV1 = 4
TAIL = b"\0\0\xff\xff"
"""What is cut from the end of a compressed message (RFC 7692 section 7.2.1)."""
CODE = 2
"""Bytes of a close code."""
LONGEST_HEADER = 14
SHORT_BINARY = 512
"""A binary message up to this size may be a control word in the wrong place."""
TWO_BYTES, EIGHT_BYTES = 126, 65536
_BASE64 = re.compile(rb"[A-Za-z0-9+/\-_\r\n]{64,}={0,2}\s*")
_TEXT = re.compile(rb"(?:\xef\xbb\xbf)?[\t\n\r -~\x80-\xff]*")
"""What text may begin with: no controls but white space."""
_JSON = re.compile(rb"(?:\xef\xbb\xbf)?[\t\n\r -~]{32}")
"""What JSON begins with that is no UTF-8 further on; of compressed audio one message in 10^16 does."""
_CUT = re.compile(rb"(?:\xef\xbb\xbf)?[\t\n\r ]*[{\[][\t\n\r -~\x80-\xff]*")
"""What JSON begins with, as far as it is there."""
_BLANK = b"\xef\xbb\xbf \t\r\n"
_INJECTED = b'"Inject'
"""Begins the type of a message that has a voice agent say, or hear, its `message`; others hold errors there."""
NAMED = 64
"""Bytes of the first audio in which a container says its name; of sound they are 8 ms at the most."""
FRONT = 32
"""Bytes by which text in place of audio is told."""
_LETTERS = bytes.maketrans(bytes(range(48, 58)) + bytes(range(65, 91)) + bytes(range(97, 123)), b"x" * 62)
_SEED = 20
FAR = 1 << 62
"""Beyond any stream."""


class Inflates(Protocol):
    """What inflates the messages of a direction, one after the other."""

    def inflate(self, payload: bytes) -> bytes:
        """One message. Raises ValueError for one that cannot be read."""
        ...

    def lose(self, why: str) -> None:
        """A message is missing."""
        ...


@dataclass(frozen=True, slots=True)
class Deflate:
    """permessage-deflate of one direction: what inflates, whether its context is kept, bits of the window that was agreed on."""

    inflater: Inflates
    takeover: bool
    window: int


class Patches:
    """Stretches of a stream that others take the place of."""

    def __init__(self, limit: int) -> None:
        self.places = Places()
        self._begins, self._ends, self._news = array("q"), array("q"), array("q")
        self._store = StreamStore(limit)
        self._shift = 0

    def add(self, begin: int, end: int, content: bytes) -> None:
        """The next stretch."""
        self.places.add(begin, begin + self._shift)
        self._begins.append(begin)
        self._ends.append(end)
        self._news.append(self._store.end)
        self._store.add(self._store.end, content)
        self._shift += len(content) - (end - begin)
        self.places.add(end, end + self._shift)

    def read(self, store: StreamStore, begin: int, end: int) -> bytes:
        """A stretch of a stream as it is now."""
        parts: list[bytes] = []
        row = bisect_right(self._ends, begin)
        while row < len(self._begins) and self._begins[row] < end:
            first, last = max(begin, self._begins[row]), min(end, self._ends[row])
            parts.append(store.read(begin, first))
            zero = self._news[row] - self.places.of(self._begins[row])
            parts.append(self._store.read(zero + self.places.of(first), zero + self.places.of(last)))
            begin, row = last, row + 1
        return b"".join((*parts, store.read(begin, end)))


@dataclass(slots=True)
class _Open:
    """A message on its way: rows of its frames."""

    opcode: int
    compressed: bool
    rows: list[int]
    whole: bool = True


class FrameCover:
    """One direction. `begin` is where its frames begin, `columns` those of its frames; `heard`: its binary messages are audio,
    which is kept unless `audio` is False.
    """

    def __init__(
        self,
        store: StreamStore,
        begin: int,
        columns: Columns,
        secrets: Secrets,
        limits: Limits,
        deflate: Deflate | None,
        *,
        heard: bool,
        audio: bool,
    ) -> None:
        self._store = store
        self._limits = limits
        self._secrets = secrets
        self._spoken = replace(secrets, names=secrets.names | {"message"}) if "transcript" in secrets.names else secrets
        self._deflate = deflate
        self._heard = heard
        self._audio = audio
        self.patches = Patches(limits.copied_stream)
        self.overwritten = 0
        self._noise = np.random.default_rng(_SEED)
        """What stands in place of audio: the same each time, never silent, and no format that anyone knows."""
        self._named = NAMED
        self._compressor: Any = None
        """Once a message was changed; None before, and where a message went missing since."""
        self._dirty = False
        self._losses = 0
        self._frames(begin, columns)

    def _frames(self, begin: int, columns: Columns) -> None:
        """Where frames lie, as far as they are there."""
        at = columns["offset"] + begin
        self._head = columns["header"].astype(np.int64)
        stated = at + self._head + np.clip(columns["length"], 0, FAR)
        stop = np.minimum(stated, np.append(at[1:], np.int64(FAR)))
        self._at, self._stop = at, np.minimum(np.maximum(stop, at), max(self._store.end, begin))
        self._columns = columns
        torn = at != np.append(np.int64(begin), stated[:-1])
        self._lost = np.cumsum(torn)
        self._outside(begin, torn)

    def _outside(self, begin: int, torn: npt.NDArray[np.bool_]) -> None:
        """Overwrite what lies between frames and behind the last one, but for a header that is not whole behind a frame that is:
        it says no more than any header, and more bytes there would make one.
        """
        before, after = np.append(np.int64(begin), self._stop), np.append(self._at, np.int64(self._store.end))
        whole = np.append(np.uint8(1), self._columns["complete"])
        for row in np.flatnonzero(np.append(torn, np.bool_(1)) & (after > before)).tolist():
            one, two = int(before[row]), int(after[row])
            there = self._store.there(one, two)
            if whole[row] and there and there[0][0] == one and there[0][1] - one < LONGEST_HEADER:
                one = there[0][1]
            self._blank(one, two)

    def run(self) -> None:
        """All messages, in order."""
        columns = self._columns
        opcode, fin, rsv = (columns[name].tolist() for name in ("opcode", "fin", "rsv"))
        message: _Open | None = None
        for row in self._asked():
            if self._lost[row] != self._losses:
                self._losses = int(self._lost[row])
                self._forget()
                if message is not None:
                    self._unread(message)
                    message = None
            if opcode[row] >= Opcode.CLOSE:
                self._control(row, opcode[row])
                continue
            if opcode[row] != Opcode.CONTINUATION:
                if message is not None:
                    self._unread(message)
                message = _Open(opcode[row], self._deflate is not None and bool(rsv[row] & RSV1), [])
            elif message is None:
                message = _Open(Opcode.CONTINUATION, False, [])
            message.rows.append(row)
            message.whole &= bool(columns["complete"][row])
            if fin[row]:
                self._message(message)
                message = None
        if message is not None:
            self._unread(message)

    def _asked(self) -> Iterator[int]:
        """Rows that have to be looked at: all but whole long messages of audio that are not compressed."""
        columns = self._columns
        if self._deflate is not None and bool((columns["rsv"] & RSV1).any()):
            return iter(range(len(self._at)))
        long = (columns["opcode"] == Opcode.BINARY) & (columns["fin"] == 1) & (columns["length"] > SHORT_BINARY)
        audio = long & (self._heard and self._audio)
        return (row for row, passed in enumerate(audio.tolist()) if not passed or _TEXT.fullmatch(self._payload(row, FRONT)))

    def _message(self, message: _Open) -> None:
        """One that has its end."""
        size = sum(int(self._stop[row] - self._at[row] - self._head[row]) for row in message.rows)
        limit = self._limits.compressed_message if message.compressed else self._limits.whole
        if not message.whole or message.opcode == Opcode.CONTINUATION or size > limit:
            self._unread(message)
        elif message.compressed:
            self._inflated(message)
        else:
            payload = b"".join(self._payload(row) for row in message.rows)
            clean = self._clean(message.opcode, payload)
            if clean is not payload:
                done = 0
                for row in message.rows:
                    count = int(self._stop[row] - self._at[row] - self._head[row])
                    self._change(row, clean[done : done + count])
                    done += count

    def _clean(self, opcode: int, content: bytes) -> bytes:
        """What may be said of a message's content, in as many bytes."""
        if opcode == Opcode.TEXT and len(content) <= self._limits.whole:
            if not self._audio and _BASE64.fullmatch(content):
                return content.translate(_LETTERS)
            return covered(content, self._spoken if _INJECTED in content else self._secrets)
        if opcode == Opcode.BINARY and self._reads(content):
            return covered(content, self._secrets)
        if opcode == Opcode.BINARY and self._heard:
            return content if self._audio else self._noised(content)
        return overwritten(content)

    def _noised(self, content: bytes) -> bytes:
        """As much noise, behind what may name a container."""
        kept, self._named = content[: self._named], 0
        return kept + self._noise.integers(0, 256, len(content) - len(kept), np.uint8).tobytes()

    def _reads(self, content: bytes) -> bool:
        """Whether a binary message is text, as a control word in the wrong place is."""
        try:
            text = content.decode()
        except UnicodeDecodeError:
            return content.strip(_BLANK)[:1] in (b"{", b"[") and _JSON.fullmatch(content[:FRONT]) is not None
        return not self._heard or (_TEXT.fullmatch(content[:FRONT]) is not None and "\0" not in text)

    def _unread(self, message: _Open) -> None:
        """One that cannot be read. Audio stays as it is."""
        if message.compressed:
            self._forget()
        audio = message.opcode == Opcode.BINARY and self._heard and self._audio and not message.compressed
        if audio and not _CUT.fullmatch(self._payload(message.rows[0], min(FRONT, self._unbroken(message.rows[0])))):
            return
        for row in message.rows:
            self._blank(int(self._at[row] + self._head[row]), int(self._stop[row]), row)

    def _control(self, row: int, opcode: int) -> None:
        """A control frame; the code of a close stays."""
        payload = self._payload(row)
        # What a report would quote: the code, and the reason as far as it is there.
        kept = min(self._limits.whole, self._unbroken(row)) if opcode == Opcode.CLOSE else 0
        clean = payload[: min(kept, CODE)] + covered(payload[CODE:kept], self._secrets) + overwritten(payload[kept:])
        self._change(row, clean)

    # Compression

    def _forget(self) -> None:
        """A message is missing: nobody knows the context any more."""
        self._compressor = None
        if self._deflate is not None:
            self._deflate.inflater.lose("a message is missing")

    def _inflated(self, message: _Open) -> None:
        """A compressed message: deflated anew where it, or one that it may refer to, was changed."""
        assert self._deflate is not None
        payload = b"".join(self._payload(row) for row in message.rows)
        try:
            content = self._deflate.inflater.inflate(payload)
        except ValueError:
            self._compressor = None
            message.compressed = False
            message.opcode = Opcode.CONTINUATION
            self._unread(message)
            return
        clean = self._clean(message.opcode, content)
        if clean == content and not self._dirty:
            return
        self.overwritten += differing(content, clean)
        if self._compressor is None or not self._deflate.takeover:
            self._compressor = zlib.compressobj(wbits=-max(9, self._deflate.window))
        self._dirty = self._deflate.takeover
        again = self._compressor.compress(clean) + self._compressor.flush(zlib.Z_SYNC_FLUSH)
        self._rewrite(message.rows, again.removesuffix(TAIL), len(payload))

    def _rewrite(self, rows: list[int], payload: bytes, before: int) -> None:
        """Frames with another payload, of which each gets the share that it had."""
        passed = done = 0
        for row in rows:
            begin, stop, head = int(self._at[row]), int(self._stop[row]), int(self._head[row])
            passed += stop - begin - head
            end = passed * len(payload) // before if before else len(payload)
            part, done = payload[done:end], end
            header = self._store.read(begin, begin + head)
            self.patches.add(begin, stop, _header(header, stop - begin - head, len(part)) + self._masked(row, part))

    # Bytes

    def _unbroken(self, row: int) -> int:
        """Bytes of a frame's payload in front of a hole."""
        begin = int(self._at[row] + self._head[row])
        there = self._store.there(begin, int(self._stop[row]))
        return there[0][1] - begin if there and there[0][0] == begin else 0

    def _payload(self, row: int, most: int = FAR) -> bytes:
        """The payload of a frame, or the first bytes of it, unmasked."""
        begin = int(self._at[row] + self._head[row])
        return self._masked(row, self._store.read(begin, min(int(self._stop[row]), begin + most)))

    def _masked(self, row: int, content: bytes, at: int = 0) -> bytes:
        """Content with the frame's mask on it, or without (RFC 6455 section 5.3); it begins at byte `at` of the payload."""
        if not self._columns["masked"][row] or not content:
            return content
        turns = int(self._columns["key"][row]).to_bytes(4, "big") * (len(content) // 4 + 2)
        mask = np.frombuffer(turns, np.uint8, len(content), at % 4)
        return (np.frombuffer(content, np.uint8) ^ mask).tobytes()

    def _change(self, row: int, clean: bytes) -> None:
        self.overwritten += self._store.change(int(self._at[row] + self._head[row]), self._masked(row, clean))

    def _blank(self, begin: int, end: int, row: int | None = None) -> None:
        """Overwrite some bytes, those of a frame's payload under its mask; holes and long stretches cost no memory."""
        for at, stop in self._store.pieces(begin, end):
            content = self._store.read(at, stop)
            if row is None:
                clean = overwritten(content).translate(_NO_ENDS)
            else:
                turned = (at - begin) % 4
                clean = self._masked(row, overwritten(self._masked(row, content, turned)), turned)
            self.overwritten += self._store.change(at, clean)


_NO_ENDS = bytes.maketrans(b"\r\n", b"xx")


def _header(old: bytes, was: int, length: int) -> bytes:
    """A frame header with another length, written as short as before or, where it was longer than it need be, as long."""
    masked = old[1] & 0x80
    room = len(old) - 2 - (4 if masked else 0)
    if room == _room(was) or room < _room(length):
        room = _room(length)
    code = {0: length, 2: TWO_BYTES, 8: TWO_BYTES + 1}[room]
    return bytes([old[0], masked | code]) + (length.to_bytes(room, "big") if room else b"") + (old[-4:] if masked else b"")


def _room(length: int) -> int:
    return 0 if length < TWO_BYTES else 2 if length < EIGHT_BYTES else 8
