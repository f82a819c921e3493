"""The codecs by name.

Raw encodings decode as they flow; what has a container or packets is given to decoders in turn.
"""

from collections.abc import Callable, Iterator
from typing import IO

from analyzer.audio.codecs import ffmpeg, libsndfile, packets
from analyzer.audio.codecs.alaw import Alaw
from analyzer.audio.codecs.linear16 import Linear16
from analyzer.audio.codecs.linear32 import Linear32
from analyzer.audio.codecs.mulaw import Mulaw
from analyzer.audio.codecs.pcm_f64le import PcmF64le
from analyzer.audio.codecs.pcm_s16be import PcmS16be
from analyzer.audio.codecs.pcm_s24be import PcmS24be
from analyzer.audio.codecs.pcm_s24le import PcmS24le
from analyzer.audio.codecs.pcm_s32le import PcmS32le
from analyzer.audio.codecs.pcm_u8 import PcmU8
from analyzer.audio.codecs.raw import RawCodec
from analyzer.audio.codecs.sound import Sound, UndecodableError, usable

DECLARABLE = (Linear16, Linear32, Mulaw, Alaw)
"""What services take as raw audio."""
OTHERS = (PcmS16be, PcmS24le, PcmS24be, PcmS32le, PcmU8, PcmF64le)
"""What programs send instead, and what `--encoding` takes."""
RAW: dict[str, type[RawCodec]] = {codec.name: codec for codec in (*DECLARABLE, *OTHERS)}

PACKETS = packets.ENCODINGS
"""Encodings that may come as bare packets, one or more per message."""

CONTAINERS_OF: dict[str, tuple[str, ...]] = {
    "flac": ("flac", "ogg"),
    "opus": ("ogg",),
    "ogg-opus": ("ogg",),
    "speex": ("ogg",),
    "amr-nb": ("amr",),
    "amr-wb": ("amr",),
    "g729": ("wav", "ogg", "matroska", "mp4"),
    "mp3": ("mp3",),
    "aac": ("aac", "mp4"),
}
"""Declared encodings that are no raw samples, and the containers in which they are right as they are, the usual one first."""

Opener = Callable[[], Sound]

__all__ = [
    "CONTAINERS_OF",
    "PACKETS",
    "RAW",
    "RawCodec",
    "Sound",
    "UndecodableError",
    "container_decoders",
    "packet_decoder",
    "usable",
]


def container_decoders(file: IO[bytes], container: str, *, recognised: bool, whole: bool) -> Iterator[Opener]:
    """Ways to decode a container, best first; each starts over.

    Only bytes that were `recognised` are given to libsndfile, which would try anything else with other decoders. When the bytes
    are not `whole`, time stamps must tell what is missing, so that FFmpeg comes first.
    """

    def by_libsndfile() -> Sound:
        file.seek(0)
        return libsndfile.open_sound(file)

    def by_ffmpeg() -> Sound:
        file.seek(0)
        return ffmpeg.open_sound(file, container, from_zero=not whole)

    first = [by_libsndfile] if recognised and container in libsndfile.CONTAINERS else []
    second = [by_ffmpeg] if container in ffmpeg.DEMUXERS else []
    yield from (*first, *second) if whole else (*second, *first)


def packet_decoder(encoding: str, found: Iterator[packets.Packet], sample_rate: int | None, channels: int) -> Sound:
    """Decode bare packets; a number stands for so many missing bytes. Raises UndecodableError."""
    return packets.open_sound(encoding, found, sample_rate, channels)
