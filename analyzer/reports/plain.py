"""A Report as the plain data of the JSON contract: dicts, lists, strings, numbers and None, with the contract's keys in its order.

Floats are rounded here and nowhere else: decibels to 0.01, times and all others to a millionth. What JSON cannot say (NaN,
infinity) is None.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analyzer.model.finding import Finding
    from analyzer.model.report import CaptureReport, Report, SessionReport

UPGRADE = ("outcome", "http_version", "target", "path", "query", "status", "request_id", "error", "extensions", "subprotocol")
AUDIO = (
    *("bytes", "sha256", "messages", "duration_s", "format"),
    *("decodable", "problem", "peak_dbfs", "rms_dbfs", "digital_silence_s"),
)
FORMAT = ("container", "encoding", "sample_rate", "channels", "from", "actual")
DECIBEL_DIGITS, DIGITS = 2, 6
_AS_IT_IS = frozenset({str, int, bool, type(None)})
_DONE = _AS_IT_IS | {float}


def plain(report: "Report", each: Callable[[Iterator[Any]], Any] = list) -> dict[str, Any]:
    """Give the whole report as the contract's `analyzer-report/1`. `each` takes the sessions of a capture; `iter` leaves them
    unmade until they are asked for.
    """
    return {
        "schema": report.schema,
        "tool": _data(report.tool),
        "settings": _data(report.settings),
        "captures": [_capture(capture, each) for capture in report.captures],
    }


def _capture(capture: "CaptureReport", each: Callable[[Iterator[Any]], Any]) -> dict[str, Any]:
    return {
        "path": capture.path,
        "format": capture.format,
        "packets": capture.packets,
        "bytes": capture.bytes,
        "first_time": capture.first_time,
        "last_time": capture.last_time,
        "link_types": list(capture.link_types),
        "complete": capture.complete,
        "other_connections": _data(capture.other_connections),
        "comments": list(capture.comments),
        **({"files": [_data(one) for one in capture.files]} if capture.files else {}),
        "findings": [_finding(finding) for finding in capture.findings],
        "sessions": each(map(_session, capture.sessions)),
    }


def _session(session: "SessionReport") -> dict[str, Any]:
    return {
        "id": session.id,
        "client": {"ip": session.client.ip, "port": session.client.port},
        "server": {"ip": session.server.ip, "port": session.server.port},
        "start": session.start,
        "duration_s": _number("duration_s", session.duration_s),
        "provider": session.provider,
        "opened": session.opened,
        "tls": _data(session.tls),
        "upgrade": _data(_ordered(session.upgrade, UPGRADE)),
        "messages": _data(session.message_counts),
        "frames": _data(session.frame_counts),
        "empty_binary": _data(session.empty_binary),
        "keepalives": _data(session.keepalives),
        "audio": {side: _track(track) for side, track in session.audio.items()},
        "gaps": _data(session.gaps),
        "close": _data(session.close),
        "tcp_end": session.tcp_end,
        "tcp_stream": session.tcp_stream,
        "tcp": _data(session.tcp),
        "coverage": _data(session.coverage),
        "verdict": {"rule": session.verdict.rule, "severity": str(session.verdict.severity), "text": session.verdict.text},
        "service": _data(session.service),
        "findings": [_finding(finding) for finding in session.findings],
        "not_judged": _data(session.not_judged),
    }


def _track(track: Mapping[str, Any] | None) -> Any:  # noqa: ANN401 - JSON
    if track is None:
        return None
    ordered = _ordered(track, AUDIO)
    if isinstance(ordered.get("format"), Mapping):
        ordered["format"] = _ordered(ordered["format"], FORMAT)
    return _data(ordered)


def _finding(finding: "Finding") -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "severity": str(finding.severity),
        "confidence": str(finding.confidence),
        "side": finding.side,
        "time_s": _number("time_s", finding.time_s),
        "until_s": _number("until_s", finding.until_s),
        "packets": [int(number) for number in finding.packets],
        "tcp_stream": finding.tcp_stream,
        "filter": finding.filter,
        "count": finding.count,
        "text": finding.text,
        "remedy": finding.remedy,
        "values": _data(finding.values),
    }


def _ordered(mapping: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    """Put these keys first, in their order; the others follow in theirs."""
    return {key: mapping[key] for key in (*keys, *mapping) if key in mapping}


def _data(root: Any) -> Any:  # noqa: ANN401 - JSON in, JSON out
    """Copy mappings, lists and tuples as dicts and lists. Iterative, because some values come from the service's own JSON."""
    if type(root) in _AS_IT_IS:
        return root
    top: list[Any] = [root]
    waiting: list[tuple[Any, Any, str]] = [(top, 0, "")]
    while waiting:
        holder, place, name = waiting.pop()
        item = holder[place]
        if isinstance(item, dict | Mapping):  # most are dicts, and asking for any Mapping is slow
            copy: Any = {
                str(key): _number(str(key), value) if type(value) is float else value  # most of what is not as it is
                for key, value in item.items()
            }
            waiting += [(copy, key, key) for key, value in copy.items() if type(value) not in _DONE]
        elif isinstance(item, list | tuple | set | frozenset):
            copy = sorted(item) if isinstance(item, set | frozenset) else list(item)
            waiting += [(copy, index, name) for index, value in enumerate(copy) if type(value) not in _AS_IT_IS]
        else:
            copy = _number(name, item)
        holder[place] = copy
    return top[0]


def _number(name: str, item: Any) -> Any:  # noqa: ANN401 - JSON in, JSON out
    """Round a float by what its name says it measures; numpy's numbers become Python's."""
    if item is None or isinstance(item, str | bool | int):
        return item
    if hasattr(item, "item"):
        item = item.item()
    if isinstance(item, float):
        return round(item, DECIBEL_DIGITS if name.endswith(("dbfs", "_db")) else DIGITS) if math.isfinite(item) else None
    return item if isinstance(item, int) else str(item)
