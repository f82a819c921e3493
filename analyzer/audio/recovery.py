"""A container whose header was never sent: the header made up, where what follows proves what it must say.

In: a `Store` that begins in the middle of an Ogg or WebM stream. Out: a `Recovered` with a file that decodes from the next page,
cluster or block on. Only Opus is recovered, whose packets say how long they last: when that agrees with the time stamps beside
them, they are Opus. Raises UnrecoverableError with the reason for all else.
"""

import re
import struct
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import IO

from analyzer.audio.codecs import opus
from analyzer.audio.headers import vint
from analyzer.audio.store import Store
from analyzer.model.dataclass import dataclass

_LOOKED_AT = 1 << 18
"""Bytes that must prove what the packets are: at least a second at any rate."""
_SEARCHED = 1 << 20
"""Bytes searched at once for the next page or cluster."""
_BLOCKS = 3
"""WebM blocks that must agree."""
_CLUSTER = b"\x1f\x43\xb6\x75"
_PAGE = re.compile(rb"OggS\x00[\x00-\x07]")
_NO_POSITION = (1 << 64) - 1
"""The position of an Ogg page on which no packet ends (RFC 3533 section 6)."""
_SLACK_MS = 30
"""By how much the clock of a recorder may differ from its audio over the blocks looked at, besides a tenth."""


class UnrecoverableError(Exception):
    """Nothing can be recovered; the message says why."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """A file that decodes, and from where on it holds what was sent. `skipped` bytes of that are left out."""

    file: IO[bytes]
    next: str
    skipped: int


def recover(store: Store, container: str) -> Recovered:
    """Find what can be decoded."""
    if container == "ogg":
        return _ogg(store)
    if container == "webm":
        return _webm(store)
    if container == "mp4":
        raise UnrecoverableError("fragments of MP4 do not say what they hold without the moov box")
    raise UnrecoverableError("its header holds what a decoder needs")


def _from(store: Store, at: int, header: bytes, what: str) -> Recovered:
    return Recovered(store.copied(header, at), what, at)


def _ogg(store: Store) -> Recovered:
    """From the next page on. The position of a page counts samples at 48 kHz up to its last packet's end (RFC 7845 section 4)."""
    for at in store.places(_PAGE, _SEARCHED):
        pages = list(_pages(store.read(at, _LOOKED_AT)))
        if len(pages) < 2:  # noqa: PLR2004 - a chance likeness, or the end
            continue
        packets = [packet for page in pages for packet in page.packets]
        pairs = [(before, page) for before, page in pairwise(pages) if page.packets]
        proofs = sum(page.position - before.position == sum(map(_lasts, page.packets)) for before, page in pairs if not page.last)
        if not packets or not all(map(opus.well_formed, packets)) or proofs < max(len(pairs) // 2, 1):
            raise UnrecoverableError("its packets are not Opus, and other codecs do not decode without the header")
        return _from(store, at, _opus_pages(pages[0].serial, 1 + any(map(opus.stereo, packets))), "page")
    raise UnrecoverableError("no two Ogg pages follow one another in it")


def _lasts(packet: bytes) -> int:
    return opus.duration(packet) or 0


@dataclass(frozen=True, slots=True)
class _Page:
    serial: int
    position: int
    last: bool
    packets: tuple[bytes, ...]
    """Those that end on it and begin on it or on one before."""


def _pages(data: bytes) -> Iterator[_Page]:
    """Pages of one stream that follow one another without a gap."""
    at, begun, first = 0, None, None
    while at + 27 <= len(data) and data[at : at + 5] == b"OggS\0":
        flags, position, serial, number, _, segments = struct.unpack_from("<BQIIIB", data, at + 5)
        lacing, body = data[at + 27 : at + 27 + segments], at + 27 + segments
        if len(lacing) < segments or body + sum(lacing) > len(data) or (first or (serial, number)) != (serial, number):
            return
        packets, packet = [], begun if flags & 1 else b""  # None: the packet began before the first page
        for length in lacing:
            packet = None if packet is None else packet + data[body : body + length]
            body += length
            if length < 255:  # noqa: PLR2004 - a packet goes on for as long as segments are full
                packets += [packet] if packet is not None else []
                packet = b""
        begun, first, at = packet, (serial, number + 1 & 0xFFFFFFFF), body
        if position != _NO_POSITION:
            yield _Page(serial, position, bool(flags & 4), tuple(packets))


def _opus_pages(serial: int, channels: int) -> bytes:
    """The two header pages of an Ogg Opus stream (RFC 7845 section 5)."""
    head = _opus_head(channels)
    tags = b"OpusTags" + struct.pack("<I", 0) + struct.pack("<I", 0)
    return b"".join(_page(serial, number, flags, packet) for number, flags, packet in ((0, 2, head), (1, 0, tags)))


def _opus_head(channels: int) -> bytes:
    """OpusHead (section 5.1) without pre-skip: the beginning, of which some would be skipped, is not there."""
    return b"OpusHead" + struct.pack("<BBHIhB", 1, channels, 0, opus.RATE, 0, 0)


def _page(serial: int, number: int, flags: int, packet: bytes) -> bytes:
    """One page with one short packet (RFC 3533 section 6)."""
    head = b"OggS\0" + struct.pack("<BQII", flags, 0, serial, number)
    rest = bytes((1, len(packet))) + packet
    return head + struct.pack("<I", _checksum(head + bytes(4) + rest)) + rest


def _checksum(data: bytes) -> int:
    """CRC-32 with the polynomial 0x04C11DB7, bits not reflected, nothing inverted."""
    register = 0
    for octet in data:
        register ^= octet << 24
        for _ in range(8):
            register = (register << 1 ^ (0x04C11DB7 if register >> 31 else 0)) & 0xFFFFFFFF
    return register


def _webm(store: Store) -> Recovered:
    """From the next cluster on, or under a cluster made up as well where none follows."""
    for at in store.places(re.compile(re.escape(_CLUSTER)), _SEARCHED):
        data = store.read(at, _LOOKED_AT)
        size = vint(data, 4)
        if size is None:
            continue
        blocks = list(_blocks(data, 4 + size[1]))
        if len(blocks) >= _BLOCKS:
            return _from(store, at, _webm_header(blocks), "cluster")
    head = store.read(0, _LOOKED_AT)
    for found in re.finditer(rb"\xa3", head[:_SEARCHED]):
        blocks = list(_blocks(head, found.start()))
        if len(blocks) >= _BLOCKS:
            cluster = _CLUSTER + b"\x01" + b"\xff" * 7 + _element(b"\xe7", b"\0")
            return _from(store, found.start(), _webm_header(blocks) + cluster, "block")
    raise UnrecoverableError("neither a cluster nor blocks that follow one another are in it")


@dataclass(frozen=True, slots=True)
class _Block:
    track: int
    time: int
    """In ms, as long as nothing states another scale; a browser states 1 ms."""
    frame: bytes


def _blocks(data: bytes, at: int) -> Iterator[_Block]:
    """Whole blocks of the clusters that follow from here (RFC 9559 sections 5.1.3 and 10)."""
    cluster = 0
    while at < len(data):
        name = 4 if data[at : at + 4] == _CLUSTER else 1
        size = vint(data, at + name)
        if size is None:
            return
        element, body, end = data[at : at + name], at + name + size[1], at + name + sum(size)
        at = end
        if element in (_CLUSTER, b"\xa0"):  # what lies inside comes next
            at = body
        elif end > len(data):
            return
        elif element == b"\xe7":
            cluster = int.from_bytes(data[body:end], "big")
        elif element in (b"\xa3", b"\xa1"):
            track = vint(data, body)
            if track is None or body + track[1] + 3 > end or data[body + track[1] + 2] & 6:
                return  # laced blocks hold several frames, as audio of no browser has
            time = cluster + int.from_bytes(data[body + track[1] : body + track[1] + 2], "big", signed=True)
            yield _Block(track[0], time, data[body + track[1] + 3 : end])
        elif element not in (b"\xa7", b"\xab", b"\x9b", b"\xfb", b"\xec", b"\xbf"):
            return


def _webm_header(blocks: Sequence[_Block]) -> bytes:
    """EBML header and Tracks (RFC 9559 section 5.1.4) of an Opus stream, if the blocks of the first track are one."""
    track = blocks[0].track
    mine = [block for block in blocks if block.track == track]
    frames = [block.frame for block in mine]
    heard, passed = sum(map(_lasts, frames[:-1])) * 1000 / opus.RATE, mine[-1].time - mine[0].time
    if not all(map(opus.well_formed, frames)) or abs(heard - passed) > _SLACK_MS + passed / 10:
        raise UnrecoverableError("its blocks are not Opus, and other codecs do not decode without the header")
    channels = 1 + any(map(opus.stereo, frames))
    audio = _element(b"\xb5", struct.pack(">d", opus.RATE)) + _element(b"\x9f", bytes((channels,)))
    entry = b"".join((
        _element(b"\xd7", bytes((track,))), _element(b"\x73\xc5", bytes((track,))), _element(b"\x83", b"\x02"),
        _element(b"\x86", b"A_OPUS"), _element(b"\x63\xa2", _opus_head(channels)), _element(b"\xe1", audio),
    ))  # fmt: skip
    tracks = _element(b"\x16\x54\xae\x6b", _element(b"\xae", entry))
    return _element(b"\x1a\x45\xdf\xa3", _element(b"\x42\x82", b"webm")) + b"\x18\x53\x80\x67\x01" + b"\xff" * 7 + tracks


def _element(name: bytes, body: bytes) -> bytes:
    """An EBML element (RFC 8794 section 6) of less than 16 KiB."""
    return name + (0x4000 | len(body)).to_bytes(2, "big") + body
