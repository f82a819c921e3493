"""Two sessions side by side: what a good one has and a broken one has not, fact by fact.

In: two SessionReports of an analysis that kept what was said (`Settings.contents`). Out: rows of facts in the order in which a
session lives, each with whether it differs. What is another in every session
(ports, times of day, request ids) is no row.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from analyzer.model.difference import Difference, Fact, Value
from analyzer.model.report import SessionReport
from analyzer.model.schema import Kind, Opcode, Side

_EVERY_TIME_ANEW = frozenset(
    {"sec-websocket-key", "sec-websocket-accept", "date", "dg-request-id", "x-request-id", "content-length"}
)
"""Headers that are another in every session."""


def difference(good: SessionReport, bad: SessionReport) -> Difference:
    """Hold two sessions against each other."""
    one, two = (dict(_facts(session)) for session in (good, bad))
    keys = list(dict.fromkeys([*one, *two]))
    order = {topic: number for number, topic in enumerate(dict.fromkeys(topic for topic, _, _ in keys))}
    keys.sort(key=lambda key: order[key[0]])
    facts = tuple(Fact(topic, name, one.get((topic, name, unit)), two.get((topic, name, unit)), unit) for topic, name, unit in keys)
    rules = [{(found.rule, found.side) for found in session.findings} for session in (good, bad)]
    only = [
        tuple(found for found in session.findings if (found.rule, found.side) not in other)
        for session, other in ((good, rules[1]), (bad, rules[0]))
    ]
    return Difference(facts, *only)


Entry = tuple[tuple[str, str, str], Value]
"""Topic, name and unit of a fact, and its value."""


def _facts(session: SessionReport) -> Iterator[Entry]:
    for topic, facts in (
        ("Connection", _connection(session)),
        ("Request", _request(session)),
        ("Audio", _audio(session)),
        ("Client", _said(session, Side.CLIENT)),
        ("Server", _said(session, Side.SERVER)),
        ("Service", _service(session)),
        ("End", _end(session)),
        ("TCP", _tcp(session)),
    ):
        yield from (((topic, name, unit), value) for name, unit, value in facts)


Named = tuple[str, str, Value]


def _connection(session: SessionReport) -> Iterator[Named]:
    tls: Mapping[str, Any] = session.tls or {}
    yield "server", "", f"{session.server.ip} port {session.server.port}"
    yield "provider", "", session.provider
    yield "TLS", "", " ".join(str(tls[name]) for name in ("version", "cipher") if tls.get(name)) or None
    yield "TLS client", "", tls.get("client")
    yield "proxy", "", (session.upgrade.get("proxy") or {}).get("target")


def _request(session: SessionReport) -> Iterator[Named]:
    upgrade = session.upgrade
    yield "path", "", upgrade.get("path")
    for name, value in (upgrade.get("query") or {}).items():
        yield f"?{name}", "", value
    talk = session.conversation
    for head, sign in ((talk.request, ">"), (talk.response, "<")) if talk is not None else ():
        if head is not None:
            yield from ((f"{sign} {name}", "", value) for name, value in head.headers.items() if name not in _EVERY_TIME_ANEW)
    yield "HTTP", "", upgrade.get("http_version")
    yield "outcome", "", " ".join(str(upgrade[name]) for name in ("outcome", "status") if upgrade.get(name))
    yield "error", "", upgrade.get("error")


def _audio(session: SessionReport) -> Iterator[Named]:
    for side, track in session.audio.items():
        if track is None:
            continue
        of = "" if side == "client" else "server's "
        form = track["format"]
        yield f"{of}declared", "", _format(form)
        yield f"{of}really", "", _format(form["actual"]) if form["actual"] else _format(form)
        yield f"{of}decodable", "", track["decodable"]
        yield f"{of}length", "s", track["duration_s"]
        yield f"{of}peak", "dBFS", track["peak_dbfs"]
        yield f"{of}mean level", "dBFS", track["rms_dbfs"]
        yield f"{of}exact silence", "s", track["digital_silence_s"]
    talk = session.conversation
    if talk is not None:
        columns = talk.columns
        heard = (columns["side"] == Side.CLIENT) & (columns["kind"] == Kind.AUDIO)
        times = (columns["first_time"][heard] - session.origin_ns) / 1e9
        yield "first message after", "s", _rounded(times[0]) if len(times) else None
        yield "message size, median", "bytes", int(np.median(columns["size"][heard])) if len(times) else None
        yield "time between messages, median", "s", _rounded(np.median(np.diff(times))) if len(times) > 1 else None
        yield "time between messages, longest", "s", _rounded(np.diff(times).max()) if len(times) > 1 else None
    yield "gaps", "", len(session.gaps)
    yield "longest gap", "s", max((gap["duration_s"] for gap in session.gaps), default=None)


def _format(form: Mapping[str, Any]) -> str | None:
    words = [str(form[name]) for name in ("container", "encoding") if form.get(name)]
    words += [f"{form['sample_rate']} Hz"] if form.get("sample_rate") else []
    words += [f"{form['channels']} channels"] if form.get("channels") else []
    return ", ".join(words) or None


def _said(session: SessionReport, side: Side) -> Iterator[Named]:
    yield from ((f"{kind} messages", "", count) for kind, count in session.message_counts[side.word].items())
    yield "empty binary messages", "", session.empty_binary[side.word]
    if side is Side.CLIENT:
        yield "KeepAlives as text", "", session.keepalives["text"]
        yield "KeepAlives as binary", "", session.keepalives["binary"]
    talk = session.conversation
    if talk is None:
        return
    rows = np.flatnonzero((talk.columns["side"] == side) & (talk.columns["label"] >= 0) & (talk.columns["opcode"] != Opcode.CLOSE))
    misplaced = talk.columns["kind"][rows] == Kind.MISPLACED
    labels = [f"{talk.label(row)}{' as binary' * odd}" for row, odd in zip(rows.tolist(), misplaced.tolist(), strict=True)]
    for label in sorted(set(labels)):
        times = talk.columns["first_time"][rows[[one == label for one in labels]]] / 1e9
        yield f"{label}", "", len(times)
        yield f"{label}, longest time between", "s", _rounded(np.diff(times).max()) if len(times) > 1 else None


def _service(session: SessionReport) -> Iterator[Named]:
    service = session.service
    yield "results", "", service.get("results")
    yield "first result after", "s", service.get("first_result_s")
    yield "transcribed to", "s", service.get("transcript_cursor_s")
    yield "audio that it says it got", "s", (service.get("metadata") or {}).get("duration_s")


def _end(session: SessionReport) -> Iterator[Named]:
    close = session.close or {}
    yield "close by", "", close.get("by")
    yield "close code", "", None if close.get("code") is None else str(close["code"])
    yield "close reason", "", close.get("reason")
    yield "TCP", "", session.tcp_end
    yield "lasted", "s", session.duration_s


def _tcp(session: SessionReport) -> Iterator[Named]:
    yield "handshake", "s", session.tcp.get("handshake_rtt_s")
    for side in ("client", "server"):
        facts = session.tcp.get(side, {})
        yield f"{side} sent again", "packets", facts.get("retransmissions", 0) + facts.get("late", 0)
        yield f"{side} window closed", "s", facts.get("zero_window_s")
        yield f"{side} not acknowledged", "bytes", facts.get("unacknowledged")
        missing = session.coverage[side]["missing"]
        yield f"{side} missing from the capture", "bytes", missing


def _rounded(value: float) -> float:
    return round(float(value), 6)
