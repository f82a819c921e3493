"""Sessions made by hand, for tests of rules. Times are in seconds since the upgrade; packet numbers follow from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from analyzer.model.anomalies import Anomaly, Sighting
from analyzer.model.limits import SECOND
from analyzer.model.places import Endpoint, Hole, Moment, Span
from analyzer.model.provider import Provider
from analyzer.model.schema import FRAMES, MESSAGES, Kind, Opcode, Side
from analyzer.model.session import AudioGap, Close, Direction, Request, Response, Service, Session, Text, Upgrade
from analyzer.model.settings import Settings
from analyzer.model.tables import Table
from analyzer.model.tcp import Tcp
from analyzer.model.track import AudioFormat, Pace, Track
from analyzer.providers import by_name

ORIGIN = 1_795_000_000 * SECOND
_OPCODES = {
    Kind.AUDIO: Opcode.BINARY,
    Kind.MISPLACED: Opcode.BINARY,
    Kind.EMPTY: Opcode.BINARY,
    Kind.BINARY: Opcode.BINARY,
    Kind.UNREADABLE: Opcode.BINARY,
    Kind.CLOSE: Opcode.CLOSE,
    Kind.PING: Opcode.PING,
    Kind.PONG: Opcode.PONG,
}


@dataclass(frozen=True)
class Said:
    """One message: when, what kind, its word, its size in bytes, and its text where a rule may quote it."""

    time: float
    kind: Kind
    label: str = ""
    size: int = 0
    text: str | None = None


def moment(time: float) -> Moment:
    """Give the place of a time; the packet number follows from it."""
    return Moment(1000 + round(time * 1000), ORIGIN + round(time * SECOND))


def audio(first: float, last: float, step: float = 0.1, size: int = 3200) -> list[Said]:
    """Audio messages at regular times."""
    count = round((last - first) / step) + 1
    return [Said(first + step * number, Kind.AUDIO, size=size) for number in range(count)]


def keepalives(*times: float) -> list[Said]:
    """KeepAlive text."""
    return [Said(time, Kind.CONTROL, "KeepAlive") for time in times]


def direction(
    side: Side,
    said: Sequence[Said] = (),
    closes: Sequence[tuple[float, int | None, str]] = (),
    *,
    tcp: Tcp | None = None,
    missing: int = 0,
    holes: Sequence[tuple[float, float]] = (),
    frame_anomalies: Sequence[tuple[float, int]] = (),
    sightings: Sequence[tuple[float, Anomaly]] = (),
) -> Direction:
    """Make what one side sent."""
    said = sorted(said, key=lambda one: one.time)
    labels = tuple(dict.fromkeys(one.label for one in said if one.label))
    messages = Table(MESSAGES, 1 << 20)
    places = [moment(one.time) for one in said]
    sizes = np.array([one.size for one in said], np.int64)
    is_audio = np.array([one.kind is Kind.AUDIO for one in said], bool)
    columns: dict[str, object] = {
        "number": np.arange(1, len(said) + 1),
        "opcode": [_OPCODES.get(one.kind, Opcode.TEXT) for one in said],
        "kind": [one.kind for one in said],
        "label": [labels.index(one.label) if one.label else -1 for one in said],
        "frames": np.ones(len(said)),
        "wire": sizes,
        "size": sizes,
        "first_time": [place.time for place in places],
        "last_time": [place.time for place in places],
        "first_packet": [place.packet for place in places],
        "last_packet": [place.packet for place in places],
        "audio_at": np.cumsum(sizes * is_audio) - sizes * is_audio,
        "complete": np.ones(len(said)),
    }
    messages.append({name: np.asarray(values) for name, values in columns.items()})
    frames = Table(FRAMES, 1 << 20)
    odd = [moment(time) for time, _ in frame_anomalies]
    zeros = np.zeros(len(odd), np.int64)
    frames.append(
        {column.name: zeros for column in FRAMES}
        | {
            "anomalies": np.array([bits for _, bits in frame_anomalies]),
            "first_packet": np.array([place.packet for place in odd]),
            "first_time": np.array([place.time for place in odd], np.int64),
        }
    )
    kept = [Text(row, one.kind, one.label, one.text, "", places[row]) for row, one in enumerate(said) if one.text is not None]
    counts: dict[Anomaly, int] = {}
    for _, anomaly in sightings:
        counts[anomaly] = counts.get(anomaly, 0) + 1
    return Direction(
        side=side,
        endpoint=Endpoint("10.0.0.2", 50000) if side is Side.CLIENT else Endpoint("10.0.0.1", 8080),
        frames=frames,
        messages=messages,
        labels=labels,
        texts=tuple(kept),
        closes=tuple(Close(side, code, reason, moment(time)) for time, code, reason in closes),
        sightings=tuple(Sighting(anomaly, moment(time).packet, moment(time).time) for time, anomaly in sightings),
        anomaly_counts=counts,
        bytes=int(sizes.sum()),
        missing=missing,
        holes=tuple(Hole(0, 1, moment(before), moment(after)) for before, after in holes),
        blind=tuple(Span(moment(before), moment(after)) for before, after in (holes or ([(0, 3600)] if missing else []))),
        tcp=tcp or Tcp(packets=10),
    )


def track(**changes: object) -> Track:
    """Make audio as declared: 16-bit, 16 kHz, 10 s, nothing odd about it."""
    made = Track(
        bytes=320_000,
        messages=100,
        sha256="0" * 64,
        format=AudioFormat(encoding="linear16", sample_rate=16000, channels=1),
        actual=None,
        decodable=True,
        problem=None,
        duration_s=10.0,
        peak_dbfs=-3.0,
        rms_dbfs=-20.0,
        digital_silence_s=0.0,
        silent_spans=(),
        bytes_per_second=32000.0,
        head=b"\1\2\3\4",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def gap(begin: float, end: float, ended_by: str, keepalives: int = 0, widest: float = 0.0, *, covered: bool = True) -> AudioGap:
    """Make a gap."""
    return AudioGap(moment(begin), moment(end), keepalives, round((widest or end - begin) * SECOND), ended_by, covered)


def pace(ratio: float, audio_s: float = 10.0) -> Pace:
    """Make a pace."""
    return Pace(ratio, audio_s, audio_s / ratio, steady=True, interval_s=0.1 / ratio)


def session(
    client: Direction | None = None,
    server: Direction | None = None,
    *,
    provider: str | Provider = "deepgram-listen-v1",
    query: Mapping[str, str] | None = None,
    outcome: str = "accepted",
    status: int = 101,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    last: float = 60.0,
    **changes: object,
) -> Session:
    """Make a session that was opened by a handshake and whose TCP connection the server ended, with what is given instead."""
    target = "/v1/listen"
    asked = {"encoding": "linear16", "sample_rate": "16000"} if query is None else query
    request = Request(target, target, asked, "1.1", {}, moment(-0.01))
    response = Response(status, "Rejected" if status != 101 else "Switching Protocols", "1.1", headers or {}, body, moment(0))
    answered = outcome in ("accepted", "rejected")
    handshake = outcome not in ("not-captured", "refused", "unreachable", "encrypted")
    made = Session(
        id=1,
        tcp_stream=3,
        first=moment(-0.02),
        last=moment(last),
        opened="midstream" if outcome == "not-captured" else "handshake",
        upgrade=Upgrade(outcome, request if handshake else None, response if answered else None),
        provider=by_name(provider) if isinstance(provider, str) else provider,
        client=client or direction(Side.CLIENT),
        server=server or direction(Side.SERVER),
        client_audio=track() if client is not None and client.rows(Kind.AUDIO).size else None,
        server_audio=None,
        gaps=(),
        pace=None,
        service=Service(results=5),
        tcp_end="fin-server",
        settings=Settings(),
    )
    return replace(made, **changes)  # type: ignore[arg-type]
