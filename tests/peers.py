"""Real WebSocket libraries as client and server, without sockets, and a small packetiser that turns what they said into a pcap.

A script lists what each side says. `websockets_talk` and `wsproto_talk` play it through a library and give the bytes that would
have gone over the wire, in order; `pcap` cuts them into TCP segments of any size, and can exchange, repeat and delay packets. What
was said is known from the script, not from any parser.
"""

import random
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory, ServerPerMessageDeflateFactory
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.uri import parse_uri
from wsproto import ConnectionType, WSConnection, events
from wsproto.connection import ConnectionState
from wsproto.extensions import Extension, PerMessageDeflate

CLIENT, SERVER = 0, 1
TEXT, BINARY, PING = 1, 2, 9
FIN, SYN, PSH, ACK = 1, 2, 8, 16
TARGET = "/v1/listen?encoding=linear16&sample_rate=16000&channels=1"
START_NS = 1_795_400_000_000_000_000
STEP_NS = 1_000_000
CLIENT_END, SERVER_END = ("10.0.0.2", 50000), ("10.0.0.1", 80)


@dataclass(frozen=True)
class Said:
    """One message, or a ping: `pieces` are its fragments, `between` pings that its side sends after each fragment but the last."""

    side: int
    opcode: int
    pieces: tuple[bytes, ...]
    between: bool = False

    @property
    def payload(self) -> bytes:
        """The whole message."""
        return b"".join(self.pieces)


@dataclass(frozen=True)
class Deflate:
    """permessage-deflate as the client offers and the server accepts it (RFC 7692 section 7.1)."""

    client_bits: int = 15
    server_bits: int = 15
    client_fresh: bool = False
    """client_no_context_takeover."""
    server_fresh: bool = False


@dataclass
class Talk:
    """Bytes in order of sending, by side; the first two are the upgrade request and its answer."""

    chunks: list[tuple[int, bytes]] = field(default_factory=list)

    def add(self, side: int, data: Iterable[bytes]) -> bytes:
        """Note what a side sends; gives it back for the other."""
        whole = b"".join(data)
        if whole:
            self.chunks.append((side, whole))
        return whole

    def stream(self, side: int) -> bytes:
        """All WebSocket bytes of a side, behind the upgrade."""
        return b"".join(data for who, data in self.chunks if who == side).partition(b"\r\n\r\n")[2]


def websockets_talk(script: Sequence[Said], deflate: Deflate | None) -> Talk:
    """Play the script with the sans-I/O protocols of `websockets`; the client closes with 1000."""
    offer, accept = [], []
    if deflate:
        fresh = {"server_no_context_takeover": deflate.server_fresh, "client_no_context_takeover": deflate.client_fresh}
        bits = {"server_max_window_bits": deflate.server_bits, "client_max_window_bits": deflate.client_bits}
        offer, accept = [ClientPerMessageDeflateFactory(**fresh, **bits)], [ServerPerMessageDeflateFactory(**fresh, **bits)]
    client = ClientProtocol(parse_uri(f"ws://10.0.0.1{TARGET}"), extensions=offer, max_size=None)
    server = ServerProtocol(extensions=accept, max_size=None)
    ends, talk = (client, server), Talk()

    def flush(side: int) -> None:
        """Carry what a side has to say to the other, and what that makes the other say (pongs, close) back."""
        while data := talk.add(side, ends[side].data_to_send()):
            ends[1 - side].receive_data(data)
            side = 1 - side

    client.send_request(client.connect())
    server.receive_data(talk.add(CLIENT, client.data_to_send()))
    (request,) = server.events_received()
    assert isinstance(request, Request)
    server.send_response(server.accept(request))
    client.receive_data(talk.add(SERVER, server.data_to_send()))
    for said in script:
        end = ends[said.side]
        if said.opcode == PING:
            end.send_ping(said.payload)
            flush(said.side)
            continue
        for number, piece in enumerate(said.pieces, 1):
            last = number == len(said.pieces)
            if number > 1:
                end.send_continuation(piece, last)
            else:
                (end.send_text if said.opcode == TEXT else end.send_binary)(piece, last)
            if said.between and not last:
                end.send_ping(b"%d" % number)
            flush(said.side)
    client.send_close(1000)
    flush(CLIENT)
    assert not client.parser_exc
    assert not server.parser_exc
    return talk


def wsproto_deflate(deflate: Deflate | None) -> list[Extension]:
    """The extension as wsproto wants it."""
    if not deflate:
        return []
    return [
        PerMessageDeflate(
            client_no_context_takeover=deflate.client_fresh,
            server_no_context_takeover=deflate.server_fresh,
            client_max_window_bits=deflate.client_bits,
            server_max_window_bits=deflate.server_bits,
        )
    ]


def wsproto_talk(script: Sequence[Said], deflate: Deflate | None) -> Talk:
    """Play the script with `wsproto`; the client closes with 1000."""
    client, server = WSConnection(ConnectionType.CLIENT), WSConnection(ConnectionType.SERVER)
    ends, talk = (client, server), Talk()

    def say(side: int, event: events.Event) -> None:
        """Send an event; the other side answers pings and the close."""
        data = talk.add(side, [ends[side].send(event)])
        other = 1 - side
        ends[other].receive_data(data)
        for heard in ends[other].events():
            closing = isinstance(heard, events.CloseConnection) and ends[other].state is ConnectionState.REMOTE_CLOSING
            if isinstance(heard, events.Ping) or closing:
                say(other, heard.response())

    say(CLIENT, events.Request(host="10.0.0.1", target=TARGET, extensions=wsproto_deflate(deflate)))
    say(SERVER, events.AcceptConnection(extensions=wsproto_deflate(deflate)))
    for said in script:
        if said.opcode == PING:
            say(said.side, events.Ping(payload=said.payload))
            continue
        for number, piece in enumerate(said.pieces, 1):
            last = number == len(said.pieces)
            if said.opcode == TEXT:
                say(said.side, events.TextMessage(data=piece.decode(), message_finished=last))
            else:
                say(said.side, events.BytesMessage(data=piece, message_finished=last))
            if said.between and not last:
                say(said.side, events.Ping(payload=b"%d" % number))
    say(CLIENT, events.CloseConnection(code=1000))
    return talk


LIBRARIES: dict[str, Callable[[Sequence[Said], Deflate | None], Talk]] = {"websockets": websockets_talk, "wsproto": wsproto_talk}


@dataclass(frozen=True)
class Frame:
    """A frame header as RFC 6455 section 5.2 lays it out, and where it stands in its direction."""

    offset: int
    opcode: int
    fin: int
    rsv: int
    masked: int
    length: int


def frames(stream: bytes) -> Iterator[Frame]:
    """Walk the headers of a whole stream, the plain way."""
    at = 0
    while at < len(stream):
        first, second = stream[at], stream[at + 1]
        size, length = 2, second & 127
        if length == 126:
            size, length = 4, int.from_bytes(stream[at + 2 : at + 4], "big")
        elif length == 127:
            size, length = 10, int.from_bytes(stream[at + 2 : at + 10], "big")
        masked = second >> 7
        yield Frame(at, first & 15, first >> 7, first >> 4 & 7, masked, length)
        at += size + 4 * masked + length


@dataclass(frozen=True)
class Path:
    """What the network does. `segments`: sizes of TCP segments, used in turn; the rest: of a hundred packets, how many suffer."""

    segments: tuple[int, ...] = (1460,)
    exchanged: int = 0
    repeated: int = 0
    late: int = 0
    """Lost behind the capture point's upstream and sent again a few packets later."""
    seed: int = 0
    sequence: tuple[int, int] = (1000, 700_000)


def tcp_packet(side: int, seq: int, ack: int, flags: int, payload: bytes = b"") -> bytes:
    """Ethernet, IPv4 and TCP around a payload; checksums are left to the network card, as in most captures."""
    (source, sport), (target, dport) = (CLIENT_END, SERVER_END) if side == CLIENT else (SERVER_END, CLIENT_END)
    addresses = bytes(int(part) for address in (source, target) for part in address.split("."))
    tcp = struct.pack(">HHIIBBHHH", sport, dport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, 5 << 4, flags, 65000, 0, 0)
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 40 + len(payload), 0, 0x4000, 64, 6, 0) + addresses
    return b"\2\0\0\0\0\1\2\0\0\0\0\2\x08\0" + ip + tcp + payload


CLOSING = 2
"""The last two chunks are the close frames of both sides; disturbing them would change who closed first."""
STRAIGHT = Path()
"""Nothing happens on the way."""


def pcap(talk: Talk, path: Path = STRAIGHT) -> bytes:
    """The talk as a capture: handshake, data in segments, the close frames undisturbed, FIN from both sides."""
    chance = random.Random(path.seed)  # noqa: S311 - the same path each time is wanted
    nexts = [path.sequence[CLIENT] + 1, path.sequence[SERVER] + 1]
    start = [
        tcp_packet(CLIENT, path.sequence[CLIENT], 0, SYN),
        tcp_packet(SERVER, path.sequence[SERVER], nexts[CLIENT], SYN | ACK),
        tcp_packet(CLIENT, nexts[CLIENT], nexts[SERVER], ACK),
    ]
    data: list[bytes] = []
    turn = closing = 0
    for number, (side, content) in enumerate(talk.chunks):
        if number == len(talk.chunks) - CLOSING:
            closing = len(data)
        at = 0
        while at < len(content):
            part = content[at : at + path.segments[turn % len(path.segments)]]
            data.append(tcp_packet(side, nexts[side], nexts[1 - side], PSH | ACK, part))
            nexts[side] += len(part)
            at += len(part)
            turn += 1
    end = [
        tcp_packet(CLIENT, nexts[CLIENT], nexts[SERVER], FIN | ACK),
        tcp_packet(SERVER, nexts[SERVER], nexts[CLIENT] + 1, FIN | ACK),
        tcp_packet(CLIENT, nexts[CLIENT] + 1, nexts[SERVER] + 1, ACK),
    ]
    return file([*start, *disturbed(data[:closing], path, chance), *data[closing:], *end])


def disturbed(packets: list[bytes], path: Path, chance: random.Random) -> list[bytes]:
    """Exchange neighbours, repeat packets, and move some a few places back. Nothing is lost for good."""
    placed = []
    for number, packet in enumerate(packets):
        place = float(number)
        if chance.randrange(100) < path.exchanged:
            place += 1.5
        if chance.randrange(100) < path.late:
            place += chance.randrange(2, 9) + 0.5
        placed.append((place, number, packet))
        if chance.randrange(100) < path.repeated:
            placed.append((place + chance.randrange(1, 5) + 0.25, number, packet))
    return [packet for _, _, packet in sorted(placed)]


def file(packets: list[bytes]) -> bytes:
    """A pcap file with nanoseconds, a packet per millisecond."""
    parts = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1)]
    for number, packet in enumerate(packets):
        seconds, rest = divmod(START_NS + number * STEP_NS, 1_000_000_000)
        parts += [struct.pack("<IIII", seconds, rest, len(packet), len(packet)), packet]
    return b"".join(parts)
