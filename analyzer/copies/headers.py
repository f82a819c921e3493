"""IP and TCP headers: read where a packet lies, written anew around a changed payload, with lengths and checksums that are right.

In: a place in a batch; ports, numbers and bytes. Out: what a copy needs of a header; a whole IP packet (LINKTYPE_RAW).
"""

import struct
from collections.abc import Callable
from functools import lru_cache
from ipaddress import ip_address

import numpy as np

from analyzer.model.dataclass import dataclass
from analyzer.model.places import Endpoint
from analyzer.model.streams import Columns

IPV4, IPV6, TCP = 20, 40, 20
LONGEST_TCP = 60
LONGEST = 0xFFFF
"""What a length of 16 bits says at the most."""
PROTOCOL = 6
DONT_FRAGMENT = 0x4000
HOPS = 64
"""Where the IP header is not at hand."""
SACK, END, NOTHING = 5, 0, 1
"""Kinds of TCP options (RFC 2018, RFC 9293 section 3.1)."""
OPTIONS = {2: (4,), 3: (3,), 4: (2,), SACK: (10, 18, 26, 34), 8: (10,)}
"""Those that hold numbers of TCP and nothing else, with their sizes. Others hold cookies, keys, or what anyone likes (RFC 6994)."""
ACK, URG = 16, 32
RESERVED = 0x0E
"""Bits beside the header's size."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What stays of a packet's headers. `fields`: identification, fragment word, hop limit, traffic class; `header` is the TCP
    header as far as it is there.
    """

    fields: tuple[int, ...]
    header: bytes

    @property
    def flags(self) -> int:
        """TCP flags."""
        return self.header[13]

    @property
    def numbers(self) -> tuple[int, int]:
        """Sequence and acknowledgement number."""
        return int.from_bytes(self.header[4:8], "big"), int.from_bytes(self.header[8:12], "big")

    @property
    def size(self) -> int:
        """Bytes of the TCP header on the wire."""
        return (self.header[12] >> 4) * 4


def read_origin(data: memoryview, columns: Columns, row: int, stop: int) -> Origin:
    """The headers in front of a packet's payload; its bytes end at `stop`. The header is the one that says what `columns` say."""
    payload, ident = int(columns["payload"][row]), int(columns["ident"][row]) >> 16
    seq, flags = int(columns["seq"][row]).to_bytes(4, "big"), int(columns["flags"][row]) & 0x3F
    for size in range(TCP, LONGEST_TCP + 1, 4):
        at = payload - size
        if at < 0 or at + TCP > stop:
            continue
        if data[at + 12] >> 4 == size // 4 and data[at + 13] & 0x3F == flags and data[at + 4 : at + 8] == seq:
            hops, traffic, fragment = _ip(data, at)
            return Origin((ident, fragment, hops, traffic), bytes(data[at : min(payload, stop)]))
    window, ack = int(columns["window"][row]), int(columns["ack"][row])
    header = struct.pack(">HH4sIBBHHH", 0, 0, seq, ack, TCP // 4 << 4, flags, window, 0, 0)
    return Origin((ident, DONT_FRAGMENT, HOPS, 0), header)


def _ip(data: memoryview, at: int) -> tuple[int, int, int]:
    """Hop limit, traffic class and fragment word of the IP header that ends here."""
    for size in range(IPV4, 64, 4):
        begin = at - size
        if begin >= 0 and data[begin] == 0x40 | size // 4 and data[begin + 9] == PROTOCOL:
            return data[begin + 8], data[begin + 1], (data[begin + 6] << 8) & DONT_FRAGMENT
    begin = at - IPV6
    if begin >= 0 and data[begin] >> 4 == 6 and data[begin + 6] == PROTOCOL:  # noqa: PLR2004 - the IP version
        return data[begin + 7], (data[begin] & 15) << 4 | data[begin + 1] >> 4, 0
    return HOPS, 0, DONT_FRAGMENT


def tcp_header(
    origin: Origin, ends: tuple[Endpoint, Endpoint], numbers: tuple[int, int], flags: int, edge: Callable[[int], int]
) -> bytes:
    """A TCP header with other numbers (sequence, acknowledgement) and no checksum. `edge` gives the number for one that a selective
    acknowledgement states. Where nothing is to be said nothing stands.
    """
    header = bytearray(origin.header)
    header[0:4] = struct.pack(">HH", ends[0].port, ends[1].port)
    header[4:12] = struct.pack(">II", numbers[0] & 0xFFFFFFFF, numbers[1] & 0xFFFFFFFF if flags & ACK else 0)
    header[12], header[13], header[16:18] = header[12] & ~RESERVED, flags, b"\0\0"
    if not flags & URG:
        header[18:20] = b"\0\0"
    return bytes(header[:TCP]) + _options(origin.header[TCP:], edge)


def _options(options: bytes, edge: Callable[[int], int]) -> bytes:
    """Those that are known to hold no word of anyone; in the place of others stands nothing."""
    clean, at = bytearray([NOTHING]) * len(options), 0
    while at + 1 < len(options) and options[at] != END:
        kind, size = options[at], options[at + 1]
        if kind == NOTHING:
            at += 1
            continue
        if size in OPTIONS.get(kind, ()) and at + size <= len(options):
            clean[at : at + size] = options[at : at + size]
            for place in range(at + 2, at + size, 4) if kind == SACK else ():
                clean[place : place + 4] = (edge(int.from_bytes(options[place : place + 4], "big")) & 0xFFFFFFFF).to_bytes(4, "big")
        at += max(size, 2)
    return bytes(clean)


def ip_packet(origin: Origin, ends: tuple[Endpoint, Endpoint], header: bytes, payload: bytes, on_wire: int) -> tuple[bytes, int]:
    """A whole packet and its length on the wire, where its payload has `on_wire` bytes."""
    ident, fragment, hops, traffic = origin.fields
    source, target = (packed(end.ip) for end in ends)
    long = origin.size + on_wire
    pseudo = source + target + struct.pack(">II", long, PROTOCOL)
    content = header + payload
    total = checksum(pseudo + content)
    content = content[:16] + total.to_bytes(2, "big") + content[18:]
    if len(source) == 4:  # noqa: PLR2004 - IPv4
        head = (
            struct.pack(">BBHHHBBH", 0x45, traffic, min(IPV4 + long, LONGEST), ident, fragment, hops, PROTOCOL, 0) + source + target
        )
        head = head[:10] + checksum(head).to_bytes(2, "big") + head[12:]
    else:
        head = struct.pack(">IHBB", 6 << 28 | traffic << 20, min(long, LONGEST), PROTOCOL, hops) + source + target
    return head + content, len(head) + long


@lru_cache(8)
def packed(address: str) -> bytes:
    """An address as it stands in a header."""
    return ip_address(address).packed


def checksum(content: bytes) -> int:
    """The sum of the Internet (RFC 1071)."""
    words = np.frombuffer(content + b"\0" if len(content) % 2 else content, ">u2")
    total = int(words.sum(dtype=np.uint64))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
