"""WebSocket over HTTP/2 as `h2` speaks it, without sockets: two endpoints, and streams that carry what WebSocket libraries said."""

from collections.abc import Iterable, Sequence

import peers
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived
from h2.settings import SettingCodes
from peers import CLIENT, SERVER, TARGET, Talk

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
REQUEST = [
    *((":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"), (":path", TARGET)),
    *((":authority", "10.0.0.1"), ("sec-websocket-version", "13"), ("user-agent", "h2-peer")),
]
GRANT = [(":status", "200"), ("dg-request-id", "5002d33e-31f3-4a45-a26e-da2763dfeabd")]


class Pair:
    """A client and a server on one connection. What each sends is noted in `talk` and read by the other."""

    def __init__(self, *, connect: bool = True) -> None:
        self.talk = Talk()
        self.ends = tuple(H2Connection(H2Configuration(client_side=side == CLIENT, header_encoding="utf-8")) for side in (0, 1))
        for side in (CLIENT, SERVER):
            self.ends[side].initiate_connection()
            if connect and side == SERVER:
                self.ends[side].update_settings({SettingCodes.ENABLE_CONNECT_PROTOCOL: 1})
        for side in (CLIENT, SERVER, CLIENT, SERVER):
            self.flush(side)

    def flush(self, side: int) -> None:
        """Send what a side has to say; the other one widens its window by what it read."""
        heard = self.ends[1 - side].receive_data(self.talk.add(side, [self.ends[side].data_to_send()]))
        for event in heard:
            if isinstance(event, DataReceived) and event.flow_controlled_length and event.stream_ended is None:
                self.ends[1 - side].acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        if self.ends[1 - side].outbound_flow_control_window and any(isinstance(event, DataReceived) for event in heard):
            self.flush(1 - side)

    def ask(self, headers: Iterable[tuple[str, str]] = REQUEST, *, end: bool = False) -> int:
        """Open a stream."""
        stream = int(self.ends[CLIENT].get_next_available_stream_id())
        self.ends[CLIENT].send_headers(stream, list(headers), end_stream=end)
        self.flush(CLIENT)
        return stream

    def answer(self, stream: int, headers: Iterable[tuple[str, str]] = GRANT, *, end: bool = False) -> None:
        """Send response headers."""
        self.ends[SERVER].send_headers(stream, list(headers), end_stream=end)
        self.flush(SERVER)

    def send(self, side: int, stream: int, data: bytes, *, end: bool = False, pad: int | None = None, size: int = 1 << 14) -> None:
        """Send DATA in frames of at most `size` bytes."""
        parts = [data[at : at + size] for at in range(0, len(data), size)] or [b""]
        for number, part in enumerate(parts, 1):
            self.ends[side].send_data(stream, part, end_stream=end and number == len(parts), pad_length=pad)
        self.flush(side)

    def reset(self, side: int, stream: int, code: int = 8) -> None:
        """Send RST_STREAM."""
        self.ends[side].reset_stream(stream, code)
        self.flush(side)


def frames_of(talk: Talk) -> list[tuple[int, bytes]]:
    """What two WebSocket libraries said behind their upgrade, in order."""
    return talk.chunks[2:]


def over_http2(talks: Sequence[Talk], *, size: int = 1 << 14, pad: int | None = None) -> Talk:
    """The same said in as many streams of one connection, in turn."""
    pair = Pair()
    streams = []
    for _ in talks:
        streams.append(pair.ask())
        pair.answer(streams[-1])
    said = [frames_of(talk) for talk in talks]
    for turn in range(max(map(len, said))):
        for stream, chunks in zip(streams, said, strict=True):
            if turn < len(chunks):
                pair.send(chunks[turn][0], stream, chunks[turn][1], size=size, pad=pad)
    for side in (CLIENT, SERVER):
        for stream in streams:
            pair.send(side, stream, b"", end=True)
    return pair.talk


def capture(talk: Talk, segments: tuple[int, ...] = (1460,)) -> bytes:
    """The talk as a capture file."""
    return peers.pcap(talk, peers.Path(segments=segments))
