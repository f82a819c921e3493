"""Every column of every table: name, dtype, unit and meaning. The documentation is generated from here."""

from enum import IntEnum

from analyzer.model.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `dtype` as numpy writes it, `unit` empty for plain numbers."""

    name: str
    dtype: str
    unit: str
    meaning: str


Schema = tuple[Column, ...]


class Side(IntEnum):
    """Who sent it."""

    CLIENT = 0
    SERVER = 1

    @property
    def word(self) -> str:
        """`client` or `server`, as reports write it."""
        return self.name.lower()

    @property
    def peer(self) -> "Side":
        """The other side."""
        return Side(1 - self)


class Opcode(IntEnum):
    """RFC 6455 section 5.2."""

    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


def opcode_word(opcode: int) -> str:
    """The name of an opcode; `reserved` for those that RFC 6455 leaves open."""
    return Opcode(opcode).name.lower() if opcode in Opcode._value2member_map_ else "reserved"


class Kind(IntEnum):
    """What a whole message is, by opcode, content and the provider's vocabulary."""

    AUDIO = 1
    """Binary that the provider takes as audio."""
    CONTROL = 2
    """A control word of the provider as text, valid: KeepAlive, CloseStream ..."""
    MISPLACED = 3
    """A control word in a binary message."""
    MALFORMED = 4
    """Text meant as a control message that is not valid JSON or not a known type."""
    BASE64 = 5
    """Text that carries base64 audio, bare or inside JSON."""
    EMPTY = 6
    """A binary message of zero bytes, judged after inflating."""
    EVENT = 7
    """JSON of the service with a `type`: Results, Metadata, Error ..."""
    TEXT = 8
    """Any other text."""
    BINARY = 9
    """Binary that is not audio for this provider."""
    CLOSE = 10
    PING = 11
    PONG = 12
    UNREADABLE = 13
    """A message whose content is missing from the capture or does not inflate."""


RECORDS: Schema = (
    Column("offset", "i8", "bytes", "where the packet's bytes start in the batch"),
    Column("captured", "i8", "bytes", "bytes in the capture"),
    Column("on_wire", "i8", "bytes", "bytes on the wire"),
    Column("time", "i8", "ns", "time since the epoch"),
    Column("interface", "i4", "", "index of the capture's interface, counted over all sections"),
)

PACKETS: Schema = (
    Column("number", "i8", "", "packet number, from 1, as Wireshark shows it"),
    Column("time", "i8", "ns", "time since the epoch"),
    Column("flow", "i4", "", "TCP connection in order of appearance, counted finer than Wireshark's tcp.stream"),
    Column("side", "u1", "", "0 sent by the endpoint that sent the connection's first packet, 1 by the other"),
    Column("seq", "u4", "", "TCP sequence number"),
    Column("ack", "u4", "", "TCP acknowledgement number, 0 without ACK"),
    Column("flags", "u1", "", "TCP flags FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32"),
    Column("window", "u2", "", "TCP window, not scaled"),
    Column("payload", "i8", "bytes", "where the TCP payload starts in the batch"),
    Column("captured", "i4", "bytes", "payload bytes in the capture"),
    Column("length", "i4", "bytes", "payload bytes on the wire"),
    Column("ident", "u4", "", "IPv4 identification in the high half, TCP checksum in the low: the same in mirrored copies"),
)

TLS_RECORDS: Schema = (
    Column("type", "u1", "", "content type as the header states it (RFC 8446 section 5.1)"),
    Column("length", "i4", "bytes", "length that the header states"),
    Column("packet", "i8", "", "number of the packet that carries its first byte"),
    Column("time", "i8", "ns", "time of that packet"),
)

FRAMES: Schema = (
    Column("offset", "i8", "bytes", "where the header starts in the direction's WebSocket bytes"),
    Column("header", "u1", "bytes", "header size, 2 to 14"),
    Column("length", "i8", "bytes", "payload length that the header states"),
    Column("opcode", "u1", "", "RFC 6455 opcode"),
    Column("fin", "u1", "", "1 on the last frame of a message"),
    Column("rsv", "u1", "", "RSV1 4, RSV2 2, RSV3 1"),
    Column("masked", "u1", "", "1 with a mask key"),
    Column("key", "u4", "", "mask key, first byte highest"),
    Column("first_packet", "i8", "", "lowest packet number that carries it"),
    Column("last_packet", "i8", "", "highest packet number that carries it"),
    Column("first_time", "i8", "ns", "time of its first packet"),
    Column("last_time", "i8", "ns", "time of its last packet"),
    Column("message", "i8", "", "number of its message in this direction, from 1; 0 for a stray continuation"),
    Column("complete", "u1", "", "0 when part of the payload is not in the capture"),
    Column("anomalies", "u2", "", "bits of FrameAnomaly"),
)

MESSAGES: Schema = (
    Column("number", "i8", "", "message number in this direction, from 1"),
    Column("opcode", "u1", "", "opcode of its first frame"),
    Column("kind", "u1", "", "Kind: what the message is"),
    Column("label", "i2", "", "index into the direction's labels (its control word or event type), -1 for none"),
    Column("frames", "i4", "", "number of its data frames"),
    Column("wire", "i8", "bytes", "payload as sent"),
    Column("size", "i8", "bytes", "payload after inflating"),
    Column("first_time", "i8", "ns", "time of its first packet"),
    Column("last_time", "i8", "ns", "time of the packet that completes it"),
    Column("first_packet", "i8", "", "lowest packet number that carries it"),
    Column("last_packet", "i8", "", "highest packet number that carries it"),
    Column("audio_at", "i8", "bytes", "audio bytes of this direction before this message"),
    Column("complete", "u1", "", "0 when bytes are missing from the capture"),
)
