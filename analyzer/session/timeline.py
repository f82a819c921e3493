"""A session on one line: what was sent when, in equal buckets, small enough to go into every report."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from analyzer.model.limits import SECOND
from analyzer.model.redact import Secrets, redact
from analyzer.model.schema import Kind
from analyzer.model.session import Session
from analyzer.model.streams import Ints
from analyzer.model.tcp import Health

BUCKETS = 60
EVENTS = 40
ENDS = (("FIN", "RST"), ("end of stream", "reset of stream"))
"""What ends a session in HTTP/1.1, and in HTTP/2."""
_NOTABLE = SECOND
"""Shorter waits of TCP are no event."""
_BEHIND = np.uint64(BUCKETS)


def timeline(session: Session, secrets: Secrets) -> dict[str, Any]:
    """`bucket_s`, and per bucket `audio_bytes`, `keepalives` and `server_messages`; `events` as [time_s, what]. Of an encrypted
    session `record_bytes` is what each side sent in records.
    """
    begin, end = session.origin, max(session.last.time, session.origin + 1)
    bucket = max((end - begin + BUCKETS - 1) // BUCKETS, 1)
    client, server = session.client.messages, session.server.messages
    audio, kept = session.audio_rows, session.client.rows(Kind.CONTROL, session.provider.keepalive_words)
    times = client.column("first_time")
    events = [(session.seconds(gap.begin.time), f"gap of {gap.duration / 1e9:.1f} s") for gap in session.gaps]
    events += [
        (session.seconds(session.client.moment(int(row)).time), session.client.label(int(row)))
        for row in session.client.rows(Kind.CONTROL, session.provider.end_words)[:EVENTS]
    ]
    events += [
        (session.seconds(one.at.time), f"{one.side.word} close {one.code or 'without code'}")
        for d in session.sides
        for one in d.closes
    ]
    events += [
        (session.seconds(at.time), f"{side.side.word} {what}")
        for side in session.sides
        for what, at in zip(ENDS[session.upgrade.stream is not None], (side.tcp.fin, side.tcp.rst), strict=True)
        if at is not None
    ]
    tls = session.tls
    events += [(session.seconds(one.at.time), f"{one.side.word} alert {one.name}") for one in (tls.alerts if tls else ())]
    events += [event for side in session.sides for event in _of_tcp(session, side.side.word, side.tcp.health)]
    return {
        "bucket_s": round(bucket / 1e9, 6),
        "audio_bytes": _filled(times[audio], begin, bucket, client.column("size")[audio]),
        "keepalives": _filled(times[kept], begin, bucket),
        "server_messages": _filled(server.column("first_time"), begin, bucket),
        "events": [(time, redact(what, secrets)) for time, what in sorted(events)[:EVENTS]],
        **_records(session, begin, bucket),
    }


def _records(session: Session, begin: int, bucket: int) -> dict[str, Any]:
    """The volume of each side's encrypted records per bucket."""
    records = session.tls.records if session.tls is not None else None
    if records is None:
        return {}
    return {
        "record_bytes": {
            side.side.word: _filled(table.column("time"), begin, bucket, table.column("length"))
            for side, table in zip(session.sides, records, strict=True)
        }
    }


def _of_tcp(session: Session, side: str, health: Health) -> Iterator[tuple[float, str]]:
    """When a side did not read, or its bytes did not arrive."""
    if health.zero_from is not None and health.zero >= _NOTABLE:
        yield session.seconds(health.zero_from.time), f"{side} window closed for {health.zero / SECOND:.1f} s"
    if health.stall_from is not None and health.stall >= _NOTABLE:
        yield session.seconds(health.stall_from.time), f"{side} not acknowledged for {health.stall / SECOND:.1f} s"


def _filled(times: Ints, begin: int, bucket: int, weights: Ints | None = None) -> list[int]:
    """How many times (ns) fall into each bucket, or the sum of their weights; what lies outside the session is left out."""
    if not len(times):
        return [0] * BUCKETS
    # Seen as unsigned, what lies before the session is far behind it: both go into one bucket more, which is cut off.
    at = np.minimum(((times - begin) // bucket).view(np.uint64), _BEHIND).view(np.int64)
    counts: list[int] = np.bincount(at, weights, BUCKETS + 1)[:BUCKETS].astype(np.int64).tolist()
    return counts
