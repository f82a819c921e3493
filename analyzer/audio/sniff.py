"""What are these bytes? Containers by their magic, and what is mistaken for audio: base64, JSON, RTP.

In: the first bytes of a track, and where its first messages begin in them. Out: a `Found`, or None for bytes without
any mark, as raw audio has. Nothing here decodes; what a header states about the audio inside is read by `headers`.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

from analyzer.audio import headers
from analyzer.audio.headers import Found

WRAPPINGS = frozenset({"base64", "json", "rtp"})
"""What is found that no decoder takes: the audio has to be unwrapped first."""

_RUN = 3
"""Frame headers that must follow one another before a bare sync word is believed."""
_RTP_HEADER, _RTP_VERSION = 12, 2
_LONGEST_BOX = 1 << 24
_TEXT = 64
"""Shortest text that is taken as such: raw audio does not stay inside an alphabet that long."""
_BASE64 = re.compile(rb"[A-Za-z0-9+/_\-][A-Za-z0-9+/_\-\r\n=]+")
_ONE_HEADER = frozenset({"wav", "webm", "matroska", "aiff", "au", "caf", "flac"})
"""Containers whose magic stands once, at the very start."""
_JSON = re.compile(rb'\s*[\[{]\s*(["{\[][\x20-\x7e\s\x80-\xff]*)?')
_BLOCK, _BLOCKS_WITHIN = b"\xa3", 8192
"""First byte of a WebM SimpleBlock, and how far into the audio a run of them is looked for: blocks are short."""
_MIDDLE = re.compile(rb"OggS\x00[\x00-\x07].{6}\x00\x00|\x1f\x43\xb6\x75[\x01-\xff].{0,7}\xe7|moof\x00\x00\x00.mfhd", re.DOTALL)
"""The head of an Ogg page with a position below 2 ** 48, a Matroska Cluster before its time code, an MP4 fragment."""
_SYNC, _FRAME_WITHIN = re.compile(rb"\xff[\xe0-\xff]"), 4096
"""The first bits of an MP3 or ADTS frame, and how far off the first one may be: no frame is as long."""
_PARTS = {"ogg": "the middle of an Ogg stream", "webm": "the middle of a WebM stream", "mp4": "the middle of an MP4 stream"}
_BASE64_VARIETY = 16
"""Different characters in base64 of anything but silence; silent A-law is one letter over and over."""


def sniff(head: bytes) -> Found | None:
    """The container at the start of `head`, or the text in place of audio. Some need up to 4 KiB to be told."""
    for test in _TESTS:
        found = test(head)
        if found is not None:
            return found
    return None


def sniff_rtp(starts: Sequence[bytes]) -> Found | None:
    """RTP packets (RFC 3550 section 5.1) with their headers left on, from the first 12 bytes of each of the first messages."""
    if len(starts) < _RUN or any(len(start) < _RTP_HEADER or start[0] >> 6 != _RTP_VERSION for start in starts):
        return None
    numbers = [int.from_bytes(start[2:4], "big") for start in starts]
    steady = all((later - earlier) & 0xFFFF == 1 for earlier, later in pairwise(numbers))
    if not steady or len({(start[1] & 0x7F, start[8:12]) for start in starts}) > 1:
        return None
    encoding, rate, channels = headers.RTP_PAYLOADS.get(starts[0][1] & 0x7F, (None, None, None))
    return Found("rtp", encoding, rate, channels, sign="RTP headers with rising sequence numbers at the start of every message")


def sniff_middle(head: bytes) -> Found | None:
    """A container that begins anywhere but at its start: no magic at the first byte, but a page, cluster or run of blocks later on.

    Only for bytes that no raw encoding was declared for: those may be anything.
    """
    found = _MIDDLE.search(head)
    if found is not None:
        container = {b"O": "ogg", b"\x1f": "webm"}.get(found[0][:1], "mp4")
        return Found(container, headless=True, sign=f"{_PARTS[container]}, with its first page or box {found.start()} bytes behind")
    at = -1
    while (at := head.find(_BLOCK, at + 1, _BLOCKS_WITHIN)) >= 0:
        if _blocks(head, at):
            return Found("webm", headless=True, sign=_PARTS["webm"])
    for sync in _SYNC.finditer(head, 1, _FRAME_WITHIN):  # these need no header: a decoder finds the next frame by itself
        stream = headers.mp3(head, sync.start(), _RUN) or headers.adts(head[sync.start() :], _RUN)
        if stream is not None:
            kind = "MP3" if stream.container == "mp3" else "ADTS"
            return replace(stream, sign=f"the middle of a frame, with {kind} frames {sync.start()} bytes behind")
    return None


def repeated(first: Found, starts: Sequence[bytes]) -> int:
    """How many of the messages begin with the magic of the container found first."""
    magic = next((start[:4] for start in starts if start), b"")
    return sum(start[:4] == magic for start in starts) if first.container in _ONE_HEADER and len(magic) == 4 else 1  # noqa: PLR2004 - bytes of a magic


def _magic(at: int, magic: bytes, read: Callable[[bytes], Found]) -> Callable[[bytes], Found | None]:
    return lambda head: read(head) if head[at : at + len(magic)] == magic else None


def _riff(head: bytes) -> Found | None:
    return headers.wav(head) if head[:4] in (b"RIFF", b"RF64", b"BW64", b"RIFX") and head[8:12] == b"WAVE" else None


def _aiff(head: bytes) -> Found | None:
    return headers.aiff(head) if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC") else None


def _mp4(head: bytes) -> Found | None:
    size, box = int.from_bytes(head[:4], "big"), head[4:8]
    if box in (b"ftyp", b"moov") and size <= _LONGEST_BOX:
        return headers.mp4(head)
    if box in (b"styp", b"moof", b"sidx") and size <= _LONGEST_BOX:
        return Found("mp4", headless=True, sign=f"an MP4 {box.decode()} box without the moov box before it")
    return None


def _webm_middle(head: bytes) -> Found | None:
    """A Matroska stream without its start: a Cluster, or SimpleBlocks of track 1 that follow one another."""
    if head[:4] == b"\x1f\x43\xb6\x75":
        return Found("webm", headless=True, sign="a WebM Cluster without the EBML header before it")
    return Found("webm", headless=True, sign="WebM blocks without the EBML header before them") if _blocks(head, 0) else None


def _blocks(head: bytes, at: int) -> bool:
    """Whether SimpleBlocks of track 1 (RFC 9559 section 5.1.3.4) follow one another from here."""
    for _ in range(_RUN):
        if head[at : at + 1] != _BLOCK or (size := headers.vint(head, at + 1)) is None:
            return False
        length, used = size
        body = at + 1 + used
        if head[body : body + 1] != b"\x81" or length <= 4:  # noqa: PLR2004 - track, time code and flags
            return False
        at = body + length
    return True


def _mp3(head: bytes) -> Found | None:
    if head[:3] == b"ID3" and len(head) >= 10 and head[3] in (2, 3, 4):  # noqa: PLR2004 - versions of ID3v2
        size = sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
        return headers.mp3(head, 10 + size) or Found("mp3", "mp3", sign="an ID3 tag at the first byte")
    return headers.mp3(head, 0, run=_RUN)


def _base64(head: bytes) -> Found | None:
    text = head[:4096]
    cut = len(text) < len(head)
    if (
        len(text) < _TEXT
        or not _BASE64.fullmatch(text if cut else text.strip())
        or b"===" in text
        or len(set(text)) < _BASE64_VARIETY
    ):
        return None
    return Found("base64", sign="nothing but base64 characters")


def _json(head: bytes) -> Found | None:
    text = head[:1024]
    if len(text) < 2 or not _JSON.fullmatch(text):  # noqa: PLR2004 - the shortest JSON object
        return None
    try:
        text.decode()
    except UnicodeDecodeError as error:
        if error.start < len(text) - 3:
            return None
    return Found("json", sign="JSON text")


def _aac(head: bytes) -> Found | None:
    return headers.adts(head, run=_RUN)


_AMR, _AMR_WB = b"#!AMR\n", b"#!AMR-WB\n"
_TESTS: tuple[Callable[[bytes], Found | None], ...] = (
    _riff,
    _magic(0, b"OggS", headers.ogg),
    _magic(0, b"\x1a\x45\xdf\xa3", headers.ebml),
    _webm_middle,
    _magic(0, b"fLaC", headers.flac),
    _mp4,
    _aiff,
    _magic(0, b".snd", headers.au),
    _magic(0, b"caff", headers.caf),
    _magic(0, _AMR, lambda _: Found("amr", "amr-nb", 8000, 1, sign="an AMR header at the first byte")),
    _magic(0, _AMR_WB, lambda _: Found("amr", "amr-wb", 16000, 1, sign="an AMR-WB header at the first byte")),
    _mp3,
    _aac,
    _json,
    _base64,
)


def describe(found: Found) -> str:
    """What was found, for a sentence: `WAV (linear16, 8000 Hz, 1 channel)`."""
    parts = [found.encoding or ""]
    if found.sample_rate:
        parts.append(f"{found.sample_rate} Hz")
    if found.channels:
        parts.append(f"{found.channels} channel{'s' if found.channels > 1 else ''}")
    inside = ", ".join(part for part in parts if part)
    title = _TITLES.get(found.container, found.container)
    return f"{title} ({inside})" if inside else title


_TITLES = {
    "wav": "WAV",
    "ogg": "Ogg",
    "webm": "WebM",
    "matroska": "Matroska",
    "flac": "FLAC",
    "mp3": "MP3",
    "mp4": "MP4",
    "aiff": "AIFF",
    "au": "AU",
    "caf": "CAF",
    "amr": "AMR",
    "aac": "AAC (ADTS)",
    "rtp": "RTP packets",
    "base64": "base64 text",
    "json": "JSON text",
}
