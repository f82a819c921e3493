"""The codecs by name.

Raw encodings decode as they flow; what has a container or packets is given to decoders in turn.
"""

from collections.abc import Callable, Iterator
from typing import IO

from analyzer.audio.codecs import amr, ffmpeg, libsndfile, packets
from analyzer.audio.codecs.alaw import Alaw
from analyzer.audio.codecs.linear16 import Linear16
from analyzer.audio.codecs.linear32 import Linear32
from analyzer.audio.codecs.mulaw import Mulaw
from analyzer.audio.codecs.packets import Packet, Torn
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

G729_MESSAGE = (10, (0, 2))
"""Bytes of a G.729 frame, and what may be left of a message: nothing, or a frame of comfort noise."""

Decoder = Callable[[IO[bytes]], Sound]

__all__ = [
    "CONTAINERS_OF",
    "G729_MESSAGE",
    "PACKETS",
    "RAW",
    "Packet",
    "RawCodec",
    "Sound",
    "Torn",
    "UndecodableError",
    "amr_decoder",
    "container_decoders",
    "packet_decoder",
    "usable",
]


def container_decoders(container: str, *, recognised: bool, whole: bool) -> list[Decoder]:
    """Ways to decode a file that is a container, best first; each starts at its first byte.

    Only bytes that were `recognised` are given to libsndfile, which would try anything else with other decoders. When the bytes
    are not `whole`, time stamps must tell what is missing, so that FFmpeg comes first.
    """

    def by_libsndfile(file: IO[bytes]) -> Sound:
        file.seek(0)
        return libsndfile.open_sound(file)

    def by_ffmpeg(file: IO[bytes]) -> Sound:
        file.seek(0)
        return ffmpeg.open_sound(file, container, from_zero=not whole)

    first = [by_libsndfile] if recognised and container in libsndfile.CONTAINERS else []
    second = [by_ffmpeg] if container in ffmpeg.DEMUXERS else []
    return [*first, *second] if whole else [*second, *first]


def packet_decoder(encoding: str, found: Iterator[Packet], sample_rate: int | None, channels: int, *, framed: bool) -> Sound:
    """Decode bare packets. `framed`: messages hold whole frames. Raises UndecodableError."""
    return packets.open_sound(encoding, found, sample_rate, channels, framed=framed)


def amr_decoder(stream: Iterator[bytes | int], declared: str | None) -> Sound:
    """Decode AMR with its header, or as `declared` without; a number stands for so many missing bytes. Raises UndecodableError."""
    return amr.open_sound(stream, declared)
