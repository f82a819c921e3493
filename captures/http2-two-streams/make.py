"""Two WebSockets in one HTTP/2 connection; the client of the second sends KeepAlive in binary messages."""

import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from _wire import (
    ACK,
    BINARY,
    CLIENT,
    CLOSE,
    LISTEN,
    PSH,
    REQUEST_ID,
    ROUND_TRIP,
    SERVER,
    Connection,
    mulaw,
    pcap,
    tone,
    write,
)

DATA, HEADERS, SETTINGS, WINDOW_UPDATE = 0, 1, 4, 8
END_STREAM, END_HEADERS, SETTINGS_ACK = 1, 4, 1
ENABLE_CONNECT_PROTOCOL = 8
LONG = 127
"""From there on a length takes two bytes (RFC 7541 section 5.1)."""
MIDDLE = 4
KEEPALIVE = b'{"type":"KeepAlive"}'


def h2(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """One HTTP/2 frame (RFC 9113 section 4.1)."""
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def literal(name: str, value: str) -> bytes:
    """A header field that enters no table (RFC 7541 section 6.2.2), without Huffman coding."""
    parts = (part.encode() for part in (name, value))
    return b"\0" + b"".join((bytes([len(part)]) if len(part) < LONG else bytes([LONG, len(part) - LONG])) + part for part in parts)


class Multiplexed(Connection):
    """The same connection with HTTP/2 in it; `turn` is the stream that frames go into."""

    turn = 1

    def open_streams(self, target: str = LISTEN) -> None:
        """Connect, and open two streams. The clock is at 0 s afterwards."""
        self.connect()
        super().send(CLIENT, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + h2(SETTINGS, 0, 0))
        super().send(SERVER, h2(SETTINGS, 0, 0, struct.pack(">HI", ENABLE_CONNECT_PROTOCOL, 1)) + h2(SETTINGS, SETTINGS_ACK, 0))
        for stream in (1, 3):
            asked = ((":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"), (":path", target))
            block = b"".join(
                literal(*field) for field in (*asked, (":authority", "api.deepgram.com"), ("authorization", "Token 0"))
            )
            super().send(CLIENT, h2(HEADERS, END_HEADERS, stream, block))
        self.now += ROUND_TRIP
        self._zero = self.now
        for stream, digit in ((1, "a"), (3, "b")):
            granted = b"\x88" + literal("dg-request-id", REQUEST_ID[:-1] + digit)
            super().send(SERVER, h2(HEADERS, END_HEADERS, stream, granted))

    def send(self, side: str, data: bytes) -> None:
        """A frame of the stream whose turn it is, in DATA; the peer widens the window by as much."""
        super().send(side, h2(DATA, 0, self.turn, data))
        self.packet(SERVER if side == CLIENT else CLIENT, ACK | PSH, h2(WINDOW_UPDATE, 0, 0, struct.pack(">I", len(data))))

    def end_streams(self, *streams: int) -> None:
        """END_STREAM from the server, then from the client."""
        for side in (SERVER, CLIENT):
            super().send(side, b"".join(h2(DATA, END_STREAM, stream) for stream in streams))


def build() -> bytes:
    """The whole file."""
    line = Multiplexed()
    line.open_streams()
    audio = {1: mulaw(tone(16_000)), 3: mulaw(tone(16_000, seed=2))}
    for number in range(10):
        for stream in (1, 3):
            line.turn = stream
            line.at(0.1 + 0.2 * number).frame(CLIENT, BINARY, audio[stream][1600 * number :][:1600])
            if number == MIDDLE:
                line.results(0, 0.9, f"stream {stream}")
    line.turn = 1
    line.at(2.3).text(CLIENT, {"type": "CloseStream"})
    line.metadata(audio[1], 2)
    for side in (SERVER, CLIENT):
        line.frame(side, CLOSE, struct.pack(">H", 1000))
    line.end_streams(1)
    line.turn = 3
    for number in range(3):
        line.at(4 + 4 * number).frame(CLIENT, BINARY, KEEPALIVE)
    line.at(14).frame(SERVER, CLOSE, struct.pack(">H", 1011) + b"NET-0001")
    line.frame(CLIENT, CLOSE, struct.pack(">H", 1011))
    line.end_streams(3)
    line.finish()
    return pcap(line.packets)


if __name__ == "__main__":
    write(__file__, build(), sys.argv[1:])
