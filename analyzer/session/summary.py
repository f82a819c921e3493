"""A frozen Session and what the rules found, as plain report data with every secret redacted: the only road to output."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from analyzer.model.conversation import Conversation, Head
from analyzer.model.finding import Finding, Unjudged, Verdict
from analyzer.model.limits import SECOND
from analyzer.model.numbering import Numbering
from analyzer.model.places import Moment
from analyzer.model.redact import (
    NONE,
    Secrets,
    redact,
    redact_headers,
    redact_message,
    redact_protocol,
    redact_query,
    redact_target,
    redact_value,
    secrets_of,
)
from analyzer.model.report import SessionReport
from analyzer.model.schema import FRAMES, MESSAGES, Column, Kind, Opcode, Schema, Side
from analyzer.model.session import Proxy, Session
from analyzer.model.settings import Settings
from analyzer.model.tables import Table
from analyzer.model.tcp import Tcp
from analyzer.model.tls import Certificate
from analyzer.model.track import Track
from analyzer.session.timeline import timeline

_CONTROL = {"ping": int(Opcode.PING), "pong": int(Opcode.PONG), "close": int(Opcode.CLOSE)}
_MESSAGES = {"text": int(Opcode.TEXT), "binary": int(Opcode.BINARY)} | _CONTROL
_FRAMES = {"text": int(Opcode.TEXT), "binary": int(Opcode.BINARY), "continuation": int(Opcode.CONTINUATION)} | _CONTROL
NEAR = 0.05
"""Seconds by which the service's own duration may differ from ours."""


def iso(time: int | None) -> str | None:
    """A time in ns since the epoch as ISO 8601 with nine digits, in UTC."""
    if time is None:
        return None
    whole = datetime.fromtimestamp(time // SECOND, UTC)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{time % SECOND:09d}Z"


def secrets_in(session: Session) -> Secrets:
    """What the session's own requests show to be secret."""
    names, proxy = session.provider.redact_keys, session.upgrade.proxy
    heads = [head for head in (session.upgrade.request, proxy.request if proxy else None) if head is not None]
    known = (secrets_of(head.target, head.headers, names) for head in heads)
    return Secrets(frozenset().union(*(one.values for one in known)), names)


def summarise(
    session: Session,
    findings: tuple[Finding, ...],
    not_judged: tuple[Unjudged, ...],
    verdict: Verdict,
    *,
    frames: bool,
    numbering: Numbering | None = None,
) -> SessionReport:
    """One entry of the report's `sessions`; with its table of frames where asked for. `numbering` leads to packet numbers where
    packets were put in order.
    """
    secrets = secrets_in(session)
    client, server, close = session.client, session.server, session.close
    values = Secrets(secrets.values)  # the names of a provider's secrets (`messages`) are no names of ours
    keepalives = session.provider.keepalive_words
    duration = max(session.last.time - session.first.time, 0) / SECOND
    return SessionReport(
        id=session.id,
        client=client.endpoint,
        server=server.endpoint,
        start=iso(session.first.time) or "",
        duration_s=round(duration, 6),
        provider=session.provider.name,
        opened=session.opened,
        tls=_tls(session, secrets),
        upgrade=_upgrade(session, secrets),
        message_counts={"client": _counts(_MESSAGES, client.messages), "server": _counts(_MESSAGES, server.messages)},
        frame_counts={"client": _counts(_FRAMES, client.frames), "server": _counts(_FRAMES, server.frames)},
        empty_binary={"client": len(client.rows(Kind.EMPTY)), "server": len(server.rows(Kind.EMPTY))},
        keepalives={
            "text": len(client.rows(Kind.CONTROL, keepalives)),
            "binary": len(client.rows(Kind.MISPLACED, keepalives)),
        },
        audio={
            "client": redact_value(_audio(session.client_audio), values),
            "server": redact_value(_audio(session.server_audio), values),
        },
        gaps=tuple(
            {
                "start_s": session.seconds(gap.begin.time),
                "duration_s": round(gap.duration / SECOND, 6),
                "keepalives": gap.keepalives,
            }
            for gap in session.gaps
        ),
        close=None if close is None else {"by": close.side.word, "code": close.code, "reason": redact(close.reason, secrets)},
        tcp_end=session.tcp_end,
        tcp_stream=session.tcp_stream,
        tcp=_tcp(session),
        coverage={
            "client": {"bytes": client.bytes, "missing": client.missing},
            "server": {"bytes": server.bytes, "missing": server.missing},
        },
        verdict=redact_value(verdict, secrets),
        service=_service(session),
        findings=tuple(shown_finding(finding, secrets) for finding in findings),
        not_judged=tuple({"rule": one.rule, "why": redact(one.why, secrets)} for one in not_judged),
        timeline=timeline(session, secrets),
        origin_ns=session.origin,
        start_ns=session.first.time,
        first_packet=session.first.packet if numbering is None else (*numbering.each((session.first.packet,)), 0)[0],
        frame_table=_both_sides(session, FRAMES, ("offset", "side", "first_packet"), numbering) if frames else None,
        conversation=_conversation(session, secrets, numbering),
    )


def _counts(opcodes: dict[str, int], table: Table) -> dict[str, int]:
    """How many rows of a table have each opcode."""
    counts = np.bincount(table.column("opcode"), minlength=16).tolist()
    return {word: counts[opcode] for word, opcode in opcodes.items()}


def shown_finding(finding: Finding, secrets: Secrets = NONE) -> Finding:
    """A finding without secrets. The numbers that a rule measured are none, whatever they are called."""
    clean: Finding = redact_value(replace(finding, remedy=""), secrets)
    measured = {name: value for name, value in finding.values.items() if isinstance(value, int | float)}
    return replace(clean, remedy=finding.remedy, values={**clean.values, **measured})


def _upgrade(session: Session, secrets: Secrets) -> dict[str, Any]:
    """The handshake: request, answer, and what the service calls it."""
    request, response = session.upgrade.request, session.upgrade.response
    provider = session.provider
    headers = response.headers if response else {}
    request_id = next((headers[name] for name in ("dg-request-id", *provider.request_id_headers) if name in headers), None)
    error = next((headers[name] for name in ("dg-error", *provider.error_headers) if name in headers), None)
    proxy = session.upgrade.proxy
    target = proxy.target if proxy and session.upgrade.at_proxy else request.target if request else ""
    subprotocol, extensions = headers.get("sec-websocket-protocol"), headers.get("sec-websocket-extensions")
    return {
        "outcome": session.upgrade.outcome,
        "http_version": ((request.version if request else "") or (response.version if response else "")) or None,
        "target": redact_target(target, secrets) or None,
        "path": (redact(request.path, secrets) or None) if request and not session.upgrade.at_proxy else None,
        "query": redact_query(request.query, secrets) if request else {},
        "status": response.status if response else None,
        "request_id": redact(request_id, secrets) if request_id else None,
        "error": redact(error, secrets) if error else None,
        "extensions": redact(extensions, secrets) if extensions else None,
        "subprotocol": redact_protocol(subprotocol, secrets) if subprotocol else None,
        "user_agent": redact(request.headers["user-agent"], secrets) if request and "user-agent" in request.headers else None,
        "proxy": _proxy(proxy, secrets),
        "partial": session.upgrade.partial,
        "stream_id": session.upgrade.stream.id if session.upgrade.stream else None,
    }


def _proxy(proxy: Proxy | None, secrets: Secrets) -> dict[str, Any] | None:
    """What the client asked a proxy for, and what that said."""
    if proxy is None:
        return None
    return {"target": redact(proxy.target, secrets), "status": proxy.response.status if proxy.response else None}


def _tls(session: Session, secrets: Secrets) -> dict[str, Any] | None:
    """What the TLS connection shows."""
    tls = session.tls
    if tls is None:
        return None
    return {
        "version": tls.version,
        "cipher": tls.cipher,
        "sni": redact(tls.sni, secrets) if tls.sni else None,
        "decrypted": tls.decrypted,
        "offered": list(tls.offered),
        "alpn": redact(tls.alpn, secrets) if tls.alpn else None,
        "alpn_offered": [redact(name, secrets) for name in tls.alpn_offered],
        "client": tls.client,
        "retried": tls.retried,
        "resumed": tls.resumed,
        "early_data": tls.early_data,
        "certificate": _certificate(tls.certificate, secrets),
        "alerts": [
            {"by": alert.side.word, "name": alert.name, "fatal": alert.fatal, "time_s": session.seconds(alert.at.time)}
            for alert in tls.alerts
        ],
        "established_s": session.seconds(tls.established.time) if tls.established else None,
        "why": redact(tls.why, secrets) if tls.why else None,
        "unread": tls.unread,
        "records": _records(session),
    }


def _certificate(certificate: Certificate | None, secrets: Secrets) -> dict[str, Any] | None:
    """The server's certificate as it was sent."""
    if certificate is None:
        return None
    return {
        "subject": redact(certificate.subject, secrets),
        "issuer": redact(certificate.issuer, secrets),
        "names": [redact(name, secrets) for name in certificate.names],
        "not_before": iso(certificate.begins),
        "not_after": iso(certificate.ends),
        "self_signed": certificate.self_signed,
    }


def _records(session: Session) -> dict[str, Any] | None:
    """Records that may hold application data, where they stayed encrypted."""
    found = session.estimate
    if found is None:
        return None
    return {
        "exact": found.exact,
        "client": {"records": found.records[Side.CLIENT], "bytes": found.bytes[Side.CLIENT]},
        "server": {"records": found.records[Side.SERVER], "bytes": found.bytes[Side.SERVER]},
        "upload_bytes_per_second": found.upload.rate if found.upload and found.streamed else None,
    }


def _audio(track: Track | None) -> dict[str, Any] | None:
    """One side's track."""
    if track is None:
        return None
    declared, actual = track.format, track.actual
    return {
        "bytes": track.bytes,
        "sha256": track.sha256,
        "messages": track.messages,
        "duration_s": track.duration_s,
        "format": {
            "container": declared.container,
            "encoding": declared.encoding,
            "sample_rate": declared.sample_rate,
            "channels": declared.channels,
            "from": declared.source,
            "actual": None
            if actual is None
            else {
                "encoding": actual.encoding,
                "sample_rate": actual.sample_rate,
                "channels": actual.channels,
                "container": actual.container,
                "confidence": actual.confidence,
                "evidence": actual.evidence,
                "offset": actual.offset,
                "shifted_at": actual.shifted_at,
            },
        },
        "decodable": track.decodable,
        "problem": track.problem,
        "peak_dbfs": track.peak_dbfs,
        "rms_dbfs": track.rms_dbfs,
        "digital_silence_s": track.digital_silence_s,
        "dc_offset": track.dc_offset,
        "clipped_share": track.clipped_share,
        "repeated_messages": track.repeats.messages if track.repeats is not None else 0,
        **({} if track.guess_s is None else {"guess_s": track.guess_s}),
    }


def _service(session: Session) -> dict[str, Any]:
    """What the service said, and whether that proves that the capture holds all audio."""
    service, track = session.service, session.client_audio
    metadata = service.metadata
    complete = False
    if metadata is not None and track is not None:
        stated, hashed = metadata["duration_s"], metadata["sha256"]
        same = bool(stated and track.duration_s and abs(stated - track.duration_s) <= NEAR)
        complete = (hashed is not None and hashed == track.sha256) or (same and not session.client.missing)
    return {
        "results": service.results,
        "metadata": dict(metadata) if metadata is not None else None,
        "transcript_cursor_s": service.transcript_cursor_s,
        "first_result_s": session.seconds(service.first_result.time) if service.first_result else None,
        "complete_by_server": complete,
    }


def _tcp(session: Session) -> dict[str, Any]:
    """How TCP carried the session: the handshake as seen at the place of capture, and what each side's packets met with."""
    asked, answered = session.client.tcp.health.waited, session.server.tcp.health.waited
    whole = None if asked is None or answered is None else asked + answered
    return {
        "handshake_rtt_s": _seconds(whole),
        "syn_to_syn_ack_s": _seconds(asked),
        "syn_ack_to_ack_s": _seconds(answered),
        "syn_retries": session.client.tcp.health.syn_retries,
        "client": _tcp_side(session, session.client.tcp),
        "server": _tcp_side(session, session.server.tcp),
    }


def _tcp_side(session: Session, tcp: Tcp) -> dict[str, Any]:
    """One side's part of it."""

    def at(moment: Moment | None) -> float | None:
        return None if moment is None else session.seconds(moment.time)

    health = tcp.health
    return {
        "packets": health.packets,
        "bytes": health.bytes,
        "retransmissions": health.retransmissions,
        "retransmitted_bytes": health.retransmitted_bytes,
        "late": health.late,
        "out_of_order": health.out_of_order,
        "duplicates": health.duplicates,
        "keepalives": health.keepalives,
        "zero_windows": health.zero_windows,
        "zero_window_s": _seconds(health.zero_total),
        "longest_zero_window_s": _seconds(health.zero),
        "zero_window_from_s": at(health.zero_from),
        "longest_stall_s": _seconds(health.stall),
        "stall_from_s": at(health.stall_from),
        "unacknowledged": health.unacknowledged,
        "rst_s": at(tcp.rst),
    }


def _seconds(duration: int | None) -> float | None:
    """A duration in ns as seconds."""
    return None if duration is None else round(duration / SECOND, 6)


def _both_sides(session: Session, columns: Schema, order: tuple[str, ...], numbering: Numbering | None) -> Table:
    """The frames or messages of both sides in order (its last column first), with packet numbers of the file."""
    of_frames = columns is FRAMES
    schema = (Column("side", "u1", "", "0 client, 1 server"), *columns)
    table = Table(schema, session.settings.limits.table_in_memory)
    tables = [side.frames if of_frames else side.messages for side in session.sides]
    halves = [{"side": np.full(len(one), side, np.uint8), **one.columns()} for side, one in zip(Side, tables, strict=True)]
    both = {column.name: np.concatenate([half[column.name] for half in halves]) for column in schema}
    rows = np.lexsort([both[name] for name in order])
    sorted_rows = {name: column[rows] for name, column in both.items()}
    if numbering is not None:
        sorted_rows |= {name: numbering.of(sorted_rows[name]) for name in ("first_packet", "last_packet")}
    table.append(sorted_rows)
    return table


def _conversation(session: Session, secrets: Secrets, numbering: Numbering | None) -> Conversation | None:
    """What was said, where it was kept."""
    client, server = session.client.contents, session.server.contents
    if client is None or server is None:
        return None
    table = _both_sides(session, MESSAGES, ("number", "side", "last_packet", "last_time"), numbering)
    request, response = session.upgrade.request, session.upgrade.response
    asked = answer = None
    if request is not None:
        target, version = redact_target(request.target, secrets), request.version
        asked = Head(f"{request.method} {target} HTTP/{version}", redact_headers(request.headers, secrets), request.at.time)
    if response is not None:
        line = f"HTTP/{response.version} {response.status} {redact(response.reason, secrets)}"
        body = redact_message(response.body.decode("utf-8", "replace"), secrets)
        answer = Head(line, redact_headers(response.headers, secrets), response.at.time, body)
    labels = (session.client.labels, session.server.labels)
    heads = asked, answer
    return Conversation(table, labels, (client, server), secrets, heads, transcripts=session.settings.transcripts)


def shown_settings(settings: Settings) -> dict[str, object]:
    """The settings as the report shows them."""
    shown: dict[str, object] = {"gap_s": settings.gap / SECOND, "source": settings.source}
    if settings.merge:
        shown["merge"] = True
    if settings.key_logs:
        shown["key_logs"] = list(settings.key_logs)
    names = ("provider", "path", "session", "encoding", "sample_rate", "channels")
    shown |= {name: getattr(settings, name) for name in names if getattr(settings, name) is not None}
    shown |= {name: list(getattr(settings, name)) for name in ("hosts", "ports", "endpoints") if getattr(settings, name)}
    shown |= {name: iso(getattr(settings, name)) for name in ("since", "until") if getattr(settings, name) is not None}
    return dict(redact_value(shown))
