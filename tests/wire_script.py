"""A small language for what crosses the wire, and the capture that comes of it. The examples of the rules are written in it.

One event per line: `SECONDS ACTOR ACTION [ARGUMENT] [xN every SECONDS]`. Seconds count from the packet with the request, the actor
is `client` or `server`. Lines may stand in any order of time; those of the same time keep theirs. Empty lines and lines that begin
with `#` are left out; the last line may be `verdict: SLUG`, which `verdict_of` reads.

    client GET TARGET             TCP opens just before, then the upgrade request
    client syn                    a SYN and nothing else
    client midstream              nothing: the connection was open before the capture began
    client tls [NAME]             TCP opens, a ClientHello of TLS 1.3, with this server name (SNI)
    server tls                    a ServerHello that takes TLS_AES_128_GCM_SHA256
    client tls12 / server tls12   the same with TLS 1.2 and TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
    A finished                    ChangeCipherSpec and a Finished, encrypted
    A record N                    an encrypted record that holds N bytes of application data
    A alert NAME                  a fatal alert in clear
    A plain TEXT                  bytes that are neither TLS nor HTTP
    server 101 [wrong-accept]     the accepted upgrade
    server STATUS {JSON}          a rejection, with these headers and {"err_msg": <dg-error>} as its body
    A text PAYLOAD                a text message, the rest of the line
    A binary PAYLOAD              a binary message; `hex:...` for bytes, `""` for none
    A unmasked binary PAYLOAD     the same as a client, without a mask
    A audio N                     N bytes of 16-bit speech-like audio at 16 kHz, as a binary message; goes on where the last ended
    A loud N / A faint N          the same, 26 dB louder and clipped, or 46 dB fainter
    A shifted N                   the same with an offset of a quarter of full scale
    A repeat                      the last audio of this side once more, byte for byte
    A silence N                   N zero bytes as a binary message
    A wav N                       audio that begins with a RIFF header, 16-bit, 8 kHz
    A base64 N                    N bytes of audio as base64 text
    A ping / A pong               control frames with two bytes
    A close [CODE ["REASON"]]     a close frame
    A lost ACTION ...             the same, but the packet is not in the capture
    A unanswered ACTION ...       the same; the packet is in the capture, but does not reach the peer
    A again [arrives]             what did not reach the peer is sent once more, and does not either, or does
    A window N                    an acknowledgement with this receive window
    A fin / A rst                 how TCP ends; a `rst` behind `client syn` refuses the connection
    A clock SECONDS               the capturing machine's clock is set by so much, whoever is named

The capture is a pcap with nanoseconds: Ethernet, IPv4, TCP with rising sequence numbers; the peer acknowledges every segment.
"""

import base64
import hashlib
import json
import math
import re
import shlex
import struct
from dataclasses import dataclass, field
from pathlib import Path

from analyzer.model.tls import ALERTS

_START = 1_795_000_000
_KEY = "dGhlIHNhbXBsZSBub25jZQ=="
_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_MASK = b"\x12\x34\x56\x78"
_FIN, _SYN, _RST, _PSH, _ACK = 1, 2, 4, 8, 16
_REPEAT = re.compile(r"^(?P<action>.*?) x(?P<times>\d+)(?: every (?P<step>[\d.]+))?$")
_BARE = {"syn": _SYN, "fin": _FIN | _ACK, "rst": _RST | _ACK}
_OF_TLS = ("tls", "tls12", "finished", "record", "alert", "plain")
_OPCODES = {"text": 1, "binary": 2, "close": 8, "ping": 9, "pong": 10}


def accept_of(key: str = _KEY) -> str:
    """Compute Sec-WebSocket-Accept (RFC 6455 section 4.2.2)."""
    return base64.b64encode(hashlib.sha1(key.encode() + _MAGIC, usedforsecurity=False).digest()).decode()


def frame(opcode: int, payload: bytes, *, masked: bool) -> bytes:
    """Build one whole frame (RFC 6455 section 5.2)."""
    length, mask = len(payload), 0x80 if masked else 0
    if length < 126:
        head = bytes([0x80 | opcode, mask | length])
    elif length < 1 << 16:
        head = struct.pack(">BBH", 0x80 | opcode, mask | 126, length)
    else:
        head = struct.pack(">BBQ", 0x80 | opcode, mask | 127, length)
    if not masked:
        return head + payload
    return head + _MASK + bytes(byte ^ _MASK[place & 3] for place, byte in enumerate(payload))


_AS = {"audio": (1.0, 0), "loud": (20.0, 0), "faint": (0.005, 0), "shifted": (1.0, 8192)}
"""Factor and offset of the samples."""


def speech(first: int, samples: int, rate: int = 16000, gain: float = 1.0, offset: int = 0) -> bytes:
    """Synthesise 16-bit audio that is no silence and no single tone: two partials whose loudness rises and falls like syllables."""
    values = []
    for number in range(first, first + samples):
        time = number / rate
        loud = 6000 * (0.55 + 0.45 * math.sin(2 * math.pi * 3 * time))
        value = loud * (math.sin(2 * math.pi * 180 * time) + 0.4 * math.sin(2 * math.pi * 1250 * time) + 0.01)
        values.append(min(max(round(value * gain) + offset, -32768), 32767))
    return struct.pack(f"<{samples}h", *values)


def verdict_of(script: str) -> str | None:
    """Read the verdict that a script states."""
    stated = [line.split(":", 1)[1].strip() for line in script.splitlines() if line.strip().startswith("verdict:")]
    return stated[-1] if stated else None


@dataclass
class _Side:
    """One end of the connection: its addresses and how far its bytes have come."""

    name: str
    ip: bytes
    port: int
    sequence: int
    audio: int = 0
    sent_wav: bool = False
    last: bytes = b""
    adrift: list[tuple[int, bytes]] = field(default_factory=list)
    """What has not reached the peer: sequence numbers and payloads."""

    @property
    def arrived(self) -> int:
        """What the peer acknowledges."""
        return self.adrift[0][0] if self.adrift else self.sequence


@dataclass
class _Wire:
    """The connection as it is written; packets are (time, bytes)."""

    client: _Side = field(default_factory=lambda: _Side("client", bytes([10, 0, 0, 2]), 50000, 1000))
    server: _Side = field(default_factory=lambda: _Side("server", bytes([10, 0, 0, 1]), 8080, 9000))
    packets: list[tuple[float, bytes]] = field(default_factory=list)
    tls13: bool = True

    def packet(
        self,
        time: float,
        sender: _Side,
        flags: int,
        payload: bytes = b"",
        *,
        seen: bool = True,
        at: int | None = None,
        window: int = 64240,
    ) -> None:
        """Send one packet, and write it to the capture unless it is not seen there. With `at`, its sequence number, nothing new."""
        peer = self.server if sender is self.client else self.client
        acknowledged = peer.arrived if flags & _ACK else 0
        number = sender.sequence if at is None else at
        tcp = struct.pack(">HHIIBBHHH", sender.port, peer.port, number, acknowledged, 5 << 4, flags, window, 0, 0)
        total = 20 + len(tcp) + len(payload)
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, total, len(self.packets) & 0xFFFF, 0x4000, 64, 6, 0, sender.ip, peer.ip)
        if seen:
            self.packets.append((time, b"\x02\0\0\0\0\1\x02\0\0\0\0\2\x08\0" + ip + tcp + payload))
        if at is None:
            sender.sequence += len(payload) + bool(flags & (_SYN | _FIN))

    def data(self, time: float, sender: _Side, payload: bytes, *, seen: bool = True, answered: bool = True) -> None:
        """Send stream bytes in segments; the peer acknowledges each that reaches it."""
        peer = self.server if sender is self.client else self.client
        for at in range(0, len(payload), 16000):
            part = payload[at : at + 16000]
            if not answered:
                sender.adrift.append((sender.sequence, part))
            self.packet(time, sender, _PSH | _ACK, part, seen=seen)
            if answered:
                self.packet(time + 0.0001, peer, _ACK)

    def again(self, time: float, sender: _Side, *, arrives: bool) -> None:
        """Send once more what did not reach the peer."""
        adrift = list(sender.adrift)
        if arrives:
            sender.adrift.clear()
        for number, part in adrift:
            self.packet(time, sender, _PSH | _ACK, part, at=number)
        if arrives:
            self.packet(time + 0.0001, self.server if sender is self.client else self.client, _ACK)

    def open(self, time: float) -> None:
        """Open the connection (RFC 9293 section 3.5)."""
        self.packet(time - 0.003, self.client, _SYN)
        self.packet(time - 0.002, self.server, _SYN | _ACK)
        self.packet(time - 0.001, self.client, _ACK)

    def event(self, time: float, sender: _Side, action: str) -> None:
        """Write one event."""
        word, _, rest = action.partition(" ")
        seen, answered = word != "lost", word != "unanswered"
        if not seen or not answered:
            word, _, rest = rest.partition(" ")
        if word == "GET":
            self.open(time)
            self.data(time, sender, _request(rest))
        elif word in _BARE:
            self.packet(time, sender, _BARE[word])
        elif word in _OF_TLS:
            self.data(time, sender, self._of_tls(time, sender, word, rest), seen=seen, answered=answered)
        elif word == "again":
            self.again(time, sender, arrives=rest == "arrives")
        elif word == "window":
            self.packet(time, sender, _ACK, window=int(rest))
        elif word.isdigit():
            self.data(time, sender, _response(int(word), rest))
        elif word != "midstream":
            self.data(time, sender, self._frame(sender, word, rest), seen=seen, answered=answered)

    def _of_tls(self, time: float, sender: _Side, word: str, rest: str) -> bytes:
        """Write TLS records. Those that are encrypted hold zeros: nobody has keys for them."""
        if word in ("tls", "tls12"):
            self.tls13 = word == "tls"
            if sender is self.client:
                self.open(time)
            return _hello(sender.name, rest, tls13=self.tls13)
        if word == "plain":
            return rest.encode()
        if word == "alert":
            return _record(21, bytes([2, next(code for code, name in ALERTS.items() if name == rest)]))
        if word == "record":
            return _record(23, bytes(int(rest) + (17 if self.tls13 else 24)))
        return _record(20, b"\1") + (_record(23, bytes(36 + 17)) if self.tls13 else _record(22, bytes(16 + 24)))

    def _frame(self, sender: _Side, word: str, rest: str) -> bytes:
        """Build the frame of a message."""
        masked = sender is self.client
        if word == "unmasked":
            word, _, rest = rest.partition(" ")
            masked = False
        kind, payload = self._payload(sender, word, rest)
        if kind not in _OPCODES:
            message = f"unknown action {kind!r}"
            raise ValueError(message)
        return frame(_OPCODES[kind], payload, masked=masked)

    def _payload(self, sender: _Side, word: str, rest: str) -> tuple[str, bytes]:
        """Give the kind of message and its payload."""
        if word in (*_AS, "base64", "wav"):
            size = int(rest)
            sound = speech(sender.audio, size // 2, 8000 if word == "wav" else 16000, *_AS.get(word, ()))
            sender.audio += size // 2
            sender.last = sound
            if word == "base64":
                return "text", base64.b64encode(sound)
            if word == "wav" and not sender.sent_wav:
                sender.sent_wav = True
                sound = (_riff(8000) + sound)[:size]
            return "binary", sound
        if word in ("silence", "repeat"):
            return "binary", bytes(int(rest)) if rest else sender.last
        if word == "close":
            parts = shlex.split(rest)
            return "close", struct.pack(">H", int(parts[0])) + " ".join(parts[1:]).encode() if parts else b""
        if word in ("ping", "pong"):
            return word, b"hi"
        return word, _literal(rest)


def _literal(text: str) -> bytes:
    """Read a payload as it is written in a script."""
    if text == '""':
        return b""
    return bytes.fromhex(text[4:]) if text.startswith("hex:") else text.encode()


def _request(target: str) -> bytes:
    """Write the upgrade request (RFC 6455 section 4.1)."""
    lines = [f"GET {target} HTTP/1.1", "Host: localhost:8080", "Upgrade: websocket", "Connection: Upgrade"]
    lines += [f"Sec-WebSocket-Key: {_KEY}", "Sec-WebSocket-Version: 13", "", ""]
    return "\r\n".join(lines).encode()


def _response(status: int, rest: str) -> bytes:
    """Write the answer to the upgrade request."""
    if status == 101:
        accept = accept_of("another key") if rest == "wrong-accept" else accept_of()
        lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Accept: {accept}"]
        return "\r\n".join([*lines, "", ""]).encode()
    headers = json.loads(rest or "{}")
    body = json.dumps({"err_msg": headers.get("dg-error", "")}).encode()
    lines = [f"HTTP/1.1 {status} Rejected", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _record(kind: int, content: bytes) -> bytes:
    """Write a TLS record (RFC 8446 section 5.1)."""
    return bytes([kind]) + b"\3\3" + len(content).to_bytes(2, "big") + content


def _hello(side: str, name: str, *, tls13: bool) -> bytes:
    """Write a record with a ClientHello or ServerHello (RFC 8446 section 4.1, RFC 5246 section 7.4.1)."""
    cipher, extensions = b"\x13\1" if tls13 else b"\xc0\x2f", b""
    if name:
        listed = b"\0" + len(name).to_bytes(2, "big") + name.encode()
        extensions += struct.pack(">HHH", 0, len(listed) + 2, len(listed)) + listed
    if tls13:
        extensions += b"\0\x2b" + (b"\0\3\2\3\4" if side == "client" else b"\0\2\3\4")
    hello = b"\3\3" + bytes(range(32)) + b"\0" + (b"\0\2" + cipher + b"\1\0" if side == "client" else cipher + b"\0")
    hello += len(extensions).to_bytes(2, "big") + extensions
    return _record(22, bytes([1 if side == "client" else 2]) + len(hello).to_bytes(3, "big") + hello)


def _riff(rate: int) -> bytes:
    """Write a WAV header for 16-bit mono of unknown length."""
    form = struct.pack("<HHIIHH", 1, 1, rate, rate * 2, 2, 16)
    return b"RIFF\xff\xff\xff\xffWAVEfmt " + struct.pack("<I", len(form)) + form + b"data\xff\xff\xff\xff"


def events_of(script: str) -> list[tuple[float, str, str]]:
    """Parse a script: time, actor and action of every event, in order of time. Raises ValueError for a line that is none."""
    events = []
    for line in script.splitlines():
        text = line.strip()
        if not text or text.startswith(("#", "verdict:")):
            continue
        time, actor, action = text.split(" ", 2)
        if actor not in ("client", "server"):
            message = f"neither client nor server: {text!r}"
            raise ValueError(message)
        repeated = _REPEAT.match(action.strip())
        times, step = (int(repeated["times"]), float(repeated["step"] or 0)) if repeated else (1, 0.0)
        events += [
            (float(time) + step * number, actor, repeated["action"] if repeated else action.strip()) for number in range(times)
        ]
    return sorted(events, key=lambda event: event[0])


def write_capture(script: str, path: Path) -> Path:
    """Turn a script into a pcap file and give its path back."""
    wire = _Wire()
    steps: list[tuple[float, float]] = []
    for time, actor, action in events_of(script):
        word, _, rest = action.partition(" ")
        if word == "clock":
            steps.append((time, float(rest)))
            continue
        wire.event(time, wire.client if actor == "client" else wire.server, action)
    records = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1)]
    for time, data in sorted(wire.packets, key=lambda packet: packet[0]):
        since = round((1 + time + sum(step for at, step in steps if at <= time)) * 1e9)
        records.append(struct.pack("<IIII", _START + since // 10**9, since % 10**9, len(data), len(data)) + data)
    path.write_bytes(b"".join(records))
    return path
