"""Loads for measuring: many sessions at once, as large as wanted, the same for the same seed. Needs only the standard library.

Sessions stream 16-bit or mu-law audio to a live-transcription service, in messages of one size: TCP handshake, upgrade, masked
audio in segments of 1448 bytes with an acknowledgement for every other one, results once a second, CloseStream, both closes, FINs.
"""

import hashlib
import heapq
import random
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from wire_script import accept_of, speech

SEGMENT = 1448
SECOND = 1_000_000_000
START = 1_795_000_000 * SECOND
SERVER = (bytes([10, 0, 0, 1]), 8080)
FIN, SYN, PSH, ACK = 1, 2, 8, 16
RESULT = b'{"type":"Results","start":%d.0,"duration":1.0,"is_final":true,"channel":{"alternatives":[{"transcript":"one"}]}}'

Packet = tuple[int, bytes]
"""Time in ns and an Ethernet frame."""


@dataclass(frozen=True)
class Load:
    """What is streamed: so many sessions of so many seconds, in messages of `message` bytes, `per_second` bytes a second."""

    sessions: int = 4
    seconds: int = 10
    message: int = 3200
    per_second: int = 32_000
    encoding: str = "linear16"
    seed: int = 1

    def audio(self, number: int) -> bytes:
        """The audio of one session, each another."""
        generator = random.Random(f"{self.seed} {number}")  # noqa: S311 - the same load each time is wanted
        second = speech(generator.randrange(1000), 16_000)
        if self.encoding != "linear16":
            second = generator.randbytes(self.per_second)
        whole = second * (self.seconds * self.per_second // len(second) + 1)
        size = self.seconds * self.per_second
        return whole[: size - size % self.message]

    def sha256(self, number: int) -> str:
        """What a report must say of that audio."""
        return hashlib.sha256(self.audio(number)).hexdigest()

    @property
    def messages(self) -> int:
        """Audio messages of each session."""
        return self.seconds * self.per_second // self.message

    def packets(self) -> Iterator[Packet]:
        """All packets of all sessions, in order of time. One session at a time is made as far as it has come."""
        return heapq.merge(*(self._session(number) for number in range(self.sessions)))

    def _session(self, number: int) -> Iterator[Packet]:
        generator = random.Random(f"{self.seed} {number} wire")  # noqa: S311 - the same load each time is wanted
        begin = START + number * 7_000_000
        talk = _Talk((bytes([10, 1, number >> 8, number & 255]), 40_000 + number % 20_000), begin)
        target = f"/v1/listen?model=x&encoding={self.encoding}&sample_rate={16_000 if self.encoding == 'linear16' else 8000}"
        yield from talk.open(target)
        step, audio = self.message * SECOND // self.per_second, self.audio(number)
        results = 0
        for sent, at in enumerate(range(0, len(audio), self.message), 1):
            talk.time = max(talk.time, begin + sent * step)
            yield from talk.say(0, 2, audio[at : at + self.message], generator.randbytes(4))
            if sent * self.message // self.per_second > results:
                yield from talk.say(1, 1, RESULT % results)
                results += 1
        yield from talk.say(0, 1, b'{"type":"CloseStream"}', generator.randbytes(4))
        yield from talk.say(1, 8, b"\x03\xe8")
        yield from talk.say(0, 8, b"\x03\xe8", generator.randbytes(4))
        yield talk.packet(1, FIN | ACK)
        yield talk.packet(0, FIN | ACK)
        yield talk.packet(1, ACK)


@dataclass
class _Talk:
    """One connection: sides 0 (client) and 1, how far each has come, and the clock."""

    client: tuple[bytes, int]
    time: int
    next: list[int] = field(default_factory=lambda: [1000, 9000])
    unacknowledged: int = 0

    def open(self, target: str) -> Iterator[Packet]:
        yield self.packet(0, SYN)
        yield self.packet(1, SYN | ACK)
        yield self.packet(0, ACK)
        key = "dGhlIHNhbXBsZSBub25jZQ=="
        upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\n"
        ask = f"GET {target} HTTP/1.1\r\nHost: 10.0.0.1\r\n{upgrade}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
        yield from self.send(0, ask.encode())
        yield from self.send(
            1, f"HTTP/1.1 101 Switching Protocols\r\n{upgrade}Sec-WebSocket-Accept: {accept_of(key)}\r\n\r\n".encode()
        )

    def say(self, side: int, opcode: int, payload: bytes, key: bytes = b"") -> Iterator[Packet]:
        """One frame of at most 65535 bytes; with a key it is masked."""
        size = len(payload)
        short, long = (size, b"") if size < 126 else (126, size.to_bytes(2, "big"))
        head = bytes([0x80 | opcode, short | (0x80 if key else 0)]) + long + key
        if key:
            mask = (key * (size // 4 + 1))[:size]
            payload = (int.from_bytes(payload, "big") ^ int.from_bytes(mask, "big")).to_bytes(size, "big")
        yield from self.send(side, head + payload)

    def send(self, side: int, data: bytes) -> Iterator[Packet]:
        for at in range(0, len(data), SEGMENT):
            yield self.packet(side, PSH | ACK, data[at : at + SEGMENT])
            self.unacknowledged += 1
            if self.unacknowledged == 2:
                yield self.packet(1 - side, ACK)
                self.unacknowledged = 0

    def packet(self, side: int, flags: int, payload: bytes = b"") -> Packet:
        self.time += 1000
        (source, port), (target, peer) = (self.client, SERVER) if side == 0 else (SERVER, self.client)
        acknowledged = self.next[1 - side] if flags & ACK else 0
        tcp = struct.pack(">HHIIBBHHH", port, peer, self.next[side], acknowledged, 5 << 4, flags, 64240, 0, 0)
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40 + len(payload), 0, 0x4000, 64, 6, 0, source, target)
        self.next[side] = (self.next[side] + len(payload) + bool(flags & (SYN | FIN))) & 0xFFFFFFFF
        return self.time, b"\x02\0\0\0\0\1\x02\0\0\0\0\2\x08\0" + ip + tcp + payload


def write_pcap(path: Path, packets: Iterable[Packet]) -> int:
    """Write a pcap file with nanoseconds; returns the number of packets."""
    count = 0
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262_144, 1))
        for count, (time, data) in enumerate(packets, 1):  # noqa: B007 - the last one is returned
            file.write(struct.pack("<IIII", *divmod(time, SECOND), len(data), len(data)) + data)
    return count


def write_pcapng(path: Path, packets: Iterable[Packet]) -> int:
    """Write a pcapng file, one interface with nanoseconds; returns the number of packets."""
    count = 0
    with path.open("wb") as file:
        file.write(struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28))
        file.write(struct.pack("<IIHHIHHB3xHHI", 1, 32, 1, 0, 262_144, 9, 1, 9, 0, 0, 32))
        for count, (time, data) in enumerate(packets, 1):  # noqa: B007 - the last one is returned
            padded = data + bytes(-len(data) % 4)
            size = 32 + len(padded)
            file.write(struct.pack("<IIIIIII", 6, size, 0, time >> 32, time & 0xFFFFFFFF, len(data), len(data)))
            file.write(padded + struct.pack("<I", size))
    return count
