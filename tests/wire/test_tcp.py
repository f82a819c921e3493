"""Packets to connections: numbered as they appear, handed out by side, forgotten on demand."""

import struct

import numpy as np

from analyzer.model.capture import CaptureLog, Interface, PacketBatch
from analyzer.model.schema import RECORDS
from analyzer.model.session import Endpoint
from analyzer.wire.tcp import ACK, SYN, FlowTable


def packet(
    source: tuple[int, int], target: tuple[int, int], flags: int = ACK, seq: int = 1, payload: bytes = b"", *, v6: bool = False
) -> bytes:
    """Ethernet, IP and TCP from (host, port) to (host, port)."""
    tcp = struct.pack(">HHIIBBHHH", source[1], target[1], seq, 9, 5 << 4, flags, 1000, 0, 0) + payload
    if v6:
        head = struct.pack(">IHBB", 6 << 28, len(tcp), 6, 64) + b"".join(bytes(15) + bytes([host]) for host, _ in (source, target))
        return bytes(12) + b"\x86\xdd" + head + tcp
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0) + bytes([10, 0, 0, source[0], 10, 0, 0, target[0]])
    return bytes(12) + b"\x08\0" + head + tcp


def batch(*packets: bytes, first: int = 1) -> PacketBatch:
    sizes = np.array([len(one) for one in packets], np.int64)
    values = {"offset": np.cumsum(sizes) - sizes, "captured": sizes, "on_wire": sizes, "time": np.arange(len(packets)) * 1000}
    records = {column.name: np.array(values.get(column.name, sizes * 0), column.dtype) for column in RECORDS}
    return PacketBatch(np.frombuffer(b"".join(packets), np.uint8), records, first)


def table_of(*packets: bytes) -> tuple[FlowTable, CaptureLog]:
    table, log = FlowTable(), CaptureLog("x", "pcap", interfaces=[Interface(1)])
    table.decode(batch(*packets), log)
    return table, log


A, B, C = (1, 5000), (2, 80), (3, 6000)


def test_packets_are_handed_out_by_connection_and_side() -> None:
    packets = [packet(A, B, SYN), packet(C, B), packet(B, A, SYN | ACK), packet(A, B, payload=b"hi"), packet(B, C)]
    table, _ = table_of(*packets)
    one, two = table.connections(5)
    assert [one.flow, two.flow] == [0, 1]
    assert [side["number"].tolist() for side in one.sides] == [[1, 4], [3]]
    assert [side["number"].tolist() for side in two.sides] == [[2], [5]]
    assert one.sides[0]["length"].tolist() == [0, 2]
    assert [side["time"].tolist() for side in one.sides] == [[0, 3000], [2000]]


def test_a_connection_of_one_side_has_an_empty_other() -> None:
    table, _ = table_of(packet(A, B), packet(A, B))
    (rows,) = table.connections(2)
    assert [len(side["number"]) for side in rows.sides] == [2, 0]
    assert list(table.connections(0)) == []


def test_endpoints_in_both_families() -> None:
    table, _ = table_of(packet(A, B), packet(A, B, v6=True))
    assert table.endpoints(0) == (Endpoint("10.0.0.1", 5000), Endpoint("10.0.0.2", 80))
    assert table.endpoints(1) == (Endpoint("::1", 5000), Endpoint("::2", 80))


def test_what_is_known_of_the_beginning() -> None:
    table, _ = table_of(packet(A, B, SYN, 100), packet(C, B, ACK, 50), packet(B, A, SYN | ACK, 700))
    assert (table.opened_by(0), table.opened_by(1)) == (SYN, ACK)
    assert [table.initial(0, side) for side in (0, 1)] == [100, 700]
    assert [table.initial(1, side) for side in (0, 1)] == [49, None]


def test_an_answer_alone_tells_both_sides() -> None:
    table, _ = table_of(packet(B, A, SYN | ACK, 700))
    assert [table.initial(0, side) for side in (0, 1)] == [700, 8]


def test_what_is_forgotten_keeps_its_number() -> None:
    table, log = table_of(packet(A, B), packet(C, B))
    table.forget(0)
    table.decode(batch(packet(A, B), packet(C, B), packet((4, 1), B), first=3), log)
    assert [rows.flow for rows in table.connections(3)] == [1, 2]
    assert [rows.sides[0]["number"].tolist() for rows in table.connections(3)] == [[4], [5]]


def test_the_table_grows() -> None:
    packets = [packet((host, port), B) for port in range(1, 101) for host in range(100, 200)]
    table, log = table_of(*packets)
    assert table.count == 10_000
    assert [rows.flow for rows in table.connections(10_000)] == list(range(10_000))
    table.decode(batch(*(packet(B, (199, port)) for port in range(1, 101))), log)
    assert table.count == 10_000
    assert all(len(rows.sides[1]["number"]) == 1 for rows in table.connections(100))


def test_what_cannot_be_read_is_counted() -> None:
    whole = packet(A, B)
    fragment = whole[:20] + b"\x20\0" + whole[22:]
    tunnel = whole[:23] + b"\x2f" + whole[24:]
    _, log = table_of(whole, fragment, fragment, tunnel, whole[:40])
    assert log.unread == {"IP fragments": 2, "packets inside a tunnel": 1, "packets whose headers the snap length cut": 1}
    other = CaptureLog("x", "pcap", interfaces=[Interface(147)])
    FlowTable().decode(batch(whole), other)
    assert other.unread == {"packets of a link type that is not read": 1}
