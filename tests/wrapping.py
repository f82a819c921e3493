"""Headers by hand, from TCP up to every link and tunnel that is read: what the tests wrap a segment in."""

import struct
from collections.abc import Callable, Sequence

HOSTS = bytes([10, 0, 0, 2]), bytes([10, 0, 0, 1])
OUTER = bytes([172, 16, 0, 1]), bytes([172, 16, 0, 2])
HOSTS6 = bytes(15) + b"\2", bytes(15) + b"\1"
MAC = b"\x02\0\0\0\0\1\x02\0\0\0\0\2"
Wrap = Callable[[bytes], bytes]


def tcp(payload: bytes = b"", *, seq: int = 5, ack: int = 6, flags: int = 24, ports: tuple[int, int] = (5000, 80)) -> bytes:
    return struct.pack(">HHIIBBHHH", *ports, seq, ack, 5 << 4, flags, 777, 0, 0) + payload


def ip4(
    payload: bytes,
    total: int | None = None,
    *,
    fragment: int = 0,
    protocol: int = 6,
    options: bytes = b"",
    hosts: tuple[bytes, bytes] = HOSTS,
    ident: int = 0,
) -> bytes:
    """`fragment` as it stands in the header: flags, and the offset in units of eight bytes."""
    size = 20 + len(options) + len(payload) if total is None else total
    head = struct.pack(">BBHHHBBH", 0x45 + len(options) // 4, 0, size, ident, fragment, 64, protocol, 0)
    return head + hosts[0] + hosts[1] + options + payload


def ip6(payload: bytes, following: int = 6, hosts: tuple[bytes, bytes] = HOSTS6) -> bytes:
    return struct.pack(">IHBB", 6 << 28, len(payload), following, 64) + hosts[0] + hosts[1] + payload


def udp(port: int, payload: bytes, source: int = 40_000) -> bytes:
    return struct.pack(">HHHH", source, port, 8 + len(payload), 0) + payload


def type_of(ip: bytes) -> int:
    """The EtherType of an IP packet."""
    return 0x0800 if ip[0] >> 4 == 4 else 0x86DD


def ether(kind: int, payload: bytes) -> bytes:
    return MAC + struct.pack(">H", kind) + payload


def snap(kind: int, payload: bytes) -> bytes:
    return b"\xaa\xaa\3\0\0\0" + struct.pack(">H", kind) + payload


def length_frame(payload: bytes) -> bytes:
    """802.3: a length where Ethernet has a type."""
    return ether(len(payload), payload)


def labels(*numbers: int) -> bytes:
    """An MPLS label stack."""
    return b"".join(struct.pack(">I", number << 12 | (at == len(numbers) - 1) << 8 | 64) for at, number in enumerate(numbers))


def ppp(ip: bytes) -> bytes:
    """Protocol and packet."""
    return (b"\0\x21" if type_of(ip) == 0x0800 else b"\0\x57") + ip


def pppoe(payload: bytes) -> bytes:
    return struct.pack(">BBHH", 0x11, 0, 7, len(payload)) + payload


FRAMES: dict[str, Wrap] = {
    "plain": lambda ip: ether(type_of(ip), ip),
    "tag": lambda ip: ether(0x8100, struct.pack(">HH", 7, type_of(ip)) + ip),
    "two tags": lambda ip: ether(0x88A8, struct.pack(">HHHH", 7, 0x8100, 9, type_of(ip)) + ip),
    "802.3 snap": lambda ip: length_frame(snap(type_of(ip), ip)),
    "802.3 ip": lambda ip: length_frame(b"\6\6\3" + ip),
    "tag and snap": lambda ip: ether(0x8100, struct.pack(">HH", 7, 8 + len(ip)) + snap(type_of(ip), ip)),
    "mpls": lambda ip: ether(0x8847, labels(16, 17, 18) + ip),
    "mpls pseudowire": lambda ip: ether(0x8847, labels(16) + bytes(4) + ether(type_of(ip), ip)),
    "mpls pseudowire without control word": lambda ip: ether(0x8848, labels(16, 20) + ether(type_of(ip), ip)),
    "pppoe": lambda ip: ether(0x8864, pppoe(ppp(ip))),
    "pppoe compressed": lambda ip: ether(0x8864, pppoe(ppp(ip)[1:])),
    "padding": lambda ip: ether(type_of(ip), ip) + bytes(9),
}
"""IP packet to Ethernet frame."""


def over_ip(payload: bytes, protocol: int) -> bytes:
    return ip4(payload, protocol=protocol, hosts=OUTER)


def over_udp(port: int, payload: bytes) -> bytes:
    return over_ip(udp(port, payload), 17)


def gre(kind: int, payload: bytes, flags: int = 0) -> bytes:
    """GRE with the fields that its flags announce."""
    fields = b"\0\0\0\0" * sum(bool(flags & bit) for bit in (0x8000, 0x2000, 0x1000))
    routes = b"\0\2\0\4\1\2\3\4\0\0\0\0" if flags & 0x4000 else b""
    return over_ip(struct.pack(">HH", flags, kind) + fields + routes + payload, 47)


def gtp(payload: bytes, extra: bytes = b"", flags: int = 0x30) -> bytes:
    return over_udp(2152, struct.pack(">BBHI", flags, 255, len(extra) + len(payload), 1) + extra + payload)


CARRIERS: dict[str, Wrap] = {
    "gre bridging": lambda frame: gre(0x6558, frame),
    "erspan 1": lambda frame: gre(0x88BE, frame),
    "erspan 2": lambda frame: gre(0x88BE, struct.pack(">II", 1 << 28 | 5, 1) + frame, 0x1000),
    "erspan 3": lambda frame: gre(0x22EB, struct.pack(">III", 2 << 28, 1, 0) + frame, 0x1000),
    "erspan 3 platform": lambda frame: gre(0x22EB, struct.pack(">III", 2 << 28, 1, 1) + bytes(8) + frame, 0x1000),
    "vxlan": lambda frame: over_udp(4789, b"\x08\0\0\0\0\0\7\0" + frame),
    "vxlan 8472": lambda frame: over_udp(8472, b"\x08\0\0\0\0\0\7\0" + frame),
    "vxlan over ipv6": lambda frame: ip6(udp(4789, b"\x08\0\0\0\0\0\7\0" + frame), 17),
    "vxlan-gpe": lambda frame: over_udp(4790, b"\x0c\0\0\3\0\0\7\0" + frame),
    "geneve": lambda frame: over_udp(6081, b"\2\0\x65\x58\0\0\7\0" + bytes(8) + frame),
}
"""Ethernet frame to IP packet."""
TUNNELS: dict[str, Wrap] = {
    "ip in ip": lambda ip: over_ip(ip, 4 if ip[0] >> 4 == 4 else 41),
    "ip in ipv6": lambda ip: ip6(ip, 4 if ip[0] >> 4 == 4 else 41),
    "mpls in ip": lambda ip: over_ip(labels(16) + ip, 137),
    "gre": lambda ip: gre(type_of(ip), ip),
    "gre with fields": lambda ip: gre(type_of(ip), ip, 0xB000),
    "gre with routes": lambda ip: gre(type_of(ip), ip, 0xE000),
    "gre mpls": lambda ip: gre(0x8847, labels(16) + ip),
    "gre ppp": lambda ip: gre(0x880B, b"\xff\3" + ppp(ip)),
    "pptp": lambda ip: over_ip(struct.pack(">HHHHII", 0x3081, 0x880B, len(ip) + 2, 1, 5, 6) + ppp(ip), 47),
    "vxlan-gpe ip": lambda ip: over_udp(4790, bytes([12, 0, 0, 1 if ip[0] >> 4 == 4 else 2, 0, 0, 7, 0]) + ip),
    "geneve ip": lambda ip: over_udp(6081, b"\0\0" + struct.pack(">H", type_of(ip)) + b"\0\0\7\0" + ip),
    "mpls in udp": lambda ip: over_udp(6635, labels(16, 17) + ip),
    "gtp-u": gtp,
    "gtp-u with a number": lambda ip: gtp(ip, b"\0\1\0\0", 0x32),
    "gtp-u with an extension": lambda ip: gtp(ip, b"\0\1\0\x85" + b"\1\0\0\xc0" + b"\1\0\0\0", 0x34),
}
"""IP packet to IP packet."""


def data_frame(ip: bytes, control: int = 0x0801, qos: bytes = b"", *, pad: int = 0) -> bytes:
    """An 802.11 data frame; `control` as it is read: type first, then flags."""
    addresses = MAC + MAC[:6] + b"\x10\0" + (MAC[6:] if control & 3 == 3 else b"")
    return struct.pack(">HH", control, 0) + addresses + qos + bytes(pad) + snap(type_of(ip), ip)


def radiotap(frame: bytes, flags: int = 0) -> bytes:
    """With a time stamp and flags, behind two words of presence."""
    return struct.pack("<BBHIIIQB", 0, 0, 25, 0x80000003, 0, 0, 9, flags) + frame


def nflog(ip: bytes) -> bytes:
    """A prefix of three bytes, then the packet."""
    family = 2 if ip[0] >> 4 == 4 else 10
    return bytes([family, 0, 0, 7]) + struct.pack("<HH", 7, 10) + b"ab\0\0" + struct.pack("<HH", len(ip) + 4, 9) + ip


def pktap(inner: int, frame: bytes) -> bytes:
    return struct.pack("<III", 108, 1, inner) + bytes(96) + frame


LINKS: dict[str, tuple[int, Wrap]] = {
    **{f"ethernet {name}": (1, wrap) for name, wrap in FRAMES.items()},
    "null": (0, lambda ip: (b"\2\0\0\0" if ip[0] >> 4 == 4 else b"\0\0\0\x1e") + ip),
    "loop": (108, lambda ip: (b"\0\0\0\2" if ip[0] >> 4 == 4 else b"\0\0\0\x18") + ip),
    "raw": (101, bytes),
    "cooked": (113, lambda ip: bytes(14) + struct.pack(">H", type_of(ip)) + ip),
    "cooked snap": (113, lambda ip: bytes(14) + b"\0\4" + snap(type_of(ip), ip)),
    "cooked tag": (113, lambda ip: bytes(14) + struct.pack(">HHH", 0x8100, 7, type_of(ip)) + ip),
    "cooked 2": (276, lambda ip: struct.pack(">H", type_of(ip)) + bytes(18) + ip),
    "ppp": (9, lambda ip: b"\xff\3" + ppp(ip)),
    "ppp bare": (9, ppp),
    "ppp compressed": (9, lambda ip: ppp(ip)[1:]),
    "ppp hdlc": (50, lambda ip: b"\xff\3" + ppp(ip)),
    "ppp as cisco": (9, lambda ip: b"\x0f\0" + struct.pack(">H", type_of(ip)) + ip),
    "pppoe": (51, lambda ip: pppoe(ppp(ip))),
    "ppp with direction": (204, lambda ip: b"\1\xff\3" + ppp(ip)),
    "cisco hdlc": (104, lambda ip: b"\x0f\0" + struct.pack(">H", type_of(ip)) + ip),
    "802.11": (105, data_frame),
    "802.11 quality of service": (105, lambda ip: data_frame(ip, 0x8801, b"\0\0")),
    "802.11 four addresses": (105, lambda ip: data_frame(ip, 0x8803, b"\0\0")),
    "802.11 ht control": (105, lambda ip: data_frame(ip, 0x8881, bytes(6))),
    "radiotap": (127, lambda ip: radiotap(data_frame(ip, 0x8801, b"\0\0"), 0x10) + b"\1\2\3\4"),
    "radiotap padded": (127, lambda ip: radiotap(data_frame(ip, 0x8801, b"\0\0", pad=2), 0x20)),
    "prism": (119, lambda ip: struct.pack("<II", 0x44, 144) + bytes(136) + data_frame(ip)),
    "avs": (163, lambda ip: struct.pack(">II", 0x80211001, 64) + bytes(56) + data_frame(ip)),
    "avs as prism": (119, lambda ip: struct.pack(">II", 0x80211001, 64) + bytes(56) + data_frame(ip)),
    "ppi": (192, lambda ip: struct.pack("<BBHI", 0, 0, 8, 105) + data_frame(ip)),
    "nflog": (239, nflog),
    "pktap ethernet": (258, lambda ip: pktap(1, ether(type_of(ip), ip))),
    "pktap raw": (258, lambda ip: pktap(12, ip)),
    "pflog": (117, lambda ip: bytes([61, 2 if ip[0] >> 4 == 4 else 24]) + bytes(62) + ip),
    "enc": (109, lambda ip: struct.pack("<III", 2 if ip[0] >> 4 == 4 else 24, 0, 0) + ip),
    "ipnet": (226, lambda ip: struct.pack(">BBHIIIII", 1, 2 if ip[0] >> 4 == 4 else 26, 0, len(ip), 1, 0, 0, 0) + ip),
}
"""IP packet to packet of a link type."""


def pcapng(packets: Sequence[tuple[int, bytes]]) -> bytes:
    """Packets of any link types, each type an interface of its own."""
    numbers = sorted({link for link, _ in packets})
    parts = [struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)]
    parts += [struct.pack("<IIHHII", 1, 20, link, 0, 0, 20) for link in numbers]
    for number, (link, data) in enumerate(packets):
        padded = data + bytes(-len(data) % 4)
        size = 32 + len(padded)
        parts.append(struct.pack("<IIIIIII", 6, size, numbers.index(link), 0, number, len(data), len(data)))
        parts += [padded, struct.pack("<I", size)]
    return b"".join(parts)
