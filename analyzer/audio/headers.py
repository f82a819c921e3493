"""What the header of a container states about the audio inside: encoding, sample rate, channels.

In: the first bytes of a track, known to begin with the container's magic. Out: a `Found` with None for what the bytes
at hand do not state. Every reader takes any bytes: a field beyond the end counts as not stated.
"""

import re
import struct

from analyzer.model.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Found:
    """A container (or wrapping) and what it states. `headless`: it begins without its header. `sign` says by what it was told."""

    container: str
    encoding: str | None = None
    sample_rate: int | None = None
    channels: int | None = None
    headless: bool = False
    sign: str = ""


Stated = tuple[str | None, int | None, int | None]

RTP_PAYLOADS: dict[int, Stated] = {0: ("mulaw", 8000, 1), 8: ("alaw", 8000, 1), 9: ("g722", 16000, 1), 18: ("g729", 8000, 1)}
"""Static payload types of RFC 3551; G.722 has 16000 samples a second, whatever its RTP clock says (section 4.5.2)."""

_WAV_PCM = {8: "pcm_u8", 16: "linear16", 24: "pcm_s24le", 32: "pcm_s32le"}
_WAV_FLOAT = {32: "linear32", 64: "pcm_f64le"}
_WAV_TAGS = {0x02: "adpcm_ms", 0x06: "alaw", 0x07: "mulaw", 0x11: "adpcm_ima", 0x31: "gsm", 0x55: "mp3", 0xFF: "aac"}
_MAX_CHUNKS = 64
_STREAMED = 0x7FFFF000
"""From here on the size of a WAV says that it was unknown when the header was written: the largest that programs put there."""


def _fields(layout: str, head: bytes, at: int) -> tuple[int, ...] | None:
    """Integers at an offset, None where the bytes end before."""
    return struct.unpack_from(layout, head, at) if 0 <= at <= len(head) - struct.calcsize(layout) else None


def _positive(number: int) -> int | None:
    return number if number > 0 else None


def wav(head: bytes) -> Found:
    """RIFF, RF64 and BW64 (EBU Tech 3306): the fmt chunk, also in its extensible form."""
    order = ">" if head[:4] == b"RIFX" else "<"
    sign = f"a {head[:4].decode('ascii', 'replace')}/WAVE header at the first byte"
    at = 12
    for _ in range(_MAX_CHUNKS):
        chunk = _fields(order + "I", head, at + 4)
        if chunk is None:
            break
        if head[at : at + 4] == b"fmt ":
            fields = _fields(order + "HHIIHH", head, at + 8)
            if fields is None:
                break
            tag, channels, rate, _, _, bits = fields
            if tag == 0xFFFE:  # noqa: PLR2004 - WAVE_FORMAT_EXTENSIBLE: the tag proper begins the GUID
                tag = (_fields(order + "H", head, at + 32) or (0,))[0]
            encoding = {1: _WAV_PCM, 3: _WAV_FLOAT}[tag].get(bits) if tag in (1, 3) else _WAV_TAGS.get(tag)
            if order == ">" and encoding == "linear16":
                encoding = "pcm_s16be"
            return Found("wav", encoding, _positive(rate), _positive(channels), sign=sign)
        at += 8 + chunk[0] + chunk[0] % 2
    return Found("wav", sign=sign)


def wav_data(head: bytes) -> tuple[int, int | None] | None:
    """Where the samples of a WAV begin and how many bytes of them the header states, None where it was written before that was
    known; None when the bytes at hand hold no data chunk.
    """
    order, at, size = ">" if head[:4] == b"RIFX" else "<", 12, 0
    for _ in range(_MAX_CHUNKS):
        chunk = _fields(order + "I", head, at + 4)
        if chunk is None:
            return None
        if head[at : at + 4] == b"ds64":  # EBU Tech 3306: 64-bit sizes of the file and of the data chunk
            size = (_fields("<Q", head, at + 16) or (0,))[0]
        if head[at : at + 4] == b"data":
            stated = size if head[:4] in (b"RF64", b"BW64") else chunk[0]
            streamed = not stated or (stated >= _STREAMED if head[:4] in (b"RIFF", b"RIFX") else stated >> 62)
            return at + 8, None if streamed else stated
        at += 8 + chunk[0] + chunk[0] % 2
    return None


def ogg(head: bytes) -> Found:
    """The first page (RFC 3533 section 6) must begin a stream; its packet names the codec."""
    flags, segments = head[5:6], head[26:27]
    if flags and not flags[0] & 2:
        return Found("ogg", headless=True, sign="an Ogg page that does not begin a stream")
    packet = head[27 + segments[0] :] if segments else b""
    encoding, rate, channels = _ogg_codec(packet)
    return Found("ogg", encoding, rate, channels, sign="an Ogg page at the first byte")


def _ogg_codec(packet: bytes) -> Stated:
    """What the first packet states.

    RFC 7845 section 5.1 (Opus decodes at 48 kHz whatever was put in), Vorbis I section 4.2.2, the Speex manual, Ogg FLAC 1.0.
    """
    if packet[:8] == b"OpusHead":
        return "opus", 48000, (_fields("B", packet, 9) or (None,))[0]
    if packet[:7] == b"\x01vorbis":
        fields = _fields("<BI", packet, 11)
        return "vorbis", fields[1] if fields else None, fields[0] if fields else None
    if packet[:8] == b"Speex   ":
        rate, channels = _fields("<I", packet, 36), _fields("<I", packet, 48)
        return "speex", rate[0] if rate else None, channels[0] if channels else None
    if packet[:5] == b"\x7fFLAC":
        return _stream_info("flac", packet, 17)
    return None, None, None


def _stream_info(encoding: str, head: bytes, at: int) -> Stated:
    """FLAC STREAMINFO (RFC 9639 section 8.2) at an offset: 20 bits of rate and 3 of channels, after 10 bytes of sizes."""
    fields = _fields(">I", head, at + 10)
    if fields is None:
        return encoding, None, None
    return encoding, _positive(fields[0] >> 12), (fields[0] >> 9 & 7) + 1


def flac(head: bytes) -> Found:
    """A FLAC stream with its marker."""
    encoding, rate, channels = _stream_info("flac", head, 8)
    return Found("flac", encoding, rate, channels, sign="the FLAC marker at the first byte")


_MATROSKA_CODECS = (
    (b"A_OPUS", "opus"),
    (b"A_VORBIS", "vorbis"),
    (b"A_AAC", "aac"),
    (b"A_FLAC", "flac"),
    (b"A_MPEG/L3", "mp3"),
    (b"A_PCM/FLOAT", "linear32"),
    (b"A_PCM/INT/LIT", "linear16"),
)
_MATROSKA_CHANNELS = re.compile(rb"\x9f\x81([\x01-\x20])")
_MATROSKA_RATE = re.compile(rb"\xb5(?:\x84(.{4})|\x88(.{8}))", re.DOTALL)


def ebml(head: bytes) -> Found:
    """EBML (RFC 8794): document type, then codec, rate and channels by their element ids; the decoder states them exactly."""
    container = "matroska" if b"matroska" in head[:64] else "webm"
    encoding = next((name for mark, name in _MATROSKA_CODECS if mark in head), None)
    rate = channels = None
    if encoding is not None:
        channel_element, rate_element = _MATROSKA_CHANNELS.search(head), _MATROSKA_RATE.search(head)
        channels = channel_element[1][0] if channel_element else None
        if encoding == "opus":
            rate = 48000
        elif rate_element:
            value = struct.unpack(">f", rate_element[1])[0] if rate_element[1] else struct.unpack(">d", rate_element[2])[0]
            rate = int(value) if 1 <= value <= 1e6 else None  # noqa: PLR2004 - also false for what is no number
    return Found(container, encoding, rate, channels, sign="an EBML header at the first byte")


def vint(head: bytes, at: int) -> tuple[int, int] | None:
    """An EBML size (RFC 8794 section 4): its value and its bytes; None where there is none."""
    first = head[at] if at < len(head) else 0
    used = 9 - first.bit_length()
    if not first or at + used > len(head):
        return None
    return int.from_bytes(head[at : at + used], "big") & ((1 << 7 * used) - 1), used


def mp4(head: bytes) -> Found:
    """The audio sample entry (ISO/IEC 14496-12 section 12.2.3), where the moov box is among the first bytes."""
    sign = "an MP4 ftyp box at the first byte"
    for mark, encoding in ((b"mp4a", "aac"), (b"Opus", "opus"), (b"fLaC", "flac"), (b"alac", "alac"), (b"samr", "amr-nb")):
        at = head.find(mark, 8)
        fields = _fields(">HHHHI", head, at + 20) if at > 0 else None
        if fields is not None:
            return Found("mp4", encoding, _positive(fields[4] >> 16), _positive(fields[0]), sign=sign)
    return Found("mp4", sign=sign)


def aiff(head: bytes) -> Found:
    """AIFF and AIFF-C: the COMM chunk; the rate is an 80-bit float whose mantissa has an explicit first bit."""
    sign, at = "an AIFF header at the first byte", 12
    for _ in range(_MAX_CHUNKS):
        chunk = _fields(">I", head, at + 4)
        if chunk is None:
            break
        if head[at : at + 4] == b"COMM":
            fields = _fields(">HIHHQ", head, at + 8)
            if fields is None:
                break
            channels, _, bits, exponent, mantissa = fields
            shift = 63 - ((exponent & 0x7FFF) - 16383)
            rate = mantissa >> shift if 0 <= shift <= 63 else 0  # noqa: PLR2004 - bits of the mantissa
            encoding = f"pcm_s{bits}be" if head[8:12] == b"AIFF" else None
            return Found("aiff", encoding, _positive(rate), _positive(channels), sign=sign)
        at += 8 + chunk[0] + chunk[0] % 2
    return Found("aiff", sign=sign)


def au(head: bytes) -> Found:
    """Sun AU: six big-endian words."""
    fields = _fields(">III", head, 12)
    names = {1: "mulaw", 2: "pcm_s8", 3: "pcm_s16be", 4: "pcm_s24be", 5: "pcm_s32be", 6: "pcm_f32be", 27: "alaw"}
    sign = "an AU header at the first byte"
    if fields is None:
        return Found("au", sign=sign)
    return Found("au", names.get(fields[0]), _positive(fields[1]), _positive(fields[2]), sign=sign)


def caf(head: bytes) -> Found:
    """Core Audio Format: the desc chunk comes first."""
    sign = "a CAF header at the first byte"
    if len(head) < 52 or head[8:12] != b"desc":  # noqa: PLR2004 - file header, chunk header and description
        return Found("caf", sign=sign)
    rate, kind, flags, _, _, channels, bits = struct.unpack_from(">d4s5I", head, 20)
    pcm = f"pcm_{'f' if flags & 1 else 's'}{bits}{'le' if flags & 2 else 'be'}"
    names = {b"ulaw": "mulaw", b"alaw": "alaw", b"aac ": "aac", b"opus": "opus", b"alac": "alac"}
    encoding = {"pcm_s16le": "linear16", "pcm_f32le": "linear32"}.get(pcm, pcm) if kind == b"lpcm" else names.get(kind)
    return Found("caf", encoding, int(rate) if 1 <= rate <= 1e6 else None, _positive(channels), sign=sign)  # noqa: PLR2004


_MP3_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_MP3_BITRATES = {
    3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}


def _mp3_frame(head: bytes, at: int) -> tuple[int, int, int] | None:
    """Length, rate and channels of an MPEG layer III frame (ISO/IEC 11172-3 section 2.4.2.3); free format is not believed."""
    fields = _fields(">I", head, at)
    if fields is None or fields[0] >> 21 != 0x7FF:  # noqa: PLR2004 - the sync word
        return None
    word = fields[0]
    version, layer, bitrate, rate = word >> 19 & 3, word >> 17 & 3, word >> 12 & 15, word >> 10 & 3
    if version == 1 or layer != 1 or bitrate in (0, 15) or rate == 3:  # noqa: PLR2004 - reserved values
        return None
    hertz = _MP3_RATES[version][rate]
    kilobits = _MP3_BITRATES[3 if version == 3 else 2][bitrate]  # noqa: PLR2004 - MPEG 1
    samples = 144 if version == 3 else 72  # noqa: PLR2004 - MPEG 1
    return samples * kilobits * 1000 // hertz + (word >> 9 & 1), hertz, 1 if word >> 6 & 3 == 3 else 2  # noqa: PLR2004 - mono


def mp3(head: bytes, at: int, run: int = 1) -> Found | None:
    """`run` frames of MPEG layer III that follow one another and agree; None otherwise."""
    first = _mp3_frame(head, at)
    frame = first
    for _ in range(run):
        if frame is None or first is None or frame[1:] != first[1:]:
            return None
        at += frame[0]
        frame = _mp3_frame(head, at)
    return Found("mp3", "mp3", first[1], first[2], sign="MP3 frames from the first byte on") if first else None


_ADTS_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)


def adts(head: bytes, run: int) -> Found | None:
    """`run` ADTS frames (ISO/IEC 13818-7 section 6.2) that follow one another and agree; None otherwise."""
    at, seen = 0, set()
    for _ in range(run):
        fields = _fields(">IBBB", head, at)
        if fields is None or fields[0] >> 20 != 0xFFF or fields[0] >> 17 & 3:  # noqa: PLR2004 - sync word, layer 0
            return None
        rate = fields[0] >> 10 & 15
        length = (fields[0] & 3) << 11 | fields[1] << 3 | fields[2] >> 5
        if rate >= len(_ADTS_RATES) or length < 7:  # noqa: PLR2004 - the header itself
            return None
        seen.add((rate, fields[0] >> 6 & 7))
        at += length
    if len(seen) != 1:
        return None
    rate, channels = seen.pop()
    return Found("aac", "aac", _ADTS_RATES[rate], channels or None, sign="ADTS frames from the first byte on")
