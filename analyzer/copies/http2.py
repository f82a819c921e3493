"""One stream of an HTTP/2 connection written anew without the others (RFC 9113, RFC 8441).

In: what is kept of the connection, and the bytes of a direction with their holes. Out: another stream of bytes, and where in it
those of the first one stand. It has the frames of the connection itself and of the one stream: DATA with what is left of their
content, headers as literals that need no table (RFC 7541 section 6.2.2), so that those of other streams are not missed, not even
those that cannot be read. What is not known to be one of these is left out; words about the connection stay if the stream is alone.
"""

from collections.abc import Callable, Iterator

from analyzer.copies.cover import covered, overwritten
from analyzer.copies.frames import FAR, Patches
from analyzer.copies.multiplexed import Fields, Multiplexed, UnsureError
from analyzer.copies.places import Places
from analyzer.copies.store import StreamStore, differing
from analyzer.model.dataclass import dataclass
from analyzer.model.http2 import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    FIXED,
    GOAWAY,
    HEADERS,
    PADDED,
    PING,
    PREFACE,
    RST_STREAM,
    SETTING,
    SETTINGS,
    USUAL_SIZE,
    WINDOW_UPDATE,
)
from analyzer.model.limits import Limits
from analyzer.model.redact import Secrets
from analyzer.model.schema import Side

HEADER = 9
FLAGS = {DATA: END_STREAM | PADDED, HEADERS: END_STREAM | END_HEADERS, CONTINUATION: END_HEADERS, SETTINGS: ACK, PING: ACK}
"""Flags that mean something in the copy."""
LAST_WORDS = 8
"""Bytes of a GOAWAY in front of words."""
KNOWN_SETTINGS = range(1, 10)
"""Of these it is known that they are numbers (section 6.5.2, RFC 8441, RFC 9218); others hold what anyone likes (RFC 8701)."""
LONGEST = (1 << 24) - 1
MASK = 0x7FFFFFFF
UNREADABLE = b"\x80"
"""In place of headers that could not be read, and are not to be read now: an index of 0 (RFC 7541 section 6.1)."""
LONG = 127
"""From there on a length takes more than a byte (section 5.1)."""
READ = 1 << 16
"""Bytes read at once to find headers."""


@dataclass(frozen=True, slots=True)
class _Frame:
    """A frame: its header, where it begins, where what is known of it ends, and where it ends."""

    header: bytes
    at: int
    stop: int
    end: int

    @property
    def kind(self) -> int:
        return self.header[3]

    @property
    def flags(self) -> int:
        return self.header[4]

    @property
    def stream(self) -> int:
        return int.from_bytes(self.header[5:], "big") & MASK

    @property
    def size(self) -> int:
        """Of the payload, as the header has it."""
        return self.end - self.at - HEADER

    def headed(self, size: int, flags: int, kind: int | None = None) -> bytes:
        """Another header in its stream."""
        return size.to_bytes(3, "big") + bytes([self.kind if kind is None else kind, flags]) + self.stream.to_bytes(4, "big")


class Rewriter:
    """One direction, written once. `kept` are its bytes, `patches` what becomes of the content, which is free of secrets by now;
    `clean` gives what may be said of headers.
    """

    def __init__(
        self,
        kept: StreamStore,
        stream: Multiplexed,
        side: int,
        patches: Patches,
        clean: Callable[[Fields], Fields],
        secrets: Secrets,
        limits: Limits,
    ) -> None:
        self.store = StreamStore(limits.copied_stream)
        self.places = Places()
        self.overwritten = 0
        self._kept = kept
        self._stream = stream
        self._side = side
        self._patches = patches
        self._clean = clean
        self._secrets = secrets
        self._most_frames = limits.http_head
        """Of a block of headers: more would have no byte each."""
        self._next = 0
        """Where the next byte goes."""
        self._from, self._window = 0, b""
        """Bytes ahead, and where they begin."""
        self._block: list[_Frame] = []
        """The frames of headers that go on."""
        self._used = self._inside = 0
        """Content used so far: rows of it, and bytes of the next one."""

    def run(self, role: Side) -> None:
        """The whole direction. Raises UnsureError."""
        begin, end = self._stream.begins[self._side], self._kept.end
        self._same(0, begin)
        at = self._preface(begin) if role is Side.CLIENT else begin
        for lost, found in (*self._stream.astray[self._side], (FAR, FAR)):
            if found <= at:
                continue
            at, missing = self._frames(at, min(end, found), lost)
            if lost == FAR:
                break
            self._end_block(whole=False)
            self._hole(at, found, max(found - at, missing))
            at = found
        self._end_block(whole=False)
        self._emit(at, max(at, end), b"")
        if self._used < len(self._stream.sizes[self._side]):
            raise UnsureError

    def _frames(self, at: int, end: int, lost: int) -> tuple[int, int]:
        """The frames up to where the next header is lost; gives that place, and how much of the copy has to be missing there."""
        while at < end and lost >= at + HEADER and (header := self._ahead(at)):
            after = at + HEADER + int.from_bytes(header[:3], "big")
            frame = _Frame(header, at, min(after, lost), after)
            self._frame(frame)
            at = frame.stop
            if frame.stop < after:  # nobody is to find the next frame by its length
                return at, after - at + HEADER
        return at, 1

    def _ahead(self, at: int) -> bytes:
        """The header of a frame; nothing where it is not all there. Many are read at once."""
        if not self._from <= at <= self._from + len(self._window) - HEADER:
            there = self._kept.there(at, at + READ)
            self._from, self._window = at, self._kept.read(*there[0]) if there and there[0][0] == at else b""
        header = self._window[at - self._from : at - self._from + HEADER]
        return header if len(header) == HEADER else b""

    def _preface(self, begin: int) -> int:
        """What a client sends first, as far as it is there (section 3.4); gives where it ends."""
        there = self._kept.there(begin, begin + len(PREFACE))
        end = begin
        for one, two in there:
            end = two if one == end else end
        content = self._kept.read(begin, end)
        self._emit(begin, end, content if PREFACE.startswith(content) else overwritten(content))
        return end

    def _frame(self, frame: _Frame) -> None:
        own = frame.stream == self._stream.number
        goes_on = own and frame.kind == CONTINUATION and bool(self._block)
        if not goes_on:
            self._end_block(whole=False)
        if own and (frame.kind == HEADERS or goes_on):
            self._block.append(frame)
            if len(self._block) > self._most_frames:
                raise UnsureError
            if frame.flags & END_HEADERS:
                self._end_block(whole=True)
        elif own and frame.kind == DATA:
            self._data(frame)
        elif frame.kind == HEADERS and self._stream.blocks[self._side].get(frame.at) == []:
            self._emit(frame.at, frame.stop, frame.headed(0, frame.flags & END_STREAM | END_HEADERS))
        elif _stays(frame, own=own):
            self._header(frame)
            self._other(frame.kind, frame.at + HEADER, frame.stop)
        else:
            self._emit(frame.at, frame.stop, b"")

    def _other(self, kind: int, begin: int, end: int) -> None:
        """The payload of a frame that says nothing of content and headers."""
        payload = self._kept.read(begin, end)
        if kind == PING or not self._there(begin, end):
            payload = overwritten(payload)
        elif kind == SETTINGS:
            payload = b"".join(
                one if int.from_bytes(one[:2], "big") in KNOWN_SETTINGS else overwritten(one)
                for one in (payload[at : at + SETTING] for at in range(0, len(payload), SETTING))
            )
        elif kind == GOAWAY:
            words = payload[LAST_WORDS:]
            payload = payload[:LAST_WORDS] + (covered(words, self._secrets) if self._stream.alone else overwritten(words))
        self._write(begin, end, payload)

    # Content

    def _data(self, frame: _Frame) -> None:
        """DATA, as long as what became of its content; padding is overwritten, too."""
        begin, padding = frame.at + HEADER, 0
        padded = bool(frame.flags & PADDED) and frame.end > begin
        first = begin + padded
        if padded:
            if not self._there(begin, first) or begin >= frame.stop:  # how much of it is padding is not known
                self._header(frame)
                self._write(begin, frame.stop, overwritten(bytes(frame.stop - begin)))
                return
            padding = min(self._kept.read(begin, first)[0], frame.end - first)
        last = min(frame.end - padding, frame.stop)
        parts = list(self._contents(first, max(first, last)))
        length = sum(size for _, _, size, _ in parts) + padded + frame.end - max(first, last)
        if length > LONGEST:
            raise UnsureError
        self._emit(frame.at, begin, frame.headed(length, frame.flags & FLAGS[DATA]))
        if padded:
            self._same(begin, first)
        for one, two, size, content in parts:
            if content is None:
                self._hole(one, two, size)
            else:
                self._emit(one, two, content)
        if max(first, last) < frame.stop:
            self._write(max(first, last), frame.stop, overwritten(bytes(frame.stop - max(first, last))))

    def _contents(self, begin: int, end: int) -> Iterator[tuple[int, int, int, bytes | None]]:
        """Stretches of content: where they lie, how long they are to be, and what they are, None for a hole."""
        at = begin
        for one, two in self._kept.pieces(begin, end):
            if one > at:
                yield at, one, one - at, None
            content = b"".join(self._taken(two - one))
            yield one, two, len(content), content
            at = two
        if end > at:
            yield at, end, end - at, None

    def _taken(self, size: int) -> Iterator[bytes]:
        """What became of the next so many bytes of content."""
        sizes, starts = self._stream.sizes[self._side], self._stream.starts[self._side]
        while size:
            if self._used == len(sizes):
                raise UnsureError
            take = min(size, sizes[self._used] - self._inside)
            start = starts[self._used] + self._inside
            if starts[self._used] < 0:
                self.overwritten += take
                yield overwritten(bytes(take))
            else:
                yield self._patches.read(self._stream.contents[self._side], start, start + take)
            size -= take
            self._inside += take
            if self._inside == sizes[self._used]:
                self._used, self._inside = self._used + 1, 0

    # Headers

    def _end_block(self, *, whole: bool) -> None:
        """Headers are over; those that are not whole, or could not be read, cannot be read in the copy either."""
        frames, self._block = self._block, []
        fields = self._stream.blocks[self._side].get(frames[0].at) if frames else None
        if fields is not None and not whole:  # other frames stood in between (section 4.3)
            raise UnsureError
        if fields is None:
            for frame in frames:
                self._header(frame)
                self._write(frame.at + HEADER, frame.stop, UNREADABLE * (frame.stop - frame.at - HEADER))
            return
        clean = self._clean(fields)
        self.overwritten += sum(differing(_bytes(old), _bytes(new)) for (_, old), (_, new) in zip(fields, clean, strict=True))
        block = b"".join(b"\0" + _string(name) + _string(value) for name, value in clean)
        begin, end = frames[0].at, frames[-1].end
        done = 0
        for row, frame in enumerate(frames):  # each packet keeps its share of them
            until = (frame.end - begin) * len(block) // (end - begin)
            parts = [block[at : min(at + USUAL_SIZE, until)] for at in range(done, until, USUAL_SIZE)] or [b""]
            done = until
            content = b""
            for number, part in enumerate(parts):
                first, last = row == number == 0, row == len(frames) - 1 and number == len(parts) - 1
                flags = (frame.flags & END_STREAM if first else 0) | (END_HEADERS if last else 0)
                content += frame.headed(len(part), flags, HEADERS if first else CONTINUATION) + part
            self._emit(frame.at, frame.end, content)

    # Bytes

    def _there(self, begin: int, end: int) -> bool:
        """Whether a whole stretch is there."""
        return sum(two - one for one, two in self._kept.there(begin, end)) == end - begin

    def _header(self, frame: _Frame) -> None:
        """The header that there was, but for what means nothing in it."""
        self._emit(frame.at, frame.at + HEADER, frame.headed(frame.size, frame.flags & FLAGS.get(frame.kind, 0)))

    def _emit(self, begin: int, end: int, content: bytes) -> None:
        """What becomes of a stretch."""
        self.places.add(begin, self._next)
        self.store.add(self._next, content)
        self._next += len(content)
        self.places.add(end, self._next)

    def _hole(self, begin: int, end: int, size: int) -> None:
        """A stretch of which nothing is known, as long as this."""
        self.places.add(begin, self._next)
        self._next += size
        self.places.add(end, self._next)

    def _write(self, begin: int, end: int, content: bytes) -> None:
        """As much of other bytes as there was."""
        zero = self._next - begin
        self._hole(begin, end, end - begin)
        for one, two in self._kept.there(begin, end):
            self.store.add(zero + one, content[one - begin : two - begin])

    def _same(self, begin: int, end: int) -> None:
        """The bytes that there were."""
        zero = self._next - begin
        self._hole(begin, end, end - begin)
        for one, two in self._kept.pieces(begin, end):
            self.store.add(zero + one, self._kept.read(one, two))


def _stays(frame: _Frame, *, own: bool) -> bool:
    """Whether a frame without content and headers is one of the connection itself, or of the stream, and as it should be."""
    kind, size = frame.kind, frame.size
    if own:
        return kind in (RST_STREAM, WINDOW_UPDATE) and size == FIXED[kind]
    if frame.stream:
        return False
    if kind in (PING, WINDOW_UPDATE):
        return size == FIXED[kind]
    if kind == SETTINGS:
        return size % SETTING == 0 and size <= (0 if frame.flags & ACK else USUAL_SIZE)
    return kind == GOAWAY and LAST_WORDS <= size <= USUAL_SIZE


def _bytes(text: str) -> bytes:
    return text.encode("latin-1", "replace")


def _string(text: str) -> bytes:
    """A string literal without Huffman coding (RFC 7541 section 5.2)."""
    content = _bytes(text)
    size = len(content)
    if size < LONG:
        return bytes([size]) + content
    length, rest = bytearray([LONG]), size - LONG
    while rest > LONG:
        length.append(rest & LONG | LONG + 1)
        rest >>= 7
    return bytes(length) + bytes([rest]) + content
