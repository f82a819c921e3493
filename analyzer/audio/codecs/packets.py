"""Codec packets without a container, one message after another: raw Opus, Speex and G.729, decoded by FFmpeg.

In: messages in order, whole, torn or missing. Out: a `Sound` in which a packet that is lost, or does not decode, is
silence of the same length, so that time stays true.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from analyzer.audio.codecs import opus, speex
from analyzer.audio.codecs.ffmpeg import decoder, integers
from analyzer.audio.codecs.sound import Sound, UndecodableError, joined, silence
from analyzer.model.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Torn:
    """A message of which bytes are missing: its bytes, and a number for so many missing ones."""

    pieces: tuple[bytes | int, ...]


Packet = bytes | int | Torn
"""A message's bytes, or how many bytes are missing here that belong to no message at hand."""

_DECODERS = {"opus": ("opus", "libopus"), "speex": ("speex", "libspeex"), "g729": ("g729",), "g722": ("g722",)}
"""The one that the `ffmpeg` program takes comes first: others differ by more than rounding."""
_G729_FRAME, _G729_SILENCE = 10, 2
"""Bytes of 10 ms of speech (ITU-T G.729 at 8 kbit/s), and of comfort noise (Annex B), which may end a
packet (RFC 3551 section 4.5.6)."""
_G729_SAMPLES = 80
_RATES = {"opus": opus.RATE, "speex": 8000, "g729": 8000, "g722": 16000}
_SPEEX_FRAME = 0.02
_SHORTEST = 3
"""Bytes of a packet that must give audio: one or two stand for silence (RFC 6716 section 2.1.9)."""

ENCODINGS = frozenset(_DECODERS)


def open_sound(encoding: str, packets: Iterator[Packet], sample_rate: int | None, channels: int, *, framed: bool = True) -> Sound:
    """Start decoding. Raises UndecodableError where this FFmpeg has no such decoder. Without `framed` messages end anywhere, in
    the middle of G.729 frames as well.
    """
    rate = sample_rate if encoding == "speex" and sample_rate in speex.RATES else _RATES[encoding]
    if channels > (2 if encoding == "opus" else 1):
        msg = f"packets of {encoding} do not hold {channels} channels"
        raise UndecodableError(msg)
    sound = Sound(rate, channels, 16, encoding, iter(()))
    extradata = b""
    if encoding == "speex":
        first = next(packets, b"")
        extradata = speex.header(rate, max(speex.frames(first), 1) if isinstance(first, bytes) else 1)
        packets = chain((first,), packets)
    context = decoder(encoding, _DECODERS[encoding], rate, channels, extradata)
    if encoding == "g729":
        sound.blocks = joined(_g729(context, _frames_of(packets, framed=framed), sound))
    else:
        sound.blocks = joined(_decoded(context, packets, sound))
    return sound


def _samples(context: Any, packet: bytes, sound: Sound) -> npt.NDArray[Any]:  # noqa: ANN401 - untyped library
    """What a packet decodes to, nothing where it does not."""
    import av  # noqa: PLC0415 - loaded with the context

    try:
        pieces = [integers(one, sound) for one in context.decode(av.Packet(packet)) if one.layout.nb_channels == sound.channels]
    except (av.FFmpegError, ValueError):
        pieces = []
    return np.concatenate(pieces) if pieces else np.zeros((0, sound.channels), np.int16)


def _decoded(context: Any, packets: Iterator[Packet], sound: Sound) -> Iterator[npt.NDArray[Any]]:  # noqa: ANN401
    """Samples of every packet of Opus or Speex, silence for those without."""
    length, sizes, lost = round(sound.sample_rate * _SPEEX_FRAME), 0, 0
    for packet in packets:
        if isinstance(packet, int):
            mean = sizes / sound.packets if sound.packets else 0
            frames = max(round(packet / mean), 1) * length if mean else 0
            lost += frames
            yield from silence(frames, sound.channels, sound.bits)
            continue
        if isinstance(packet, Torn):
            first = packet.pieces[0]
            length = (_stated(first, sound) if isinstance(first, bytes) else None) or length
            lost += length
            yield from silence(length, sound.channels, sound.bits)
            continue
        sound.packets += 1
        sizes += len(packet)
        samples = _samples(context, packet, sound)
        sound.failed += not len(samples) and len(packet) >= _SHORTEST
        length = _stated(packet, sound) or len(samples) or length
        yield samples
        yield from silence(length - len(samples), sound.channels, sound.bits)
    _remark(sound, lost)


def _stated(packet: bytes, sound: Sound) -> int | None:
    """Samples that a packet says it stands for."""
    if sound.encoding == "opus":
        return opus.duration(packet)
    return round(speex.frames(packet) * sound.sample_rate * _SPEEX_FRAME) or None


def _g729(context: Any, frames: Iterator[bytes | int], sound: Sound) -> Iterator[npt.NDArray[Any]]:  # noqa: ANN401
    """10 ms for every frame; a number stands for so many lost ones."""
    lost = 0
    for frame in frames:
        if isinstance(frame, int):
            lost += frame * _G729_SAMPLES
            yield from silence(frame * _G729_SAMPLES, 1, sound.bits)
            continue
        sound.packets += 1
        samples = _samples(context, frame, sound)[:_G729_SAMPLES]
        sound.failed += not len(samples) and len(frame) != _G729_SILENCE
        yield samples
        yield from silence(_G729_SAMPLES - len(samples), 1, sound.bits)
    _remark(sound, lost)


def _remark(sound: Sound, lost: int) -> None:
    if sound.failed:
        sound.remarks.append(f"{sound.failed} of {sound.packets} packets did not decode")
    if lost:
        seconds = lost / sound.sample_rate
        sound.remarks.append(f"about {seconds:.2f} s are missing from the capture and were filled with silence")


def _frames_of(packets: Iterable[Packet], *, framed: bool) -> Iterator[bytes | int]:
    """G.729 frames, and numbers of lost ones. Messages hold some whole frames each, or are cut anywhere."""
    each: Iterable[tuple[bytes | int, ...]] = (packet.pieces if isinstance(packet, Torn) else (packet,) for packet in packets)
    for pieces in each if framed else (chain.from_iterable(each),):
        yield from _grid(pieces)


def _grid(pieces: Iterable[bytes | int]) -> Iterator[bytes | int]:
    """Frames that lie wholly in bytes; those that a hole touches are lost."""
    kept, skip = b"", 0
    for piece in pieces:
        if isinstance(piece, int):
            gone = len(kept) + piece - skip
            kept, skip = b"", max(-gone, 0)
            if gone > 0:
                frames = -(-gone // _G729_FRAME)
                skip = frames * _G729_FRAME - gone
                yield frames
            continue
        data = kept + piece[skip:]
        skip = max(skip - len(piece), 0)
        whole = len(data) - len(data) % _G729_FRAME
        yield from (data[at : at + _G729_FRAME] for at in range(0, whole, _G729_FRAME))
        kept = data[whole:]
    if kept:
        yield kept
