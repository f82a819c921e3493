"""What a track sounds like under the best guess: decoded as what it really is, beside what was declared.

In: the bytes as sent, in a `Store`, and the `ActualFormat` that they were found to be. Out: a WAV file, and how long it is. What
they are wrapped in comes off first, and what is inside is looked at anew; headers amid raw audio and bytes of no whole sample are
left out. Raw audio streams through, what else there is goes to the decoders.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from analyzer.audio.alignment import realigned
from analyzer.audio.codecs import PACKETS, RAW, RawCodec, Torn, usable
from analyzer.audio.decode import Recorder, decode_bare, decode_container
from analyzer.audio.sniff import WRAPPINGS, sniff
from analyzer.audio.store import Store
from analyzer.audio.unwrap import Piece, unwrapped
from analyzer.audio.wav import WavWriter
from analyzer.model.limits import Limits
from analyzer.model.streams import Bytes
from analyzer.model.track import ActualFormat, AudioFormat

_USUAL_RATE = 16_000
"""Hz, where nothing tells the rate."""
_SNIFFED = 8192
_BLOCK = 1 << 18
"""Bytes decoded at once, about."""
_HEADER = re.compile(rb"RIFF.{4}WAVEfmt .{4}", re.DOTALL)
_LONGEST_HEADER = 256
"""Bytes of a WAV header amid audio: farther on its `data` is not looked for."""
_BARE = frozenset({*PACKETS, "amr-nb", "amr-wb"})
"""Codecs whose packets or frames decode without a container."""


def decode(store: Store, actual: ActualFormat, declared: AudioFormat, limits: Limits, record: Recorder) -> float | None:
    """Write the WAV file that `record` starts; returns its seconds, None where nothing came out."""
    container = actual.container
    if container in WRAPPINGS:
        inside = Store(limits)
        try:
            for piece in unwrapped(container or "", _messages(store)):
                _put(inside, piece)
            return _inside(inside, replace(actual, container=None), declared, limits, record)
        finally:
            inside.discard()
    if actual.encoding in RAW and container in (None, "wav"):
        return _raw(store.stream(), actual, declared, record)
    if container is not None:
        decoded = decode_container(store, container, None, limits, record)
    elif actual.encoding in _BARE:
        form = AudioFormat(None, actual.encoding, actual.sample_rate, actual.channels)
        decoded = decode_bare(store, form, limits, record)
    else:
        return None
    return decoded.measured.duration_s if decoded.frames else None


def _messages(store: Store) -> Iterator[Piece]:
    """Whole messages; a torn one cannot be unwrapped, so that it is missing as a whole."""
    for message in store.messages():
        if isinstance(message, Torn):
            yield sum(piece if isinstance(piece, int) else len(piece) for piece in message.pieces)
        else:
            yield message


def _inside(store: Store, actual: ActualFormat, declared: AudioFormat, limits: Limits, record: Recorder) -> float | None:
    """What was in a wrapping: a container of its own, or what was declared where nothing else is known."""
    store.file.seek(0)
    found = sniff(store.file.read(_SNIFFED))
    if found is not None:
        if found.container in WRAPPINGS:
            return None
        rate, channels = found.sample_rate, found.channels
        actual = replace(actual, container=found.container, encoding=found.encoding, sample_rate=rate, channels=channels)
    elif actual.encoding is None:
        actual = replace(actual, encoding=declared.encoding)
    return decode(store, actual, declared, limits, record)


def _put(store: Store, piece: Piece) -> None:
    if isinstance(piece, int):
        store.lose(piece)
    else:
        store.feed(np.frombuffer(piece, np.uint8), np.array([len(piece)], np.int64))


def _raw(pieces: Iterable[Piece], actual: ActualFormat, declared: AudioFormat, record: Recorder) -> float | None:
    """Raw samples, straight into the file."""
    rate, channels = usable(actual.sample_rate or declared.sample_rate, actual.channels or declared.channels)
    rate = rate or _USUAL_RATE
    codec = RAW[actual.encoding or ""](channels)
    wav = record(rate, channels, codec.subtype)
    if wav is None:
        return None
    frames = sum(_write(wav, codec, piece) for piece in _samples(pieces, actual))
    return round(frames / rate, 6) if frames else None


def _samples(pieces: Iterable[Piece], actual: ActualFormat) -> Iterator[Bytes | int]:
    """The bytes of the samples alone, and holes."""
    joined = _joined(pieces)
    if actual.encoding == "linear16" and (actual.offset or actual.shifted_at is not None):
        yield from realigned(piece for piece in joined if isinstance(piece, bytes))
        return
    left_out = actual.offset
    for piece in _without_headers(joined) if actual.container == "wav" else joined:
        if isinstance(piece, int):
            yield piece
        else:
            yield np.frombuffer(piece, np.uint8)[left_out:]
            left_out = max(left_out - len(piece), 0)


def _joined(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """The same bytes in blocks that are worth a call."""
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        if isinstance(piece, bytes):
            held.append(piece)
            size += len(piece)
            if size < _BLOCK:
                continue
        yield b"".join(held)
        held, size = [], 0
        if isinstance(piece, int):
            yield piece
    yield b"".join(held)


def _without_headers(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """The bytes without WAV headers among them, up to the audio that each announces."""
    held = b""
    for piece in pieces:
        if isinstance(piece, int):
            yield _cut(held)
            yield piece
            held = b""
            continue
        held += piece
        whole = max(len(held) - _LONGEST_HEADER, 0)
        last = held.rfind(b"RIFF", max(whole - _LONGEST_HEADER, 0))
        whole = last if 0 <= last < whole else whole
        yield _cut(held[:whole])
        held = held[whole:]
    yield _cut(held)


def _cut(block: bytes) -> bytes:
    kept, at = [], 0
    for header in _HEADER.finditer(block):
        data = block.find(b"data", header.end(), header.start() + _LONGEST_HEADER)
        kept.append(block[at : header.start()])
        at = data + 8 if data >= 0 else header.end()
    return b"".join([*kept, block[at:]])


def _write(wav: WavWriter, codec: RawCodec, piece: Bytes | int) -> int:
    if isinstance(piece, int):
        frames = codec.lose(piece)
        wav.silence(frames)
        return frames
    codes = codec.take(piece)
    if len(codes):
        wav.write(codec.samples(codes))
    return len(codes)
