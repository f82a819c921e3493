"""What libsndfile cannot read, by FFmpeg: Ogg, WebM, MP4, MP3, AAC, damaged files, headers with unknown sizes.

In: a seekable binary file at its start and the container that the bytes were recognised as; FFmpeg probes nothing,
opens nothing else and writes no log. Out: a `Sound` in which missing frames (lost, or not sent while silent) are
zeros, by their time stamps.
"""

from collections.abc import Generator, Iterator
from itertools import chain
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from analyzer.audio.codecs import opus
from analyzer.audio.codecs.sound import HIGHEST_RATE, MAX_CHANNELS, Sound, UndecodableError, from_floats, joined, silence

DEMUXERS = {
    "webm": "matroska",
    "matroska": "matroska",
    "mp4": "mov",
    "ogg": "ogg",
    "mp3": "mp3",
    "aac": "aac",
    "flac": "flac",
    "wav": "wav",
    "aiff": "aiff",
    "au": "au",
    "caf": "caf",
}
"""Containers and the one demuxer that each is given to."""

_TAKEN = frozenset({
    *("opus", "vorbis", "speex", "aac", "mp3", "mp2", "flac", "alac", "wavpack", "amr_nb", "amr_wb", "g729", "g722", "gsm"),
    *("gsm_ms", "ac3", "eac3", "adpcm_ms", "adpcm_ima_wav", "adpcm_ima_qt", "pcm_mulaw", "pcm_alaw", "pcm_u8", "pcm_s8"),
    *(f"pcm_{kind}{order}" for kind in ("s16", "s24", "s32", "f32", "f64") for order in ("le", "be")),
})  # fmt: skip
"""What may be inside: FFmpeg has decoders for hundreds of games and video discs, of which no service knows, and flaws in some."""
_DECODERS = "libopus,mp3float,amrnb,amrwb"
"""Names of decoders that are not those of the codecs."""
OPTIONS = {
    "protocol_whitelist": "none",
    "enable_drefs": "0",
    "use_absolute_path": "0",
    "codec_whitelist": ",".join((*sorted(_TAKEN), _DECODERS)),
}
"""No input may name another file or address, or have other decoders run to probe it. Demuxers ignore options they do not know."""
_NAMES = {
    "pcm_s16le": "linear16",
    "pcm_f32le": "linear32",
    "pcm_mulaw": "mulaw",
    "pcm_alaw": "alaw",
    "amr_nb": "amr-nb",
    "amr_wb": "amr-wb",
}
_WIDE_CODECS = ("pcm_s24", "pcm_s32", "pcm_f", "flac", "alac", "wavpack")
"""Codecs whose samples may have more than 16 bits that mean something."""
_PLANES = 8
"""Channels from which on they are interleaved first."""
_DELAYED = frozenset({"webm", "matroska"})
"""Containers that state the delay of a codec in nanoseconds."""
_TOLERANCE = 0.015
"""Seconds by which time stamps may run ahead of the samples: less than a codec frame, more than the rounding of containers."""
_MAX_FILL = 60
"""Seconds of one gap in the time stamps that are filled; a longer one is a jump of the clock."""


def our_name(codec: str) -> str:
    """FFmpeg's name of a codec as reports write it."""
    return _NAMES.get(codec, codec.removeprefix("lib"))


def open_sound(file: IO[bytes], container: str, *, from_zero: bool) -> Sound:
    """Start decoding the first audio stream. Raises UndecodableError.

    `from_zero`: the beginning may be missing, so that time starts at 0 and not at the first frame.
    """
    import av  # noqa: PLC0415 - loads FFmpeg, which few sessions need

    try:
        opened = av.open(file, mode="r", format=DEMUXERS[container], options=dict(OPTIONS), metadata_errors="ignore")
    except (av.FFmpegError, ValueError, OSError) as error:
        raise UndecodableError(reason(error)) from error
    if not opened.streams.audio:
        opened.close()
        raise UndecodableError("there is no audio stream in it")
    stream = opened.streams.audio[0]
    name = stream.codec_context.codec.canonical_name if stream.codec_context is not None else ""
    if name not in _TAKEN:
        opened.close()
        raise UndecodableError(f"audio of the codec {name} is not taken" if name else "its codec is unknown")
    sound = Sound(0, 0, 16, our_name(name), iter(()))
    frames = _frames(opened, stream, sound, (av.FFmpegError, ValueError, OSError))
    first, whole = next(frames, (None, None))
    if first is None:
        raise UndecodableError("; ".join(sound.remarks) or "no audio came out")
    sound.sample_rate, sound.channels = first.sample_rate, first.layout.nb_channels
    if not 0 < sound.sample_rate <= HIGHEST_RATE or not 0 < sound.channels <= MAX_CHANNELS:
        frames.close()
        raise UndecodableError("the audio stream has no usable format")
    if name.startswith(_WIDE_CODECS) and first.format.bytes > 2:  # noqa: PLR2004 - 16-bit samples
        sound.bits = 24
    end = _stated_end(stream, container, sound.sample_rate)
    skip = 0
    if name == "opus" and container in _DELAYED and whole is not None:
        # FFmpeg counts the codec's delay at the rate that the container states, which need not be the 48 kHz of the samples.
        skip = max(int.from_bytes((stream.codec_context.extradata or b"")[10:12], "little") - whole + first.samples, 0)
    each = chain((first,), (frame for frame, _ in frames))
    sound.blocks = joined(_timed(each, sound, skip, end, from_zero=from_zero))
    return sound


def _stated_end(stream: Any, container: str, rate: int) -> int | None:  # noqa: ANN401 - untyped library
    """Length in samples that an MP4 states by its edit list: the encoder's padding lies behind it."""
    if container != "mp4" or not stream.duration or stream.time_base is None:
        return None
    return int(stream.duration * stream.time_base * rate)


def _frames(
    opened: Any,  # noqa: ANN401 - untyped library
    stream: Any,  # noqa: ANN401 - untyped library
    sound: Sound,
    errors: tuple[type[Exception], ...],
) -> Generator[tuple[Any, int | None]]:
    """All frames, each with the samples that its packet stands for, where it is Opus. A packet that does not decode is counted, a
    file that breaks off ends them.
    """
    interleave = _Interleaver()
    try:
        for packet in opened.demux(stream):
            sound.packets += packet.size > 0
            try:
                whole = opus.duration(bytes(packet)) if sound.encoding == "opus" and packet.size else None
                for frame in packet.decode():
                    yield interleave(frame), whole
            except errors:
                sound.failed += 1
    except errors as error:
        sound.remarks.append(f"FFmpeg stopped: {reason(error)}")
    finally:
        opened.close()
    if sound.failed:
        sound.remarks.append(f"{sound.failed} of {sound.packets} packets did not decode")


class _Interleaver:
    """Puts the samples of many channels into one plane. PyAV looks for the end of the list of planes behind it where there are 8 or
    more, and reads what is no memory of the frame.
    """

    def __init__(self) -> None:
        self._resampler: Any = None

    def __call__(self, frame: Any) -> Any:  # noqa: ANN401 - untyped library
        """The frame with the same samples. Raises ValueError when the format is no longer that of the first one."""
        if not frame.format.is_planar or frame.layout.nb_channels < _PLANES:
            return frame
        if self._resampler is None:
            import av  # noqa: PLC0415 - loaded with the frame

            self._resampler = av.AudioResampler(frame.format.packed.name, frame.layout, frame.sample_rate)
        (packed,) = self._resampler.resample(frame)
        packed.pts, packed.time_base = frame.pts, frame.time_base
        return packed


def _timed(frames: Iterator[Any], sound: Sound, skip: int, end: int | None, *, from_zero: bool) -> Iterator[npt.NDArray[Any]]:
    """Samples of the frames but the first `skip`, with zeros where time stamps leave a gap. Only padding is cut at `end`: less than
    a frame.
    """
    rate, at, jumps, filled = sound.sample_rate, 0, 0, 0
    start = 0 if from_zero else None
    for frame in frames:
        if frame.sample_rate != rate or frame.layout.nb_channels != sound.channels:
            sound.remarks.append(f"the format changes after {at / rate:.2f} s, and what follows was left out")
            break
        if frame.pts is not None and frame.time_base is not None:
            place = round(frame.pts * frame.time_base * rate)
            start = place if start is None else start
            gap = place - start - at
            if gap > _MAX_FILL * rate:
                start, jumps = place - at, jumps + 1
            elif gap > _TOLERANCE * rate:
                yield from silence(gap, sound.channels, sound.bits)
                at, filled = at + gap, filled + gap
        samples = integers(frame, sound)[skip:]
        skip = 0
        if end is not None and at < end < at + len(samples):
            samples = samples[: end - at]
        yield samples
        at += len(samples)
    if filled:
        sound.remarks.append(f"{filled / rate:.2f} s between time stamps were filled with silence")
    if jumps:
        sound.remarks.append(f"time stamps jump ahead by more than {_MAX_FILL} s, {jumps} times")


def integers(frame: Any, sound: Sound) -> npt.NDArray[Any]:  # noqa: ANN401 - untyped library
    """A decoded frame as integer samples of the width that `sound` has, shape (frames, channels)."""
    samples: npt.NDArray[Any] = frame.to_ndarray()
    if frame.format.is_planar:
        samples = samples.T
    samples = samples.reshape(-1, sound.channels)
    if samples.dtype.kind == "f":
        return from_floats(samples, sound.bits)
    if samples.dtype == np.uint8:
        samples = (samples.astype(np.int16) - 128) << 8
    have = samples.dtype.itemsize * 8
    if sound.bits == 16:  # noqa: PLR2004 - the two widths
        return (samples >> (have - 16)).astype(np.int16)
    wide = samples.astype(np.int64)
    return (wide >> (have - 24) if have > 24 else wide << (24 - have)).astype(np.int32)  # noqa: PLR2004 - the two widths


def decoder(encoding: str, names: tuple[str, ...], rate: int, channels: int, extradata: bytes = b"") -> Any:  # noqa: ANN401 - untyped library
    """The first of these decoders of bare packets that this FFmpeg has. Raises UndecodableError where it has none."""
    import av  # noqa: PLC0415 - loads FFmpeg, which few sessions need

    for name in names:
        if name in av.codecs_available:
            try:
                context: Any = av.CodecContext.create(name, "r")
                context.sample_rate = rate
                context.layout = "stereo" if channels > 1 else "mono"
                if extradata:
                    context.extradata = extradata
                context.open()
            except (av.FFmpegError, ValueError):
                continue
            return context
    msg = f"the FFmpeg of this installation decodes no {encoding}"
    raise UndecodableError(msg)


def reason(error: Exception) -> str:
    """The decoder's words, without the name of a file."""
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).rstrip(".")
