"""A session grows from the calls of the wire: what each message is, what is declared, how the attempt went."""

import json
import struct
from collections.abc import Iterable

import numpy as np
import pytest

from analyzer.audio.track import TrackBuilder
from analyzer.model.anomalies import Anomaly, Sightings
from analyzer.model.channel import MessageBatch
from analyzer.model.limits import SECOND
from analyzer.model.places import Endpoint, Hole, Moment
from analyzer.model.provider import Provider
from analyzer.model.schema import Kind, Opcode, Side
from analyzer.model.session import Request, Response, Session
from analyzer.model.settings import Settings
from analyzer.model.tcp import Tcp
from analyzer.model.tls import Tls
from analyzer.model.track import AudioFormat
from analyzer.providers import by_words, recognise
from analyzer.session.builder import Services, SessionBuilder

TEXT, BINARY = Opcode.TEXT, Opcode.BINARY
ENDS = Endpoint("10.0.0.2", 5000), Endpoint("10.0.0.1", 80)
GRANTED = Response(101, "Switching Protocols", "1.1", {}, b"", Moment(2, SECOND))
LISTEN = "/v1/listen"
FLAGS = ("complete", "begins", "ends", "readable")


def opened(settings: Settings = Settings()) -> SessionBuilder:  # noqa: B008 - frozen
    def track(declared: AudioFormat, provider: Provider, side: Side) -> TrackBuilder:
        return TrackBuilder(declared, settings.limits, containers=provider.containers, side=side, dump=None)

    sightings = Sightings(20), Sightings(20)
    return SessionBuilder(7, ENDS, Moment(1, 0), settings, Services(recognise, by_words, track), sightings, lambda _: None)


def asked(path: str = LISTEN, **query: str) -> Request:
    return Request(path, path, query, "1.1", {}, Moment(1, 0))


def granted(path: str = LISTEN, settings: Settings = Settings(), **query: str) -> SessionBuilder:  # noqa: B008 - frozen
    builder = opened(settings)
    builder.requested(asked(path, **query))
    builder.answered(GRANTED)
    return builder


def said(*messages: tuple[int, bytes], **changes: Iterable[int]) -> MessageBatch:
    """Whole messages, a second apart, or as `changes` says of each."""
    part = np.array([len(content) for _, content in messages], np.int64)
    count, ones, yes = len(messages), np.ones(len(messages), np.int64), np.ones(len(messages), np.uint8)
    order = np.arange(1, count + 1)
    columns = {
        "frames": ones,
        **dict.fromkeys(FLAGS, yes),
        **dict.fromkeys(("wire", "size", "part"), part),
        "number": order,
        "opcode": np.array([opcode for opcode, _ in messages], np.uint8),
        "at": np.cumsum(part) - part,
        "lost": ones * 0,
        **dict.fromkeys(("first_packet", "last_packet"), order + 10),
        **dict.fromkeys(("first_time", "last_time"), order * SECOND),
        **{name: np.array(list(values), np.uint8 if name in FLAGS else np.int64) for name, values in changes.items()},
    }
    return MessageBatch(columns, np.frombuffer(b"".join(content for _, content in messages), np.uint8), whole=not changes)


def frozen(builder: SessionBuilder, tcp: tuple[Tcp, Tcp] = (Tcp(packets=5), Tcp(packets=5)), **ends: bool) -> Session:
    builder.finish(tcp, Moment(99, 60 * SECOND), tls=ends.get("tls"), over=ends.get("over", True))
    return builder.freeze(capture_damaged=False)


def kinds(session: Session, side: Side = Side.CLIENT) -> list[tuple[Kind, str]]:
    half = session.sides[side]
    return [(Kind(kind), half.label(row)) for row, kind in enumerate(half.messages.column("kind").tolist())]


def text(**value: object) -> bytes:
    return json.dumps(value).encode()


def test_every_kind_of_message() -> None:
    builder = granted(encoding="linear16", sample_rate="16000")
    messages = [
        (BINARY, bytes(3200)),
        (BINARY, b""),
        (BINARY, text(type="KeepAlive")),
        (TEXT, text(type="KeepAlive")),
        (TEXT, text(type="Nonsense")),
        (TEXT, b"not JSON"),
        (TEXT, b"QUJD" * 40),
        (Opcode.PING, b"?"),
        (Opcode.PONG, b"!"),
        (TEXT, b"\xff\xfe"),
        (Opcode.CLOSE, struct.pack(">H", 1000)),
        (5, b"reserved"),
    ]
    builder.messages(Side.CLIENT, said(*messages))
    builder.messages(Side.SERVER, said((TEXT, text(type="Results", start=0, duration=1)), (TEXT, b"hello"), (BINARY, b"sound")))
    session = frozen(builder)
    assert kinds(session) == [
        (Kind.AUDIO, ""),
        (Kind.EMPTY, ""),
        (Kind.MISPLACED, "KeepAlive"),
        (Kind.CONTROL, "KeepAlive"),
        (Kind.MALFORMED, "Nonsense"),
        (Kind.MALFORMED, ""),
        (Kind.BASE64, ""),
        (Kind.PING, ""),
        (Kind.PONG, ""),
        (Kind.TEXT, ""),
        (Kind.CLOSE, ""),
        (Kind.BINARY, ""),
    ]
    assert kinds(session, Side.SERVER) == [(Kind.EVENT, "Results"), (Kind.TEXT, ""), (Kind.BINARY, "")]
    assert session.client.anomaly_counts == {Anomaly.BAD_UTF8: 1}
    assert [(close.code, close.side) for close in session.client.closes] == [(1000, Side.CLIENT)]
    assert [one.why for one in session.client.texts] == ["malformed", "malformed", "base64"]
    assert session.service.results == 1
    assert session.client_audio is not None
    assert session.client_audio.bytes == 3200


@pytest.mark.parametrize("together", [True, False])
def test_a_message_in_parts_is_audio_throughout(*, together: bool) -> None:
    """Also with a ping between its parts, and all of it in one batch."""
    builder = granted(encoding="linear16", sample_rate="16000")
    parts = [(BINARY, b"ab" * 50), (Opcode.PING, b""), (BINARY, b"cd" * 50), (BINARY, b"")]
    begins, ends, numbers = [1, 1, 0, 0], [0, 1, 0, 1], [1, 2, 1, 1]
    if together:
        builder.messages(Side.CLIENT, said(*parts, begins=begins, ends=ends, number=numbers))
    else:
        for row, part in enumerate(parts):
            builder.messages(Side.CLIENT, said(part, begins=[begins[row]], ends=[ends[row]], number=[numbers[row]]))
    session = frozen(builder)
    assert [kind for kind, _ in kinds(session)] == [Kind.PING, Kind.AUDIO]
    assert session.client_audio is not None
    assert session.client_audio.bytes == 200


def test_what_is_missing_or_unreadable_is_no_text() -> None:
    builder = granted()
    keepalive = text(type="KeepAlive")
    builder.messages(
        Side.CLIENT, said((TEXT, keepalive), (TEXT, keepalive), (TEXT, keepalive), complete=[0, 1, 1], readable=[1, 0, 1])
    )
    builder.messages(Side.CLIENT, said((BINARY, b""), (BINARY, b""), complete=[0, 1], readable=[1, 0]))
    assert [kind for kind, _ in kinds(frozen(builder))] == [
        Kind.UNREADABLE,
        Kind.UNREADABLE,
        Kind.CONTROL,
        Kind.AUDIO,
        Kind.UNREADABLE,
    ]


def test_a_service_is_known_by_its_words() -> None:
    builder = granted("/elsewhere")
    builder.messages(Side.SERVER, said((TEXT, text(type="Results", start=0, duration=1, is_final=True))))
    builder.messages(Side.CLIENT, said((TEXT, text(type="Finalize")), (TEXT, text(type="CloseStream"))))
    session = frozen(builder)
    assert session.provider.name == "deepgram-listen-v1"


def test_the_option_decides_the_endpoint() -> None:
    session = frozen(granted("/elsewhere", Settings(path=LISTEN)))
    assert session.provider.name == "deepgram-listen-v1"


def test_a_first_message_declares_the_format() -> None:
    builder = granted("/v1/agent/converse")
    audio = {"input": {"encoding": "mulaw", "sample_rate": 8000}}
    builder.messages(Side.CLIENT, said((TEXT, text(type="Settings", audio=audio)), (BINARY, b"\x7f" * 800)))
    session = frozen(builder)
    assert session.client_audio is not None
    assert session.client_audio.format == AudioFormat(None, "mulaw", 8000, 1, "message")


@pytest.mark.parametrize(
    ("status", "joined", "encrypted", "sent", "tcp", "outcome"),
    [
        (101, False, False, True, Tcp(packets=1), "accepted"),
        (401, False, False, True, Tcp(packets=1), "rejected"),
        (None, True, False, False, Tcp(packets=1), "not-captured"),
        (None, False, True, False, Tcp(packets=1), "encrypted"),
        (None, False, False, True, Tcp(packets=1), "no-response"),
        (None, False, False, False, Tcp(packets=1, rst=Moment(1, 1)), "refused"),
        (None, False, False, False, Tcp(), "unreachable"),
        (None, False, False, False, Tcp(packets=1, syn=Moment(1, 1)), "no-response"),
    ],
)
def test_outcomes(*, status: int | None, joined: bool, encrypted: bool, sent: bool, tcp: Tcp, outcome: str) -> None:
    builder = opened()
    if sent:
        builder.requested(asked())
    if status is not None:
        builder.answered(Response(status, "", "1.1", {}, b"", Moment(2, SECOND)))
    if joined:
        builder.joined()
    session = frozen(builder, (Tcp(packets=1), tcp), tls=Tls() if encrypted else None)
    assert session.upgrade.outcome == outcome
    assert session.opened == ("midstream" if joined else "handshake")


@pytest.mark.parametrize(
    ("client", "server", "end"),
    [
        (Tcp(), Tcp(), "open"),
        (Tcp(fin=Moment(5, 5)), Tcp(fin=Moment(4, 4)), "fin-server"),
        (Tcp(fin=Moment(5, 5)), Tcp(rst=Moment(6, 6)), "fin-client"),
        (Tcp(rst=Moment(5, 5)), Tcp(), "rst-client"),
    ],
)
def test_what_ended_tcp_first(client: Tcp, server: Tcp, end: str) -> None:
    assert frozen(granted(), (client, server)).tcp_end == end


def test_a_damaged_capture_cuts_only_what_was_not_over() -> None:
    for over in (True, False):
        builder = granted()
        builder.finish((Tcp(), Tcp()), Moment(9, 9), tls=None, over=over)
        assert builder.freeze(capture_damaged=True).capture_cut is not over


def test_coverage_is_counted() -> None:
    builder = granted()
    builder.covered(Side.CLIENT, 100)
    builder.covered(Side.CLIENT, 50)
    builder.hole(Side.CLIENT, Hole(100, 7, Moment(1, 1), Moment(2, 2)))
    session = frozen(builder)
    assert (session.client.bytes, session.client.missing, session.server.bytes) == (150, 7, 0)
    assert not session.whole


@pytest.mark.parametrize(
    "content", [b"[" * 100_000, b'{"type":' * 50_000, b'{"type":"\\ud800"}', b"9" * 100_000, b"A" + b"\n" * 300_000 + b"!"]
)
def test_hostile_texts_break_nothing_and_take_no_time(content: bytes) -> None:
    builder = granted()
    for side in Side:
        builder.messages(side, said((TEXT, content)))
    assert len(kinds(frozen(builder))) == 1


def test_texts_alone_make_no_track() -> None:
    builder = granted()
    builder.messages(Side.SERVER, said((TEXT, text(type="Results", start=0, duration=1)), (TEXT, b"hello")))
    builder.messages(Side.CLIENT, said((TEXT, text(type="KeepAlive"))))
    session = frozen(builder)
    assert (session.client_audio, session.server_audio) == (None, None)
