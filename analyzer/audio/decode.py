"""Decodes what a track stored: tries the decoders in turn, measures what comes out, writes it to a WAV file.

In: a `Store` and what it is said to hold. Out: a `Decoded`, with no frames and the reasons when no decoder made anything of it.
"""

from collections.abc import Callable, Iterator
from dataclasses import field
from functools import partial
from typing import IO

from analyzer.audio.codecs import (
    CONTAINERS_OF,
    G729_MESSAGE,
    PACKETS,
    Sound,
    UndecodableError,
    amr_decoder,
    container_decoders,
    packet_decoder,
    usable,
)
from analyzer.audio.meter import BlockMeter, Measured
from analyzer.audio.parts import chained, files, left_over
from analyzer.audio.store import Store
from analyzer.audio.wav import WavWriter
from analyzer.model.dataclass import dataclass
from analyzer.model.limits import Limits
from analyzer.model.track import AudioFormat

_FREE_SECONDS = 600
"""Audio that any number of bytes may decode to."""

Recorder = Callable[[int, int, str], WavWriter | None]
"""Starts the WAV file of a track, from sample rate, channels and sample format; None where none is wanted."""


@dataclass(slots=True)
class Decoded:
    """What came out. `reasons` are those of the decoders that made nothing of the bytes."""

    measured: Measured = field(default_factory=Measured)
    frames: int = 0
    encoding: str | None = None
    sample_rate: int | None = None
    channels: int | None = None
    reasons: list[str] = field(default_factory=list)
    containers: int = 1
    """Containers that follow one another."""
    failed: float = 0.0
    """Share of the codec packets that did not decode."""


def decode_container(
    store: Store, container: str, stated_rate: int | None, limits: Limits, record: Recorder, encoding: str | None = None
) -> Decoded:
    """Decode a container that was recognised, and those that follow it in messages that begin with its magic. `stated_rate` is what
    frames are to be counted in, where it differs; `encoding` what AMR is, where it shows no header.
    """
    if container == "amr":
        return _first(iter((partial(amr_decoder, store.stream(), encoding),)), store, stated_rate, limits, record)
    parts = files(store, container, limits.chained_files)
    decoders = container_decoders(container, recognised=True, whole=not store.lost)
    decoded = _first((partial(chained, parts, decoder) for decoder in decoders), store, stated_rate, limits, record)
    decoded.containers = len(parts)
    if container == "wav" and len(parts) == 1 and (more := left_over(store)):
        decoded.measured.remarks.append(f"{more} bytes follow the end of the audio that the WAV header states, and were left out")
    return decoded


def decode_bare(store: Store, declared: AudioFormat, limits: Limits, record: Recorder) -> Decoded:
    """Decode a declared encoding that shows no container: packets, AMR frames without their header, or the usual container."""
    encoding, (rate, channels) = declared.encoding or "", usable(declared.sample_rate, declared.channels)
    if encoding in PACKETS:
        framed = encoding != "g729" or store.fits(*G729_MESSAGE)
        opener = partial(packet_decoder, encoding, store.messages(), rate, channels, framed=framed)
        return _first(iter((opener,)), store, rate, limits, record)
    if CONTAINERS_OF[encoding] == ("amr",):
        return decode_container(store, "amr", rate, limits, record, encoding)
    decoders = container_decoders(CONTAINERS_OF[encoding][0], recognised=False, whole=not store.lost)
    return _first((partial(decoder, store.file) for decoder in decoders), store, rate, limits, record)


def decode_recovered(store: Store, file: IO[bytes], container: str, limits: Limits, record: Recorder) -> Decoded:
    """Decode what was recovered of a store, from its first frame on. Where silence lies in the bytes is not told."""
    decoders = container_decoders(container, recognised=True, whole=True)
    decoded = _first((partial(decoder, file) for decoder in decoders), store, None, limits, record)
    decoded.measured.silent_spans = ()
    return decoded


def _first(
    openers: Iterator[Callable[[], Sound]], store: Store, stated_rate: int | None, limits: Limits, record: Recorder
) -> Decoded:
    """The first decoder that gives any sound."""
    decoded = Decoded()
    most = _FREE_SECONDS + store.size / limits.codec_floor
    for opener in openers:
        try:
            sound = opener()
        except UndecodableError as error:
            decoded.reasons.append(str(error))
            continue
        wav: WavWriter | None = None
        meter: BlockMeter | None = None
        for block in sound.blocks:
            if not len(block):
                continue
            if meter is None:
                wav = record(sound.sample_rate, sound.channels, "PCM_24" if sound.bits == 24 else "PCM_16")  # noqa: PLR2004 - the two widths
                meter = BlockMeter(sound.sample_rate, sound.bits, limits, wav)
            meter.feed(block)
            if meter.frames > most * sound.sample_rate:
                sound.remarks.append(f"only the first {most:.0f} s were decoded: so few bytes hold no more audio")
                break
        if meter is None:
            decoded.reasons.append("; ".join(sound.remarks) or "no audio came out")
            continue
        decoded.measured = meter.finish(store.size, stated_rate or sound.sample_rate)
        decoded.measured.remarks = sound.remarks
        decoded.frames, decoded.encoding = meter.frames, sound.encoding
        decoded.sample_rate, decoded.channels = sound.sample_rate, sound.channels
        decoded.failed = sound.failed / max(sound.packets, 1)
        break
    return decoded
