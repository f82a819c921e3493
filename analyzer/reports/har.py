"""The sessions as a HAR 1.2 with Chrome's `_webSocketMessages`, for browsers' dev tools and every HAR viewer.

In: a Report whose sessions have their `conversation`. Out: JSON in pieces. As in Chrome's, text is as it was said (secrets
redacted), binary is base64, times are seconds since the epoch; pings, pongs and close frames have no place in it. What the format
has no word for (verdict, close code, packets) stands in fields that begin with an underscore.
"""

import base64
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from analyzer.model.errors import UsageError
from analyzer.model.query import pairs
from analyzer.reports.json import escaped
from analyzer.reports.phrases import address

if TYPE_CHECKING:
    from analyzer.model.conversation import Conversation, Head
    from analyzer.model.report import CaptureReport, Report, SessionReport

_TEXT, _BINARY = 1, 2
_MILLISECONDS = 1e3
_HTTP2 = "2"
_ERRORS = {
    "refused": "net::ERR_CONNECTION_REFUSED",
    "unreachable": "net::ERR_CONNECTION_TIMED_OUT",
    "no-response": "net::ERR_TIMED_OUT",
}
"""What Chrome says of attempts that came to nothing."""


def pieces(report: "Report") -> Iterator[str]:
    """Write an entry per session, in order."""
    name, version = report.tool.get("name", "analyzer"), report.tool.get("version", "")
    yield f'{{"log":{{"version":"1.2","creator":{_json({"name": name, "version": version})},"pages":[],"entries":['
    between = ""
    for capture in report.captures:
        for session in capture.sessions:
            if _hidden(session):
                continue
            yield between
            yield from _entry(capture, session)
            between = ","
    yield "]}}\n"


def left_out(report: "Report") -> int:
    """How many sessions have no entry."""
    return sum(map(_hidden, report.sessions))


def _hidden(session: "SessionReport") -> bool:
    """Whether nothing of a session can be shown."""
    return bool(session.upgrade.get("outcome") == "encrypted")


def _json(value: Any) -> str:  # noqa: ANN401 - JSON
    return escaped(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def _entry(capture: "CaptureReport", session: "SessionReport") -> Iterator[str]:
    talk = session.conversation
    if talk is None:
        msg = "A HAR needs what was said; analyse with Settings(contents=True)."
        raise UsageError(msg)
    upgrade, verdict = session.upgrade, session.verdict
    connect = (session.tcp.get("handshake_rtt_s") or 0.0) * _MILLISECONDS
    wait = max((session.origin_ns - session.start_ns) / 1e6 - connect, 0.0)
    entry = {
        "startedDateTime": f"{session.start[:26]}Z",
        "time": round(session.duration_s * _MILLISECONDS, 3),
        "request": _request(session, talk.request),
        "response": _response(session, talk.response),
        "cache": {},
        "timings": {
            **dict.fromkeys(("blocked", "dns", "ssl"), -1),
            "connect": round(connect, 3),
            "send": 0,
            "wait": round(wait, 3),
            "receive": 0,
        },
        "serverIPAddress": session.server.ip,
        "connection": str(session.tcp_stream),
        "_resourceType": "websocket",
        "_capture": capture.path,
        "_session": session.id,
        "_opened": session.opened,
        "_request_id": upgrade.get("request_id"),
        "_verdict": {"rule": verdict.rule, "severity": str(verdict.severity), "text": verdict.text},
        "_close": session.close,
        "_tcp_end": session.tcp_end,
    }
    yield _json(entry)[:-1] + ',"_webSocketMessages":['
    yield from _messages(talk)
    yield "]}"


def _messages(talk: "Conversation") -> Iterator[str]:
    columns = talk.columns
    rows = zip(*(columns[name].tolist() for name in ("side", "opcode", "first_time", "complete", "first_packet")), strict=True)
    between = ""
    for row, (side, opcode, time, complete, packet) in enumerate(rows):
        if opcode not in (_TEXT, _BINARY):
            continue
        data = talk.text(row) if opcode == _TEXT else _base64(talk.data(row))
        said = {
            "type": ("send", "receive")[side],
            "time": time / 1e9,
            "opcode": opcode,
            "data": data or "",
            "_packet": packet,
            **({} if complete and data is not None else {"_incomplete": True}),
        }
        yield between + _json(said)
        between = ","


def _base64(data: bytes | None) -> str | None:
    return None if data is None else base64.b64encode(data).decode()


def _request(session: "SessionReport", head: "Head | None") -> dict[str, Any]:
    headers: Mapping[str, str] = head.headers if head is not None else {}
    target = session.upgrade.get("target") or "/"
    host = headers.get("host") or (session.tls or {}).get("sni") or address(session.server)
    return {
        "method": head.line.partition(" ")[0] if head is not None else "GET",
        "url": _url(session, target, host),
        "httpVersion": _version(session),
        "headers": _pairs(headers.items()),
        "queryString": _pairs(pairs(target.partition("?")[2])),
        "cookies": [],
        "headersSize": -1,
        "bodySize": 0,
    }


def _url(session: "SessionReport", target: str, host: str) -> str:
    """The address that a browser was asked for; of an attempt that came no further than a proxy, the server."""
    if "://" in target:
        return target
    scheme = "ws" if session.tls is None else "wss"
    return f"{scheme}://{host}{target}" if target.startswith("/") else f"{scheme}://{target}/"


def _response(session: "SessionReport", head: "Head | None") -> dict[str, Any]:
    body = head.body if head is not None else ""
    return {
        "status": session.upgrade.get("status") or 0,
        "statusText": head.line.split(" ", 2)[2] if head is not None else "",
        "httpVersion": _version(session),
        "headers": _pairs(head.headers.items() if head is not None else ()),
        "cookies": [],
        "content": {"size": len(body.encode("utf-8", "replace")), "mimeType": _type(head), **({"text": body} if body else {})},
        "redirectURL": "",
        "headersSize": -1,
        "bodySize": -1,
        "_transferSize": 0,
        "_error": _ERRORS.get(str(session.upgrade.get("outcome"))),
    }


def _type(head: "Head | None") -> str:
    return head.headers.get("content-type", "x-unknown") if head is not None else "x-unknown"


def _pairs(items: Any) -> list[dict[str, str]]:  # noqa: ANN401 - pairs of strings
    return [{"name": name, "value": value} for name, value in items]


def _version(session: "SessionReport") -> str:
    version = session.upgrade.get("http_version") or ""
    return "h2" if version == _HTTP2 else f"HTTP/{version}" if version else ""
