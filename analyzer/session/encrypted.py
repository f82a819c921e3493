"""What sizes and times of encrypted records tell: silence, the pace of the upload, how the connection ended.

In: the TLS records of both directions as their headers state them, and how TCP ended. Out: an `Estimate`. Whole columns at a time.
The sizes looked for are those of a WebSocket's frames, one in each record, as common libraries write them; with permessage-deflate,
padding (RFC 8446 section 5.4) or several frames in one record less is found, and nothing else instead.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from analyzer.model.dataclass import dataclass
from analyzer.model.limits import SECOND
from analyzer.model.places import Moment
from analyzer.model.schema import Side
from analyzer.model.settings import Settings
from analyzer.model.tables import Table
from analyzer.model.tcp import Tcp
from analyzer.model.tls import Estimate, Quiet, Tls, Upload

Ints = npt.NDArray[np.int64]
APPLICATION, ALERT, CHANGE = 23, 21, 20
"""Content types (RFC 8446 section 5.1)."""
TLS13 = "TLSv1.3"
MASKED, UNMASKED = 6, 2
"""Bytes of a frame's header up to 125 bytes of payload: with a mask as clients send it, without as servers do."""
MEDIUM, LONG = 126, 1 << 16
"""From these payloads on the header has 2 and 8 bytes more (RFC 6455 section 5.2)."""
KEEPALIVES = tuple(MASKED + len(text) for text in ('{"type":"KeepAlive"}', '{"type": "KeepAlive"}'))
ENDS = tuple(MASKED + len(text) for text in ('{"type":"CloseStream"}', '{"type": "CloseStream"}'))
EMPTY, PONG = MASKED, MASKED + 4
"""An empty frame or ping; a ping of four bytes or its answer, as one common library sends them."""
CODE = 2
NOTIFY = 2
"""Bytes of an alert (RFC 8446 section 6)."""
FINISHED = (36, 52)
"""Bytes of a Finished with its header, by hash (RFC 8446 section 4.4.4)."""
FLIGHT = 16
"""Records of a client in which its Finished stands: there is a certificate before it at most."""
REASONS = {
    UNMASKED + CODE + len(text): token
    for token, text in (
        (
            "NET-0001",
            "Deepgram did not receive audio data or a text message within the timeout window. See https://dpgr.am/net0001",
        ),
        ("NET-0000", "Deepgram did not provide a response message within the timeout window. See https://dpgr.am/net0000"),
        ("DATA-0000", "DATA-0000"),
    )
}
"""Size of a server's close frame with a reason as the service writes it."""
SMALL = 96
"""With CBC a record with a KeepAlive is no longer: a vector, the text, the longest MAC, padding (RFC 5246 section 6.2.3.2)."""
CBC_OVERHEAD = 16 + 20 + 1
"""The least that CBC adds."""
SPARSE = 1
"""Small records per second in a silence at most: more are a stream, such as a codec's that sends next to nothing for silence."""
STREAM_RECORDS, STREAM_STEP, BURST_STEP = 10, SECOND, 2_000_000
LARGEST = 16_000
"""A stream of audio: so many records, most of them no further apart, not all at once, and not as long as TLS allows, as those of a
file that is sent over HTTP are.
"""
MORE = 2
"""Times as many records of the client as of the server: a conversation of requests and answers has as many of both."""
PAUSE = SECOND
SHORTEST_SPAN = 0.001
TEXT = MASKED + MEDIUM
"""Below this size a record holds a short text, where audio comes in longer ones."""
ANSWER, CLOSING = 2 * SECOND, 10 * SECOND
"""Within this time of a ping its answer comes, and after a close frame the connection ends."""
USUAL = {
    8_000: "8-bit mono at 8 kHz",
    16_000: "16-bit mono at 8 kHz or 8-bit mono at 16 kHz",
    32_000: "16-bit mono at 16 kHz",
    44_100: "16-bit mono at 22.05 kHz",
    48_000: "16-bit mono at 24 kHz",
    64_000: "16-bit stereo at 16 kHz or 16-bit mono at 32 kHz",
    88_200: "16-bit mono at 44.1 kHz",
    96_000: "16-bit mono at 48 kHz",
    176_400: "16-bit stereo at 44.1 kHz",
    192_000: "16-bit stereo at 48 kHz",
}
"""Bytes per second of raw formats in use."""
NEAR = 0.04


@dataclass(frozen=True, slots=True)
class _Records:
    """Those of one side that may hold application data. `size` is plaintext, an upper bound where it is not exact."""

    size: Ints
    packet: Ints
    time: Ints
    notify: Moment | None = None
    """Its last alert, which is no row."""

    def __len__(self) -> int:
        return len(self.time)

    def moment(self, row: int) -> Moment:
        """Where a record begins."""
        return Moment(int(self.packet[row]), int(self.time[row]))

    def last(self, sizes: Sequence[int]) -> bool:
        """Whether its last record is of one of these sizes."""
        return len(self) > 0 and int(self.size[-1]) in sizes


@dataclass(frozen=True, slots=True)
class _End:
    """How the connection ended: who was first, and where; at the last packet where nobody was."""

    by: Side | None
    at: Moment
    farewell: bool
    closing: bool = False
    """The client's last record is a close frame, by its size."""


def estimate(tls: Tls, tcp: tuple[Tcp, Tcp], last: Moment, settings: Settings) -> Estimate | None:
    """None where there are no records. `last` is the connection's last packet."""
    if tls.records is None:
        return None
    exact = tls.overhead is not None
    client, shaken = _client(tls, tls.records)
    begin = client.moment(0) if len(client) else None
    server = _behind(_rows(tls, tls.records[Side.SERVER]), begin or shaken)
    end = _ending(client, server, tcp, last, exact=exact)
    alert = None
    if tls.version == TLS13 and shaken is None and begin is None and client.notify is not None:
        alert = Side.CLIENT, client.notify
    elif shaken is not None and end.by is Side.SERVER and not len(server) and server.notify is not None:
        alert = Side.SERVER, server.notify
    found = Estimate(
        exact,
        records=(len(client), len(server)),
        bytes=(int(client.size.sum()), int(server.size.sum())),
        first=(begin, server.moment(0) if len(server) else None),
        ended_by=end.by,
        farewell=end.farewell,
        shaken=shaken,
        alert=alert,
    )
    if begin is None:
        return found
    carrying = _carrying(client, end, exact=exact)
    streamed = _streamed(client, carrying, len(server))
    empties = _empties(client, server, end) if exact else []
    token = REASONS.get(int(server.size[-1])) if exact and len(server) and end.by is not None else None
    return replace(
        found,
        streamed=streamed,
        quiet=_quiet(client, carrying, end, settings, exact=exact) if streamed else (),
        upload=_upload(client, carrying),
        empties=tuple(client.moment(row) for row in empties[: settings.limits.anomalies]),
        empty_count=len(empties),
        reason=token,
        reason_at=server.moment(-1) if token else None,
    )


def _rows(tls: Tls, table: Table) -> _Records:
    """Records of application data by their type, which is that of all that is encrypted in TLS 1.3."""
    columns = table.columns()
    kind = columns["type"]
    chosen = kind == APPLICATION
    size, packet, time = (columns[name][chosen].astype(np.int64) for name in ("length", "packet", "time"))
    size = np.maximum(size - (CBC_OVERHEAD if tls.overhead is None else tls.overhead), 0)
    if tls.version == TLS13 and tls.overhead is not None:
        if len(size) and int(size[-1]) == NOTIFY:
            return _Records(size[:-1], packet[:-1], time[:-1], Moment(int(packet[-1]), int(time[-1])))
        return _Records(size, packet, time)
    alerts = (kind == ALERT).nonzero()[0]
    if not len(alerts):
        return _Records(size, packet, time)
    return _Records(size, packet, time, Moment(int(columns["packet"][alerts[-1]]), int(columns["time"][alerts[-1]])))


def _client(tls: Tls, records: tuple[Table, Table]) -> tuple[_Records, Moment | None]:
    """The client's records of application data, and where the handshake is over: in TLS 1.3 with its Finished, before with what
    follows the ChangeCipherSpec of both.
    """
    found = _rows(tls, records[Side.CLIENT])
    if tls.version != TLS13:
        changes = []
        for table in records:
            row = int(np.argmax(table.column("type") == CHANGE)) if len(table) else 0
            if row or (len(table) and int(table.column("type")[0]) == CHANGE):
                changes.append(Moment(int(table.column("packet")[row]), int(table.column("time")[row])))
        return found, max(changes, key=lambda at: at.time) if len(changes) == len(records) else None
    finished = np.isin(found.size[:FLIGHT], FINISHED).nonzero()[0].tolist() if tls.overhead is not None else []
    if not finished:
        return found, None
    row = finished[0]
    return _Records(found.size[row + 1 :], found.packet[row + 1 :], found.time[row + 1 :], found.notify), found.moment(row)


def _behind(found: _Records, begin: Moment | None) -> _Records:
    """Those of the server from a moment on: what came before is its handshake."""
    if begin is None:
        return found
    row = int(np.searchsorted(found.time, begin.time))
    return _Records(found.size[row:], found.packet[row:], found.time[row:], found.notify)


def _ending(client: _Records, server: _Records, tcp: tuple[Tcp, Tcp], last: Moment, *, exact: bool) -> _End:
    """Who ended the connection, by close_notify, FIN or RST, or a record of the size of a close frame shortly before."""
    ends = [(at, Side(side)) for side, one in enumerate(tcp) for at in (one.fin, one.rst) if at is not None]
    notified = [(found.notify, side) for found, side in ((client, Side.CLIENT), (server, Side.SERVER)) if found.notify is not None]
    first = min((*ends, *notified), key=_order, default=None)
    if first is None or not exact:
        return _End(first[1] if first else None, first[0] if first else last, bool(notified))
    closes: list[tuple[Moment, Side]] = []
    if server.last((UNMASKED, UNMASKED + CODE, *REASONS)) or _echoed(client, server):
        closes.append((server.moment(-1), Side.SERVER))
    closing = client.last((MASKED, MASKED + CODE)) or (len(closes) > 0 and _echoed(client, server))
    if closing:
        closes.append((client.moment(-1), Side.CLIENT))
    closes = [one for one in closes if first[0].time - one[0].time <= CLOSING]
    at, by = min((first, *closes), key=_order)
    return _End(by, at, bool(notified or closes), closing and any(side is Side.CLIENT for _, side in closes))


def _order(one: tuple[Moment, Side]) -> tuple[int, int]:
    return one[0].time, one[0].packet


def _echoed(client: _Records, server: _Records) -> bool:
    """Whether each side's last record is as long as one close frame of both, with a reason."""
    if not len(client) or not len(server):
        return False
    body = int(server.size[-1]) - UNMASKED
    return CODE < body < MEDIUM and int(client.size[-1]) == MASKED + body


def _carrying(client: _Records, end: _End, *, exact: bool) -> Ints:
    """Rows that can carry audio, the upgrade request among them. A record as small as a KeepAlive carries none."""
    small = np.isin(client.size, (EMPTY, PONG, *KEEPALIVES)) if exact else client.size <= SMALL - CBC_OVERHEAD
    if end.closing:
        small[-1] = True
    return (~small).nonzero()[0]


def _streamed(client: _Records, carrying: Ints, answers: int) -> bool:
    """Whether the client sent as one does that streams audio in real time."""
    rows = carrying[1:]
    if len(rows) < max(STREAM_RECORDS, MORE * answers):
        return False
    step = float(np.median(np.diff(client.time[rows])))
    return BURST_STEP < step <= STREAM_STEP and float(np.median(client.size[rows])) < LARGEST


def _quiet(client: _Records, carrying: Ints, end: _End, settings: Settings, *, exact: bool) -> tuple[Quiet, ...]:
    """Every stretch of more than the gap without a record that can carry audio, from the upgrade request on."""
    ends = np.append(client.time[carrying[1:]], max(end.at.time, int(client.time[carrying[-1]])))
    long = (ends - client.time[carrying] > settings.gap).nonzero()[0].tolist()
    found = []
    for place in long[: settings.limits.gaps]:
        row, final = int(carrying[place]), place == len(carrying) - 1
        if final and _ends_audio(client, carrying):
            continue
        behind = len(client) - end.closing if final else int(carrying[place + 1])
        begin, stop = client.moment(row), end.at if final else client.moment(behind)
        inside = client.time[row + 1 : behind]
        inside = inside[inside < stop.time]
        if len(inside) * SECOND > SPARSE * (stop.time - begin.time):
            continue
        kept = inside[np.isin(client.size[row + 1 : row + 1 + len(inside)], KEEPALIVES)] if exact else inside
        step = int(np.diff(np.concatenate(([begin.time], kept, [stop.time]))).max())
        by = "record" if not final else "capture-end" if end.by is None else end.by.word
        found.append(Quiet(begin, stop, len(kept), len(inside) - len(kept), step, by))
    return tuple(found)


def _ends_audio(client: _Records, carrying: Ints) -> bool:
    """Whether the last record may be the text that says that no audio follows: short, among longer ones."""
    last = int(client.size[carrying[-1]])
    return last in ENDS or (last < TEXT and float(np.median(client.size[carrying])) > TEXT)


def _upload(client: _Records, carrying: Ints) -> Upload | None:
    """Payload over time, as the pace of audio is measured; None for what is no stream."""
    if len(carrying) <= STREAM_RECORDS:
        return None
    rows = carrying[1:-1] if _ends_audio(client, carrying) else carrying[1:]
    sizes, steps = client.size[rows], np.diff(client.time[rows])
    if float(np.median(steps)) > PAUSE:
        return None
    payload = sizes - MASKED - 2 * (sizes >= MASKED + MEDIUM) - 6 * (sizes >= MASKED + 2 + LONG)
    span_s = max(int(steps[steps <= PAUSE].sum()) / SECOND, SHORTEST_SPAN)
    whole = int(payload[:-1][steps <= PAUSE].sum())
    rate = whole / span_s
    like = next((words for usual, words in USUAL.items() if abs(rate - usual) <= NEAR * usual), None)
    return Upload(int(payload.sum()), len(rows), round(span_s, 6), round(rate, 1), like)


def _empties(client: _Records, server: _Records, end: _End) -> list[int]:
    """Rows of the size of an empty frame. A ping has an answer, and an answer a ping before it: two bytes each from a server."""
    rows = (client.size[: len(client) - end.closing] == EMPTY).nonzero()[0]
    pings = server.time[server.size == UNMASKED]
    if not len(rows) or not len(pings):
        return [int(row) for row in rows]
    times = client.time[rows]
    behind = np.searchsorted(pings, times)
    near = np.abs(pings[np.minimum(behind, len(pings) - 1)] - times) <= ANSWER
    near |= np.abs(pings[np.maximum(behind - 1, 0)] - times) <= ANSWER
    return [int(row) for row in rows[~near]]
