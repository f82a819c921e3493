"""From every link and through every tunnel to TCP, as it was built and as plain Python: both must say the same."""

import shutil
import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_kernels import plain
from wrapping import (
    CARRIERS,
    FRAMES,
    LINKS,
    TUNNELS,
    data_frame,
    ether,
    gre,
    gtp,
    ip4,
    ip6,
    labels,
    over_udp,
    pcapng,
    radiotap,
    snap,
    tcp,
    type_of,
    udp,
)

from analyzer.model.schema import PACKETS
from analyzer.model.settings import Settings
from analyzer.sources import open_source
from analyzer.wire import link_kernels
from analyzer.wire.tcp import LOCATED, FlowTable, Watch

ETHERNET, NULL, RAW, SLL, SLL2, WIFI, RADIOTAP, PPI, PKTAP = 1, 0, 101, 113, 276, 105, 127, 192, 258
PLAIN = plain(link_kernels)
BOTH = pytest.mark.parametrize("walks", [link_kernels, PLAIN], ids=["built", "plain"])
SEGMENT = tcp(b"hello")
FOUR, SIX = ip4(SEGMENT), ip6(SEGMENT)


def locate(
    walks: ModuleType, packets: Sequence[bytes], link: int = ETHERNET, on_wire: Sequence[int] | None = None
) -> list[dict[str, int]]:
    """The columns of each row. `ends` are its five words."""
    lengths = np.array([len(packet) for packet in packets], np.int64)
    wire = lengths if on_wire is None else np.array(on_wire, np.int64)
    kind, ends = np.zeros(len(packets), np.uint8), np.zeros(len(packets) * 5, np.uint64)
    columns = {column.name: np.zeros(len(packets), column.dtype) for column in PACKETS}
    interface, links = np.zeros(len(packets), np.int32), np.array([link], np.int64)
    walks.locate(
        memoryview(b"".join(packets) or b"\0"),
        *map(memoryview, (np.cumsum(lengths) - lengths, lengths, wire, interface, links)),
        walks.LAYERS,
        memoryview(np.zeros(3, np.int64)),
        memoryview(kind),
        memoryview(ends),
        *(memoryview(columns[name]) for name in LOCATED),
    )
    rows = [{"kind": int(kind[row]), **{name: int(columns[name][row]) for name in LOCATED}} for row in range(len(packets))]
    return [
        {**row, **dict(zip("abcde", words, strict=True))} for row, words in zip(rows, ends.reshape(-1, 5).tolist(), strict=True)
    ]


def assert_found(row: dict[str, int], packet: bytes, ip: bytes) -> None:
    """What was found is the segment, with the addresses of this IP packet."""
    words = struct.unpack(">II", ip[12:20]) if ip[0] >> 4 == 4 else struct.unpack(">QQQQ", ip[8:40])
    (one, two), (three, four) = ((0, words[0]), (0, words[1])) if len(words) == 2 else (words[:2], words[2:])
    want = {"kind": link_kernels.TCP, "seq": 5, "ack": 6, "flags": 24, "window": 777, "captured": 5, "length": 5}
    want |= {"a": one, "b": two, "c": three, "d": four, "e": ip[0] >> 4 << 32 | 5000 << 16 | 80}
    assert {name: row[name] for name in want} == want
    assert packet[row["payload"] :][:5] == b"hello"


@BOTH
@pytest.mark.parametrize("ip", [FOUR, SIX], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("case", LINKS)
def test_tcp_is_found_below_every_link(walks: ModuleType, case: str, ip: bytes) -> None:
    link, wrap = LINKS[case]
    packet = wrap(ip)
    (row,) = locate(walks, [packet], link)
    assert_found(row, packet, ip)


@BOTH
@pytest.mark.parametrize("ip", [FOUR, SIX], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("case", [*TUNNELS, *CARRIERS])
def test_tcp_is_found_in_every_tunnel(walks: ModuleType, case: str, ip: bytes) -> None:
    inner = TUNNELS[case](ip) if case in TUNNELS else CARRIERS[case](ether(type_of(ip), ip))
    (row,) = locate(walks, [inner], RAW)
    assert_found(row, inner, ip)


@BOTH
@pytest.mark.parametrize(
    "packet",
    [
        ip4(SEGMENT, options=bytes(8)),
        ip6(b"\x3c\0" + bytes(6) + b"\6\0" + bytes(6) + SEGMENT, 0),
        ip6(b"\6\0\0\0" + bytes(4) + SEGMENT, 44),
        ip6(b"\6\1\0\0" + bytes(8) + SEGMENT, 51),
    ],
    ids=["ipv4 options", "ipv6 extensions", "ipv6 atomic fragment", "ipv6 authentication"],
)
def test_ip_headers_of_every_size(walks: ModuleType, packet: bytes) -> None:
    for link in (RAW, 228 if packet[0] >> 4 == 4 else 229):
        (row,) = locate(walks, [packet], link)
        assert_found(row, packet, packet)


WRAPS = st.lists(st.tuples(st.sampled_from(sorted(TUNNELS) + sorted(CARRIERS)), st.sampled_from(sorted(FRAMES))), max_size=4)


@given(wraps=WRAPS, link=st.sampled_from(sorted(LINKS)), ip=st.sampled_from((FOUR, SIX)))
def test_any_wrapping_of_up_to_four_layers_is_seen_through(wraps: list[tuple[str, str]], link: str, ip: bytes) -> None:
    packet = ip
    for tunnel, frame in wraps:
        packet = TUNNELS[tunnel](packet) if tunnel in TUNNELS else CARRIERS[tunnel](FRAMES[frame](packet))
    number, wrap = LINKS[link]
    packet = wrap(packet)
    for walks in (link_kernels, PLAIN):
        (row,) = locate(walks, [packet], number)
        assert_found(row, packet, ip)


@BOTH
@pytest.mark.parametrize("case", LINKS)
def test_a_packet_cut_anywhere_is_cut_and_not_wrong(walks: ModuleType, case: str) -> None:
    link, wrap = LINKS[case]
    packet = wrap(FOUR)
    whole = packet.index(b"hello")
    for stop in range(len(packet)):
        (row,) = locate(walks, [packet[:stop]], link, [len(packet)])
        if stop < whole:
            assert row["kind"] in (link_kernels.CUT, link_kernels.NOT_TCP, link_kernels.TUNNEL), stop
        else:
            assert (row["captured"], row["length"]) == (min(stop - whole, 5), 5)


NOT_TCP, TCP, FRAGMENT, TUNNEL, UNKNOWN_LINK, CUT, ENCRYPTED, DATAGRAM_PART = link_kernels.KINDS
VXLAN = b"\x08\0\0\0\0\0\7\0"
DEEP = FOUR
for _ in range(link_kernels.LAYERS):
    DEEP = ip4(DEEP, protocol=4)


@BOTH
@pytest.mark.parametrize(
    ("packet", "kind"),
    [
        (ether(0x0806, bytes(28)), NOT_TCP),
        (ether(0x0800, ip4(SEGMENT, protocol=17)), NOT_TCP),
        (ether(0x0800, ip4(SEGMENT, fragment=0x2000)), FRAGMENT),
        (ether(0x0800, ip4(SEGMENT, fragment=100)), FRAGMENT),
        (ether(0x0800, ip4(SEGMENT, fragment=100, protocol=17)), DATAGRAM_PART),
        (ether(0x0800, ip4(SEGMENT, fragment=0x2000, protocol=17)), NOT_TCP),
        (ether(0x0800, ip4(udp(4789, bytes(8)), fragment=0x2000, protocol=17)), FRAGMENT),
        (ether(0x0800, ip4(SEGMENT, fragment=0x2000, protocol=1)), NOT_TCP),
        (ether(0x86DD, ip6(b"\6\0\0\x09" + bytes(4) + SEGMENT, 44)), FRAGMENT),
        (ether(0x0800, ip4(SEGMENT, protocol=47)), TUNNEL),
        (ether(0x8847, bytes(40)), TUNNEL),
        (ether(0x8847, labels(16) + b"\x10\0\0\x21" + FOUR), TUNNEL),
        (ether(0x8864, b"\x11\0\0\7\0\6\0\xfd" + bytes(4)), TUNNEL),
        (ether(0x8864, b"\x11\x09\0\7\0\6\0\x21" + FOUR), NOT_TCP),
        (ether(0x0800, b"\x44" + ip4(SEGMENT)[1:]), NOT_TCP),
        (ether(0x0800, ip4(SEGMENT, 30)), NOT_TCP),
        (ether(0x0800, gre(0x9999, FOUR)), TUNNEL),
        (ether(0x0800, DEEP), TUNNEL),
        # What is not exactly a tunnel is ordinary UDP, whatever its port.
        (ether(0x0800, over_udp(4789, b"\0" + VXLAN[1:] + ether(0x0800, FOUR))), NOT_TCP),
        (ether(0x0800, over_udp(4789, VXLAN + ether(0x0800, FOUR[:-6]))), NOT_TCP),
        (ether(0x0800, over_udp(4789, VXLAN + ether(0x0800, SIX))), NOT_TCP),
        (ether(0x0800, over_udp(4789, VXLAN + FOUR)), NOT_TCP),
        (ether(0x0800, over_udp(4789, b"\x08")), NOT_TCP),
        (ether(0x0800, over_udp(4788, VXLAN + ether(0x0800, FOUR))), NOT_TCP),
        (ether(0x0800, over_udp(6081, b"\x40\0\x65\x58\0\0\7\0" + ether(0x0800, FOUR))), NOT_TCP),
        (ether(0x0800, gtp(FOUR, flags=0x50)), NOT_TCP),
        (ether(0x0800, gtp(FOUR, b"\0\1\0\x85" + b"\0\0\0\0", 0x34)), NOT_TCP),
    ],
)
def test_what_cannot_be_followed_is_told_apart(walks: ModuleType, packet: bytes, kind: int) -> None:
    (row,) = locate(walks, [packet])
    assert row["kind"] == kind


@BOTH
def test_radio_frames_that_cannot_be_read_are_told_apart(walks: ModuleType) -> None:
    secret = data_frame(FOUR, 0x8841, b"\0\0")
    secret = secret[:26] + bytes(8) + bytes(byte ^ 0x5A for byte in secret[26:])
    cases = [
        (WIFI, secret, ENCRYPTED),
        (WIFI, data_frame(FOUR, 0x8841, b"\0\0"), TCP),  # decrypted by who captured it
        (WIFI, data_frame(FOUR, 0x0805), UNKNOWN_LINK),  # a part of a longer unit
        (WIFI, data_frame(FOUR, 0x4801), NOT_TCP),  # null data
        (WIFI, data_frame(FOUR, 0x8001), NOT_TCP),  # a beacon
        (RADIOTAP, radiotap(data_frame(FOUR), 0x40), NOT_TCP),  # a bad checksum
        (PPI, struct.pack("<BBHI", 0, 0, 8, 147) + FOUR, UNKNOWN_LINK),
        (PPI, struct.pack("<BBHI", 0, 0, 2, 105) + FOUR, NOT_TCP),
        (PKTAP, struct.pack("<III", 12, 1, 147) + FOUR, UNKNOWN_LINK),
    ]
    for link, packet, kind in cases:
        (row,) = locate(walks, [packet], link)
        assert row["kind"] == kind, (link, kind)


@BOTH
def test_the_first_unit_of_several_in_one_radio_frame_is_read(walks: ModuleType) -> None:
    unit = snap(0x0800, FOUR)
    frame = data_frame(FOUR, 0x8801, b"\x80\0")[:26] + bytes(12) + struct.pack(">H", len(unit)) + unit + bytes(30)
    (row,) = locate(walks, [frame], WIFI)
    assert_found(row, frame, FOUR)


@BOTH
def test_a_fragment_is_described(walks: ModuleType) -> None:
    four = ether(0x0800, ip4(SEGMENT, fragment=0x2001, options=bytes(4)) + b"padding")
    six = ether(0x86DD, ip6(b"\x2c\0" + bytes(6) + b"\6\0\0\x09" + bytes(4) + SEGMENT, 60))
    first, second = locate(walks, [four, six])
    assert (first["kind"], first["payload"], first["captured"], first["length"]) == (FRAGMENT, 14, 24, len(SEGMENT))
    assert (second["payload"], second["captured"], second["length"]) == (len(four) + 14, 56, len(SEGMENT))


@BOTH
def test_a_copy_is_known_by_identification_and_checksum(walks: ModuleType) -> None:
    segment = SEGMENT[:16] + b"\xab\xcd" + SEGMENT[18:]
    rows = locate(walks, [ether(0x0800, ip4(segment, ident=0xFEDC)), ether(0x86DD, ip6(segment))])
    assert [row["ident"] for row in rows] == [0xFEDCABCD, 0xABCD]


@BOTH
def test_a_length_left_to_the_network_card_is_that_of_the_wire(walks: ModuleType) -> None:
    packet = ether(0x0800, ip4(tcp(bytes(100)), 0))
    row, huge = locate(walks, [packet, packet], on_wire=[70_000, 0xFFFFFFFF])
    assert (row["captured"], row["length"]) == (100, 70_000 - 54)
    assert (huge["captured"], huge["length"]) == (100, 0x3FFFFFFF - 20)


NUMBERS = sorted({link for link, _ in LINKS.values()} | {147})


@given(
    packets=st.lists(
        st.tuples(
            st.sampled_from(sorted(LINKS)),
            WRAPS,
            st.lists(st.tuples(st.integers(0, 300), st.integers(0, 255)), max_size=4),
            st.integers(0, 200),
        ),
        min_size=1,
        max_size=4,
    ),
    link=st.sampled_from([None, *NUMBERS]),
    extra=st.integers(-20, 1 << 32),
)
def test_built_and_plain_locate_alike(
    packets: list[tuple[str, list[tuple[str, str]], list[tuple[int, int]], int]], link: int | None, extra: int
) -> None:
    changed = []
    for case, wraps, bytes_, cut in packets:
        ip = FOUR
        for tunnel, frame in wraps:
            ip = TUNNELS[tunnel](ip) if tunnel in TUNNELS else CARRIERS[tunnel](FRAMES[frame](ip))
        packet = bytearray(LINKS[case][1](ip))
        for at, value in bytes_:
            packet[at % len(packet)] = value
        changed.append(bytes(packet[: max(1, len(packet) - cut)]))
    chosen = LINKS[packets[0][0]][0] if link is None else link
    on_wire = [max(0, min(len(packet) + extra, 0xFFFFFFFF)) for packet in changed]
    assert locate(link_kernels, changed, chosen, on_wire) == locate(PLAIN, changed, chosen, on_wire)


@given(data=st.binary(max_size=200), link=st.sampled_from(NUMBERS), extra=st.integers(-20, 100))
def test_no_bytes_raise(data: bytes, link: int, extra: int) -> None:
    on_wire = [max(0, len(data) + extra)]
    (row,) = locate(PLAIN, [data], link, on_wire)
    assert row["kind"] in link_kernels.KINDS
    assert [row] == locate(link_kernels, [data], link, on_wire)


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is the reference; install it to compare with it")
def test_tshark_sees_the_same(tmp_path: Path) -> None:
    """Number of the connection, length of the payload, and innermost addresses of every link and tunnel.

    Without pseudowires: tshark guesses by the manufacturer of the addresses what is Ethernet there.
    """
    frames = {name: wrap for name, wrap in FRAMES.items() if "pseudowire" not in name}
    wraps = [(name, *wrap) for name, wrap in LINKS.items() if "pseudowire" not in name]
    wraps += [(name, RAW, wrap) for name, wrap in TUNNELS.items()]
    for name, wrap in CARRIERS.items():
        wraps += [(f"{name} {inner}", RAW, lambda ip, a=wrap, b=frame: a(b(ip))) for inner, frame in frames.items()]
    cases = []
    for number, (name, link, wrap) in enumerate(wraps):
        segment = tcp(b"hello", ports=(5000 + number, 80))
        cases += [(name, link, wrap(ip)) for ip in (ip4(segment), ip6(segment))]
    path = tmp_path / "all.pcapng"
    path.write_bytes(pcapng([(link, packet) for _, link, packet in cases]))
    fields = ("tcp.stream", "tcp.len", "ip.addr", "ipv6.addr", "frame.protocols")
    words = ["tshark", "-r", str(path), "-d", "udp.port==8472,vxlan", "-T", "fields", *(f"-e{field}" for field in fields)]
    lines = subprocess.run(words, check=True, capture_output=True, text=True).stdout.splitlines()
    with open_source(str(path), Settings()) as source:
        (batch,) = source.batches()
        packets = FlowTable().decode(batch, source.log, Watch())
    ours = {}
    for rows, index in packets.connections(Watch()):
        opening, (begin, _) = packets.opening(index), rows.sides[0]
        ends = ",".join(end.ip for end in opening.endpoints)
        ours[int(packets.columns["number"][begin])] = (str(opening.stream), str(packets.columns["length"][begin]), ends)
    for number, ((name, _, _), line) in enumerate(zip(cases, lines, strict=True), 1):
        stream, length, four, six, protocols = line.split("\t")
        last = [layer for layer in protocols.split(":") if layer in ("ip", "ipv6")][-1]
        addresses = (four if last == "ip" else six).split(",")[-2:]
        assert ours[number] == (stream, length, ",".join(addresses)), name
