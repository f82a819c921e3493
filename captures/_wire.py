"""What the make.py files share: one TCP connection that carries a WebSocket, packet by packet, and the files to put it in.

Everything is computed: no clock, no random source, no floating-point sound, so that each make.py gives the same file on every
machine. scapy builds Ethernet, IP and TCP; WebSocket frames and file headers are written by hand, so that no library's habits
are in the way.
Times are in seconds since the packet that completes the 101 (before it: since the SYN).
"""

import base64
import hashlib
import json
import struct
from pathlib import Path

from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Dot1AD, Dot1Q, Ether

SECOND = 1_000_000_000
START = 1_795_400_000 * SECOND
"""Time of the first packet, ns since the epoch."""
ROUND_TRIP = 20_000_000
KEY = "c2l4dGVlbiBvY3RldHMuLg=="
REQUEST_ID = "7f3b8c1e-0000-4000-8000-00000000000a"
TEXT, BINARY, CLOSE, PING, PONG, CONTINUATION = 1, 2, 8, 9, 10, 0
CLIENT, SERVER = "client", "server"
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
LENGTH_16, LENGTH_64 = 126, 127
LISTEN = "/v1/listen?model=nova-3&encoding=mulaw&sample_rate=8000&channels=1"


def accept_of(key: str) -> str:
    """Sec-WebSocket-Accept for a key (RFC 6455 section 4.2.2)."""
    digest = hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode(), usedforsecurity=False).digest()
    return base64.b64encode(digest).decode()


def frame(opcode: int, payload: bytes, key: bytes | None = None, fin: bool = True, rsv: int = 0) -> bytes:
    """One WebSocket frame (RFC 6455 section 5.2), masked when `key` has four bytes."""
    head = bytes([fin << 7 | rsv << 4 | opcode])
    mask = 0x80 if key is not None else 0
    if len(payload) < LENGTH_16:
        head += bytes([mask | len(payload)])
    elif len(payload) < 1 << 16:
        head += struct.pack(">BH", mask | LENGTH_16, len(payload))
    else:
        head += struct.pack(">BQ", mask | LENGTH_64, len(payload))
    if key is None:
        return head + payload
    return head + key + bytes(byte ^ key[at & 3] for at, byte in enumerate(payload))


class Connection:
    """One TCP connection; `packets` holds (time in ns, frame bytes) in order of capture."""

    def __init__(
        self,
        client: tuple[str, int] = ("10.0.0.2", 50000),
        server: tuple[str, int] = ("10.0.0.1", 80),
        *,
        first_sequence: dict[str, int] | None = None,
        tags: tuple[int, ...] = (),
        start: int = START,
        segment: int = 1460,
        before: tuple[tuple[str, str], ...] = (),
    ) -> None:
        """`before` is what the sides say between the TCP handshake and the upgrade request."""
        self.packets: list[tuple[int, bytes]] = []
        self._ends = {CLIENT: client, SERVER: server}
        self._next = dict(first_sequence or {CLIENT: 1000, SERVER: 700_000})
        self._tags = tags
        self._segment = segment
        self._before = before
        self._zero = self.now = start
        self._frames = 0
        self._ids = 0

    def at(self, seconds: float) -> "Connection":
        """Set the clock, which never goes back."""
        self.now = max(self.now, self._zero + round(seconds * 1_000_000) * 1000)
        return self

    def packet(
        self, side: str, flags: int, payload: bytes = b"", *, again: bool = False, back: int = 0, window: int = 65000
    ) -> None:
        """One packet now; `again` leaves the sequence number where it is, so that the next one repeats it. With `back` it begins so
        many bytes before that.
        """
        peer = SERVER if side == CLIENT else CLIENT
        (source, sport), (target, dport) = self._ends[side], self._ends[peer]
        self._ids += 1
        stack = Ether(src="02:00:00:00:00:02", dst="02:00:00:00:00:01")
        if side == SERVER:
            stack = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
        for depth, tag in enumerate(self._tags):
            stack /= Dot1AD(vlan=tag) if depth + 1 < len(self._tags) else Dot1Q(vlan=tag)
        if ":" in source:
            stack /= IPv6(src=source, dst=target, hlim=64)
        else:
            stack /= IP(src=source, dst=target, id=self._ids & 0xFFFF, ttl=64, flags="DF")
        acknowledged = self._next[peer] if flags & ACK else 0
        sequence = (self._next[side] - back) & 0xFFFFFFFF
        stack /= TCP(sport=sport, dport=dport, seq=sequence, ack=acknowledged, flags=flags, window=window)
        self.packets.append((self.now, bytes(stack / payload)))
        if again:
            return
        self._next[side] = (self._next[side] + len(payload) + bool(flags & (SYN | FIN))) & 0xFFFFFFFF

    def send(self, side: str, data: bytes) -> None:
        """Stream bytes in as many segments as it takes, and the peer's acknowledgement."""
        for at in range(0, len(data), self._segment):
            part = data[at : at + self._segment]
            self.packet(side, ACK | (PSH if at + len(part) == len(data) else 0), part)
            self.now += 10_000
        self.packet(SERVER if side == CLIENT else CLIENT, ACK)
        self.now += 10_000

    def connect(self) -> None:
        """SYN, SYN/ACK, ACK."""
        self.packet(CLIENT, SYN)
        self.now += ROUND_TRIP
        self.packet(SERVER, SYN | ACK)
        self.now += 10_000
        self.packet(CLIENT, ACK)
        for side, words in self._before:
            self.now += ROUND_TRIP
            self.send(side, words.encode())

    def open(self, target: str = LISTEN, accept: str | None = None, headers: str = "") -> "Connection":
        """Connect and upgrade. The clock is at 0 s afterwards."""
        self.connect()
        self.request(target)
        self.now += ROUND_TRIP
        answer = (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept or accept_of(KEY)}\r\ndg-request-id: {REQUEST_ID}\r\n{headers}\r\n"
        )
        self._zero = self.now
        self.send(SERVER, answer.encode())
        return self

    def request(self, target: str = LISTEN) -> None:
        """Send the upgrade request."""
        address, port = self._ends[SERVER]
        host = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        self.send(
            CLIENT,
            f"GET {target} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\nAuthorization: Token {'0' * 40}\r\n\r\n".encode(),
        )

    def frame(
        self, side: str, opcode: int, payload: bytes = b"", *, masked: bool | None = None, fin: bool = True, rsv: int = 0
    ) -> None:
        """One frame; masked as the side must, unless said otherwise."""
        self._frames += 1
        key = struct.pack(">I", self._frames * 0x9E3779B1 & 0xFFFFFFFF) if (side == CLIENT if masked is None else masked) else None
        self.send(side, frame(opcode, payload, key, fin, rsv))

    def text(self, side: str, message: dict[str, object] | str) -> None:
        """A text message, as compact JSON where it is not text already."""
        self.frame(side, TEXT, (message if isinstance(message, str) else json.dumps(message, separators=(",", ":"))).encode())

    def stream(self, audio: bytes, size: int, interval: float, begin: float = 0.1) -> float:
        """Send audio in messages of `size` bytes every `interval` seconds; gives the time after the last one."""
        for number, at in enumerate(range(0, len(audio), size)):
            self.at(begin + number * interval).frame(CLIENT, BINARY, audio[at : at + size])
        return begin + -(-len(audio) // size) * interval

    def results(self, start: float, duration: float, words: str = "") -> None:
        """An answer of the service about a stretch of audio."""
        best = {"transcript": words, "confidence": 0.99 if words else 0.0, "words": []}
        body = {"type": "Results", "channel_index": [0, 1], "duration": duration, "start": start, "is_final": True}
        self.text(SERVER, {**body, "channel": {"alternatives": [best]}, "metadata": {"request_id": REQUEST_ID}})

    def metadata(self, audio: bytes, duration: float) -> None:
        """The service's summary at the end."""
        digest = hashlib.sha256(audio).hexdigest()
        body = {"type": "Metadata", "request_id": REQUEST_ID, "sha256": digest, "duration": duration, "channels": 1}
        self.text(SERVER, body)

    def close(self, side: str, code: int | None = 1000, reason: str = "") -> None:
        """Close frame, the peer's echo, and FIN from the server, then from the client."""
        body = b"" if code is None else struct.pack(">H", code) + reason.encode()
        self.frame(side, CLOSE, body)
        self.now += ROUND_TRIP
        self.frame(SERVER if side == CLIENT else CLIENT, CLOSE, body[:2])
        self.finish()

    def finish(self) -> None:
        """FIN from the server, then from the client."""
        self.packet(SERVER, FIN | ACK)
        self.now += 10_000
        self.packet(CLIENT, FIN | ACK)
        self.now += 10_000
        self.packet(SERVER, ACK)


def tone(samples: int, rate: int = 8000, seed: int = 1) -> list[int]:
    """Something speech-like in 16 bits: syllables of a triangle wave with some noise, from integers alone."""
    state, made = seed, []
    for at in range(samples):
        state = (state * 1_103_515_245 + 12345) & 0x7FFFFFFF
        syllable = at * 4 // rate
        place = at * 4 % rate * 200 // rate  # 0 to 199 within a quarter of a second
        loud = max(0, min(place, 199 - place, 60)) * (40 + syllable * 37 % 60)
        pitch = 110 + syllable * 53 % 70
        phase = at * pitch % rate * 4000 // rate  # 0 to 3999 within a period
        made.append((abs(phase - 2000) - 1000) * loud // 1000 + (state >> 16) % 41 - 20)
    return made


def linear16(samples: list[int]) -> bytes:
    """Samples as little-endian 16 bits."""
    return struct.pack(f"<{len(samples)}h", *samples)


def mulaw(samples: list[int]) -> bytes:
    """Samples as G.711 mu-law."""
    coded = bytearray()
    for sample in samples:
        size = min(abs(sample), 32635) + 132
        exponent = size.bit_length() - 8
        coded.append(~(0x80 * (sample < 0) | exponent << 4 | size >> exponent + 3 & 15) & 0xFF)
    return bytes(coded)


def pcap(packets: list[tuple[int, bytes]], link_type: int = 1, order: str = "<", nanoseconds: bool = False) -> bytes:
    """A pcap file; `order` is `<` or `>`."""
    magic, unit = (0xA1B23C4D, 1) if nanoseconds else (0xA1B2C3D4, 1000)
    parts = [struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 262144, link_type)]
    for time, data in packets:
        parts += [struct.pack(f"{order}IIII", time // SECOND, time % SECOND // unit, len(data), len(data)), data]
    return b"".join(parts)


def healthy(line: Connection, seconds: int = 2) -> Connection:
    """A session without fault: upgrade, mu-law in real time, one answer per second, CloseStream, summary, close 1000."""
    audio = mulaw(tone(8000 * seconds))
    line.open()
    for second in range(seconds):
        line.stream(audio[8000 * second :][:8000], 1600, 0.2, second + 0.1)
        line.results(second, 1.0, "two words")
    return ended(line, audio, seconds + 0.2)


def brief(line: Connection) -> Connection:
    """A session without fault that is as short as can be: four messages of 0.1 s, one answer, and the end."""
    audio = mulaw(tone(3200))
    line.open()
    line.stream(audio, 800, 0.1, 0.1)
    line.results(0, 0.4, "word")
    return ended(line, audio, 0.6)


def ended(line: Connection, audio: bytes, time: float) -> Connection:
    """The end of a session without fault: CloseStream at `time`, the service's summary, its close frame."""
    line.at(time).text(CLIENT, {"type": "CloseStream"})
    line.at(time + 0.1).metadata(audio, len(audio) / 8000)
    line.close(SERVER)
    return line


def write(make: str, content: bytes, arguments: list[str], name: str = "capture.pcap") -> None:
    """Write the capture beside its make.py, or into the folder that the command line names."""
    (Path(arguments[0]) if arguments else Path(make).parent).joinpath(name).write_bytes(content)
