"""Measures audio: raw encodings while they flow, decoded audio block by block.

In: bytes of a raw encoding, or blocks of integer samples. Out: a `Measured` with duration, levels and digital
silence, the same for every cut of the input. Frames that are missing from the capture count as time, so that it stays
true; bytes that are missing do not count, as in the table of messages.
"""

from dataclasses import field

import numpy as np

from analyzer.audio.codecs import RawCodec
from analyzer.audio.levels import Levels, Samples, loudness
from analyzer.audio.silence import SilenceFinder, SilentRuns
from analyzer.audio.wav import WavWriter
from analyzer.model.dataclass import dataclass
from analyzer.model.limits import Limits
from analyzer.model.streams import Bytes
from analyzer.model.track import SilentSpan
from analyzer.wire import bulk

SHORTEST_SILENCE = 10
"""A tenth of a second: shorter runs of zeros are part of a signal."""
_BLOCK = 1 << 19
"""Frames decoded at once for a WAV file."""


@dataclass(slots=True)
class Measured:
    """What a track measures. Durations in s, levels in dB of full scale, shares from 0 to 1; None where it cannot be told."""

    duration_s: float | None = None
    peak_dbfs: float | None = None
    rms_dbfs: float | None = None
    dc_offset: float | None = None
    clipped_share: float | None = None
    digital_silence_s: float | None = None
    silent_spans: tuple[SilentSpan, ...] = ()
    bytes_per_second: float | None = None
    remarks: list[str] = field(default_factory=list)


class RawMeter:
    """Measures one raw encoding as it flows, and writes it to a WAV file where one is given."""

    def __init__(self, codec: RawCodec, sample_rate: int | None, limits: Limits, wav: WavWriter | None) -> None:
        self._codec = codec
        self._rate = sample_rate
        self._wav = wav
        self._levels = Levels(codec.bits)
        self._silence = _finder(codec.silence, sample_rate, limits) if sample_rate is not None else None
        self._frames = 0
        self._lost = 0
        self._fill = limits.audio_container // codec.width

    @property
    def width(self) -> int:
        """Bytes of a sample frame."""
        return self._codec.width

    def feed(self, data: Bytes) -> None:
        """Take the next bytes."""
        codes = self._codec.take(data)
        if not len(codes):
            return
        self._frames += len(codes)
        self._levels.add(self._codec.loudness(codes), codes.size)
        if self._silence is not None:
            self._silence.feed(codes)
        if self._wav is not None:
            for start in range(0, len(codes), _BLOCK):
                self._wav.write(self._codec.samples(codes[start : start + _BLOCK]))

    def lost(self, length: int) -> None:
        """`length` bytes are missing here."""
        frames = self._codec.lose(length)
        self._frames += frames
        self._lost += frames
        if self._silence is not None:
            self._silence.skip(frames)
        if self._wav is not None:
            self._wav.silence(min(frames, self._fill))
            self._fill -= min(frames, self._fill)

    def finish(self) -> Measured:
        """The sums."""
        rest, width, rate = self._codec.finish(), self._codec.width, self._rate
        measured = _levelled(self._levels)
        if rate is not None and self._silence is not None:
            self._silence.finish()
            measured.duration_s = round(self._frames / rate, 6)
            measured.digital_silence_s = round(self._silence.total / rate, 6)
            measured.silent_spans = tuple(
                SilentSpan(begin, end, (begin - missing) * width, (end - missing) * width)
                for begin, end, missing in self._silence.spans
            )
            measured.bytes_per_second = float(rate * width)
        if rest:
            measured.remarks.append(f"the last {rest} of {width} bytes of a sample frame are missing")
        if self._lost and self._wav is not None:
            measured.remarks.append("bytes missing from the capture are silence in the WAV file")
        return measured


class BlockMeter:
    """Measures decoded blocks, and writes them to a WAV file where one is given."""

    def __init__(self, sample_rate: int, bits: int, limits: Limits, wav: WavWriter | None) -> None:
        self._rate = sample_rate
        self._levels = Levels(bits)
        self._silence = _finder(_zeros, sample_rate, limits)
        self._wav = wav
        self.frames = 0

    def feed(self, block: Samples) -> None:
        """Take a block of integer samples, shape (frames, channels)."""
        self.frames += len(block)
        self._levels.add(loudness(block), block.size)
        self._silence.feed(block)
        if self._wav is not None:
            self._wav.write(block)

    def finish(self, sent: int, stated_rate: int) -> Measured:
        """The sums. Spans count in frames of `stated_rate`; their byte offsets are in proportion to the `sent` bytes."""
        silence = self._silence
        silence.finish()
        frames, scale = max(self.frames, 1), stated_rate / self._rate
        spans = tuple(
            SilentSpan(round(begin * scale), round(end * scale), begin * sent // frames, end * sent // frames)
            for begin, end, _ in silence.spans
        )
        measured = _levelled(self._levels)
        measured.duration_s = round(self.frames / self._rate, 6)
        measured.digital_silence_s = round(silence.total / self._rate, 6)
        measured.silent_spans = spans
        return measured


def _levelled(levels: Levels) -> Measured:
    return Measured(None, levels.peak_dbfs, levels.rms_dbfs, levels.dc_offset, levels.clipped_share)


def _finder(runs: SilentRuns, sample_rate: int, limits: Limits) -> SilenceFinder:
    return SilenceFinder(runs, sample_rate // SHORTEST_SILENCE, limits.silent_spans)


def _zeros(block: Samples, shortest: int) -> list[tuple[int, int]]:
    """Runs of frames with zeros on all channels."""
    width = block[:1].nbytes
    return bulk.silent_runs(np.ascontiguousarray(block).reshape(-1).view(np.uint8), b"\xff" * width, bytes(width), shortest)
