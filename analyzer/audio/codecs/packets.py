"""Codec packets without a container, one message after another: raw Opus, Speex and G.729, decoded by FFmpeg.

In: packets in order, and holes of known length. Out: a `Sound` in which a packet that is lost, or does not decode, is
silence of the same length, so that time stays true.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from analyzer.audio.codecs.ffmpeg import integers
from analyzer.audio.codecs.sound import Sound, UndecodableError, joined, silence

Packet = bytes | int
"""A packet's bytes, or how many bytes are missing here."""

_DECODERS = {"opus": ("libopus", "opus"), "speex": ("speex", "libspeex"), "g729": ("g729",), "g722": ("g722",)}
_G729_FRAME = 10
"""Bytes of 10 ms (ITU-T G.729 at 8 kbit/s); a shorter rest is a frame of comfort noise (Annex B)."""
_RATES = {"opus": 48000, "speex": 8000, "g729": 8000, "g722": 16000}
"""Opus decodes at 48 kHz whatever was put in (RFC 6716 section 2); Speex does as was declared."""
_SPEEX_RATES = (8000, 16000, 32000)
_OPUS_MAX = 5760
"""120 ms, the longest packet (RFC 6716 section 3.4)."""
_SPEEX_FRAME = 0.02

ENCODINGS = frozenset(_DECODERS)


def open_sound(encoding: str, packets: Iterator[Packet], sample_rate: int | None, channels: int) -> Sound:
    """Start decoding. Raises UndecodableError where this FFmpeg has no such decoder."""
    rate = sample_rate if encoding == "speex" and sample_rate in _SPEEX_RATES else _RATES[encoding]
    if channels > (2 if encoding == "opus" else 1):
        msg = f"packets of {encoding} do not hold {channels} channels"
        raise UndecodableError(msg)
    context = _context(encoding, rate, channels)
    sound = Sound(rate, channels, 16, encoding, iter(()))
    if encoding == "g729":
        packets = _split(packets, _G729_FRAME)
    sound.blocks = joined(_decoded(context, packets, sound, encoding))
    return sound


def _context(encoding: str, rate: int, channels: int) -> Any:  # noqa: ANN401 - untyped library
    import av  # noqa: PLC0415 - loads FFmpeg, which few sessions need

    for name in _DECODERS[encoding]:
        if name in av.codecs_available:
            try:
                context: Any = av.CodecContext.create(name, "r")
                context.sample_rate = rate
                context.layout = "stereo" if channels > 1 else "mono"
                context.open()
            except (av.FFmpegError, ValueError):
                continue
            return context
    msg = f"the FFmpeg of this installation decodes no {encoding}"
    raise UndecodableError(msg)


def _decoded(context: Any, packets: Iterator[Packet], sound: Sound, encoding: str) -> Iterator[npt.NDArray[Any]]:  # noqa: ANN401
    """Samples of every packet, silence for those without."""
    import av  # noqa: PLC0415 - loaded with the context

    length, sizes, lost = round(sound.sample_rate * _SPEEX_FRAME), 0, 0
    for packet in packets:
        if isinstance(packet, int):
            mean = sizes / sound.packets if sound.packets else 0
            frames = max(round(packet / mean), 1) * length if mean else 0
            lost += frames
            yield from silence(frames, sound.channels, sound.bits)
            continue
        sound.packets += 1
        sizes += len(packet)
        stated = _opus_frames(packet) if encoding == "opus" else None
        try:
            decoded = context.decode(av.Packet(packet))
            pieces = [integers(frame, sound) for frame in decoded if frame.layout.nb_channels == sound.channels]
        except (av.FFmpegError, ValueError):
            pieces = []
        samples = np.concatenate(pieces) if pieces else np.zeros((0, sound.channels), np.int16)
        sound.failed += not len(samples) and len(packet) > 2  # noqa: PLR2004 - one or two bytes stand for silence (RFC 6716 section 2.1.9)
        length = stated or len(samples) or length
        yield samples
        yield from silence(length - len(samples), sound.channels, sound.bits)
    if sound.failed:
        sound.remarks.append(f"{sound.failed} of {sound.packets} packets did not decode")
    if lost:
        sound.remarks.append(f"about {lost / sound.sample_rate:.2f} s are missing from the capture and were filled with silence")


def _split(packets: Iterator[Packet], size: int) -> Iterator[Packet]:
    for packet in packets:
        if isinstance(packet, int):
            yield packet
        else:
            yield from (packet[at : at + size] for at in range(0, len(packet), size))


def _opus_frames(packet: bytes) -> int | None:
    """Samples at 48 kHz that a packet stands for, by its first byte (RFC 6716 section 3.1); None for an impossible one."""
    if not packet:
        return None
    config, code = packet[0] >> 3, packet[0] & 3
    if config < 12:  # noqa: PLR2004 - SILK
        size = (480, 960, 1920, 2880)[config & 3]
    elif config < 16:  # noqa: PLR2004 - hybrid
        size = (480, 960)[config & 1]
    else:
        size = (120, 240, 480, 960)[config & 3]
    count = (1, 2, 2, packet[1] & 63 if len(packet) > 1 else 0)[code]
    return size * count if 0 < size * count <= _OPUS_MAX else None
