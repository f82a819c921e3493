"""Packets to connections: numbered as they appear, handed out by side, forgotten on demand."""

import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest

from analyzer.model.capture import CaptureLog, Interface, PacketBatch
from analyzer.model.places import Endpoint
from analyzer.model.schema import RECORDS
from analyzer.wire.tcp import ACK, SYN, FlowTable, Packets, Rows, Watch


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


class Reader:
    """A table with its log and its watch."""

    def __init__(self) -> None:
        self.table, self.watch, self.log = FlowTable(), Watch(), CaptureLog("x", "pcap", interfaces=[Interface(1)])

    def read(self, *packets: bytes, first: int = 1, since: int | None = None, until: int | None = None) -> Packets:
        """The packets of one batch."""
        return self.table.decode(batch(*packets, first=first), self.log, self.watch, since, until)


def numbers(packets: Packets, rows: Rows) -> list[list[int]]:
    """Packet numbers by side."""
    return [packets.columns["number"][begin:end].tolist() for begin, end in rows.sides]


def listed(reader: Reader, packets: Packets) -> dict[int, list[list[int]]]:
    return {rows.flow: numbers(packets, rows) for rows, _ in packets.connections(reader.watch)}


A, B, C = (1, 5000), (2, 80), (3, 6000)


def test_packets_are_handed_out_by_connection_and_side() -> None:
    packets = [packet(A, B, SYN), packet(C, B), packet(B, A, SYN | ACK), packet(A, B, payload=b"hi"), packet(B, C)]
    reader = Reader()
    read = reader.read(*packets)
    assert listed(reader, read) == {0: [[1, 4], [3]], 1: [[2], [5]]}
    (first, _), _ = read.connections(reader.watch)
    assert read.columns["length"][slice(*first.sides[0])].tolist() == [0, 2]
    assert [read.columns["time"][slice(*side)].tolist() for side in first.sides] == [[0, 3000], [2000]]
    assert (read.now, read.damaged) == (2000, False)


def test_a_connection_of_one_side_has_an_empty_other() -> None:
    reader = Reader()
    assert listed(reader, reader.read(packet(A, B), packet(A, B))) == {0: [[1, 2], []]}
    assert listed(reader, reader.read()) == {}


def test_packets_out_of_the_asked_time_are_left_out() -> None:
    reader = Reader()
    packets = [packet(A, B), packet(C, B), packet(A, B), packet(A, B), packet(C, B)]
    assert listed(reader, reader.read(*packets, since=2000, until=3000)) == {0: [[3, 4], []]}


def test_endpoints_in_both_families() -> None:
    read = Reader().read(packet(A, B), packet(A, B, v6=True))
    assert read.opening(0).endpoints == (Endpoint("10.0.0.1", 5000), Endpoint("10.0.0.2", 80))
    assert read.opening(1).endpoints == (Endpoint("::1", 5000), Endpoint("::2", 80))


def test_what_is_known_of_the_beginning() -> None:
    read = Reader().read(packet(A, B, SYN, 100), packet(C, B, ACK, 50), packet(B, A, SYN | ACK, 700))
    assert [(read.opening(at).flags, read.opening(at).initial) for at in (0, 1)] == [(SYN, (100, 700)), (ACK, (49, None))]


def test_wireshark_numbers_connections_that_begin_with_a_syn() -> None:
    """Ports that are used again without one keep the number."""
    far = 1 << 30
    old = [packet(A, B, ACK, 100, b"x"), replaced_ack(packet(A, B, ACK, far, b"x"), far), packet(A, B, SYN, 5)]
    again = Reader().read(*old)
    assert [again.opening(at).stream for at in range(len(again.flows))] == [0, 0, 1]


def replaced_ack(frame: bytes, number: int) -> bytes:
    return frame[:42] + struct.pack(">I", number) + frame[46:]


def test_an_answer_alone_tells_both_sides() -> None:
    assert Reader().read(packet(B, A, SYN | ACK, 700)).opening(0).initial == (700, 8)


def test_what_a_later_batch_tells_does_not_change_an_earlier_one() -> None:
    """Batches are decoded ahead: what was handed out must not depend on how far."""
    reader = Reader()
    early = reader.read(packet(A, B, SYN, 100))
    late = reader.read(packet(B, A, SYN | ACK, 700), first=2)
    assert early.opening(0).initial == (100, None)
    assert late.opening(0).initial == (100, 700)
    assert listed(reader, early) == {0: [[1], []]}


def test_what_is_forgotten_keeps_its_number() -> None:
    reader = Reader()
    early = reader.read(packet(A, B), packet(C, B))
    reader.watch.forget(0)
    assert listed(reader, early) == {1: [[2], []]}
    late = reader.read(packet(A, B), packet(C, B), packet((4, 1), B), first=3)
    assert listed(reader, late) == {1: [[4], []], 2: [[5], []]}


def test_the_table_grows() -> None:
    reader = Reader()
    packets = [packet((host, port), B) for port in range(1, 101) for host in range(100, 200)]
    assert list(listed(reader, reader.read(*packets))) == list(range(10_000))
    answers = reader.read(*(packet(B, (199, port)) for port in range(1, 101)))
    assert reader.table.count == 10_000
    assert all(len(sides[1]) == 1 for sides in listed(reader, answers).values())
    reader.watch.forget(9_999)
    assert len(listed(reader, answers)) == 99


def test_what_cannot_be_read_is_counted() -> None:
    whole = packet(A, B)
    fragment = whole[:20] + b"\x20\0" + whole[22:]
    tunnel = whole[:23] + b"\x2f" + whole[24:]
    reader = Reader()
    reader.read(whole, fragment, fragment, tunnel, whole[:40])
    assert reader.log.unread == {"IP fragments": 2, "packets inside a tunnel": 1, "packets whose headers the snap length cut": 1}
    other = CaptureLog("x", "pcap", interfaces=[Interface(147)])
    FlowTable().decode(batch(whole), other, Watch())
    assert other.unread == {"packets of a link type that is not read": 1}


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is the reference; install it to compare with it")
def test_tshark_numbers_connections_alike(tmp_path: Path) -> None:
    """Ports that are used again with a SYN, with a SYN/ACK alone, with neither, and what comes late of the connection before."""
    far = 1 << 30
    packets = [packet(A, B, SYN, 100), packet(B, A, SYN | ACK, 700), packet(C, B, ACK, 5, b"x"), packet(A, B, SYN, 100)]
    packets += [packet(A, B, SYN, far), replaced_ack(packet(B, A, SYN | ACK, 9), far + 1), packet(C, B, SYN, 9)]
    packets += [
        replaced_ack(packet(B, A, SYN | ACK, far * 2), far * 3),
        replaced_ack(packet(A, B, ACK, far * 3, b"x"), far * 2 + 1),
    ]
    packets += [replaced_ack(packet(A, B, ACK, 5, b"x"), far), packet(A, B, SYN, 7), packet((4, 1), B, SYN, 1)]
    path = tmp_path / "reuse.pcap"
    records = [struct.pack("<IIII", number, 0, len(data), len(data)) + data for number, data in enumerate(packets)]
    path.write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1) + b"".join(records))
    words = ["tshark", "-r", str(path), "-T", "fields", "-e", "tcp.stream"]
    theirs = [int(line) for line in subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()]
    read = Reader().read(*packets)
    streams = {int(number): 0 for number in read.columns["number"]}
    for rows, index in read.connections(Watch()):
        for begin, end in rows.sides:
            streams |= dict.fromkeys(read.columns["number"][begin:end].tolist(), read.opening(index).stream)
    assert [streams[number] for number in sorted(streams)] == theirs
    assert len(read.flows) == len(set(theirs)) + 2
