"""Headers come back as they were, with other numbers and right checksums."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.packet import Packet as Layers

from analyzer.copies.headers import Origin, checksum, ip_packet, read_origin, tcp_header
from analyzer.model.places import Endpoint

ENDS = {4: ("10.0.0.2", "10.0.0.1"), 6: ("fd00::2", "fd00::1")}
OPTIONS = [("NOP", None), ("NOP", None), ("Timestamp", (77, 88)), ("SAck", (1000, 1500, 2000, 2500))]


def build(version: int, payload: bytes) -> bytes:
    one, two = ENDS[version]
    ip = IP(src=one, dst=two, ttl=57, tos=4, id=4711, flags="DF") if version == 4 else IPv6(src=one, dst=two, hlim=57, tc=4)
    return bytes(ip / TCP(sport=5000, dport=443, seq=9, ack=7, flags="PA", window=321, options=OPTIONS) / payload)


def layers(version: int, content: bytes) -> Layers:
    return IP(content) if version == 4 else IPv6(content)


def read(packet: bytes, version: int, stop: int) -> Origin:
    begin = 20 if version == 4 else 40
    payload = begin + (packet[begin + 12] >> 4) * 4
    values = {"payload": payload, "ident": 4711 << 16, "seq": 9, "ack": 7, "flags": 24, "window": 321}
    return read_origin(memoryview(packet), {name: np.array([value]) for name, value in values.items()}, 0, stop)


@pytest.mark.parametrize("version", [4, 6])
@given(st.binary(max_size=60), st.binary(max_size=60))
def test_a_packet_gets_another_payload(version: int, before: bytes, after: bytes) -> None:
    packet = build(version, before)
    origin = read(packet, version, len(packet))
    ends = tuple(Endpoint(ip, port) for ip, port in zip(ENDS[version], (5000, 443), strict=True))
    content, wire = ip_packet(
        origin,
        (ends[0], ends[1]),
        tcp_header(origin, (ends[0], ends[1]), (19, 27), 24, lambda number: number + 10),
        after,
        len(after),
    )
    found = layers(version, content)
    assert wire == len(content)
    assert bytes(found[TCP].payload) == after
    assert (found[TCP].seq, found[TCP].ack, found[TCP].window) == (19, 27, 321)
    assert found[TCP].options[3] == ("SAck", (1010, 1510, 2010, 2510))
    assert found[TCP].options[2] == ("Timestamp", (77, 88))
    assert (found.ttl, found.tos, found.id) == (57, 4, 4711) if version == 4 else (found.hlim, found.tc) == (57, 4)
    rebuilt = found.copy()
    del rebuilt[TCP].chksum
    if version == 4:
        del rebuilt.chksum
    assert bytes(rebuilt) == content


def test_options_end_with_the_bytes_of_the_packet() -> None:
    packet = build(4, b"") + b"the next packet's"
    origin = read(packet, 4, 20 + 24)
    assert origin.header == packet[20:44]
    assert origin.size == len(build(4, b"")) - 20


def test_without_headers_a_plain_one_is_made() -> None:
    origin = read(bytes(80) + build(4, b"")[20:24], 4, 0)
    assert (origin.flags, origin.numbers, origin.size) == (24, (9, 7), 20)


@given(st.binary(max_size=50))
def test_a_checksum_sums_up_to_nothing(content: bytes) -> None:
    padded = content + b"\0" * (len(content) % 2)
    assert checksum(padded + struct.pack(">H", checksum(padded))) in (0, 0xFFFF)


def with_options(options: bytes, flags: int = 24, *, ack: int = 7, urgent: int = 0) -> bytes:
    """The header that is made of one with these options."""
    size = 20 + len(options)
    header = struct.pack(">HHIIBBHHH", 1, 2, 9, ack, size // 4 << 4 | 0xF, flags, 321, 0, urgent) + options
    ends = Endpoint("10.0.0.2", 5000), Endpoint("10.0.0.1", 443)
    return tcp_header(Origin((0, 0, 64, 0), header), ends, (9, ack), flags, lambda number: number + 10)


@pytest.mark.parametrize(
    "smuggled",
    [
        *(bytes([kind, 10]) + b"smuggled\1\1" for kind in (2, 3, 4, 19, 28, 29, 30, 34, 69, 253, 254)),
        *(b"\0" + b"smuggled" * 2 + b"end", b"\x08\1" + b"smuggled" * 2 + b"\1\1", b"\xfd\xff" + b"smuggled" * 2 + b"\1\1"),
        b"\x08\x0asmugg",  # cut by a snap length
    ],
)
def test_options_that_may_hold_anything_are_taken_out(smuggled: bytes) -> None:
    kept = b"\2\4\5\xb4\1\3\3\7\4\2\x08\x0a" + b"12345678"
    header = with_options(kept + smuggled)
    assert header[20 : 20 + len(kept)] == kept
    assert set(header[20 + len(kept) :]) == {1}


def test_fields_that_count_for_nothing_are_empty() -> None:
    assert with_options(b"", 4, ack=0x5A5A5A5A, urgent=0x5A5A)[8:] == b"\0\0\0\0\x51\4" + struct.pack(">HHH", 321, 0, 0)
    assert with_options(b"", 0x38, ack=0x5A5A5A5A, urgent=3)[8:] == b"ZZZZ\x51\x38" + struct.pack(">HHH", 321, 0, 3)
