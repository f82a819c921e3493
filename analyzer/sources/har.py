"""HAR files as browsers and their drivers save them (HAR 1.2 with `_webSocketMessages`): WebSocket sessions as whole messages.

In: a path. Out: what is known of the file, and a Recording per WebSocket entry. Chrome and Firefox write message times in seconds
since the epoch, Playwright in milliseconds. Nothing in it is believed: what has not the shape of a HAR is left out and counted.
"""

import base64
import binascii
import json
import math
import sys
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from analyzer.model.capture import CaptureLog, Problem
from analyzer.model.errors import UnusableInputError
from analyzer.model.limits import SECOND, Limits
from analyzer.model.places import Endpoint, Moment
from analyzer.model.query import parameters
from analyzer.model.recording import Recording, Said
from analyzer.model.schema import Opcode, Side
from analyzer.model.session import SWITCHING, Request, Response
from analyzer.sources import STANDARD_INPUT

FORMAT = "har"
_MILLISECONDS = 1e11
"""A time above it is in milliseconds: in seconds it would be the year 5138."""
_LATEST = 9_000_000_000
"""Seconds since the epoch that are believed, so that nanoseconds fit into 64 bits."""
_PORTS = {"ws": 80, "http": 80, "wss": 443, "https": 443}
_OUTCOMES = {
    "CONNECTION_REFUSED": "refused",
    **dict.fromkeys(("CONNECTION_TIMED_OUT", "UNREACHABLE", "NAME_NOT_RESOLVED", "INTERNET_DISCONNECTED"), "unreachable"),
}
"""What Chrome's network errors say of an attempt."""
_SIDES = {"send": Side.CLIENT, "receive": Side.SERVER}


def read_har(path: str, limits: Limits) -> tuple[CaptureLog, list[Recording]]:
    """Read a file (`-`: standard input). Raises UnusableInputError for what is no HAR."""
    name = "standard input" if path == STANDARD_INPUT else path
    try:
        with nullcontext(sys.stdin.buffer) if path == STANDARD_INPUT else Path(path).open("rb") as file:
            data = file.read(limits.har + 1)
    except OSError as error:
        raise UnusableInputError(f"{name} cannot be read: {(error.strerror or str(error)).lower()}.") from None
    if len(data) > limits.har:
        raise UnusableInputError(f"{name} is a HAR of more than {limits.har:,} bytes; save one of the WebSocket requests alone.")
    try:
        entries = json.loads(data.decode("utf-8-sig", "replace"))["log"]["entries"]
        if not isinstance(entries, list):
            raise TypeError  # noqa: TRY301 - said below
    except (ValueError, TypeError, KeyError, RecursionError):
        raise UnusableInputError(f"{name} is no capture, and JSON but no HAR; save it with the browser's Export HAR.") from None
    log = CaptureLog(name, FORMAT, bytes=len(data))
    recordings, strange = [], 0
    for number, entry in enumerate(entries, 1):
        try:
            found = _recording(entry, number)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
            strange += 1
            continue
        if found is None:
            log.other_entries += 1
            continue
        recordings.append(found)
        failure = _failure(entry)
        if failure:
            log.comments.append(f"Entry {number}: {failure}")
    if strange:
        log.problems.append(Problem(f"{strange} of {len(entries)} entries are not as HAR has them and were left out"))
    times = [time for one in recordings for time in (one.begin, one.end)]
    log.first_time, log.last_time = min(times, default=None), max(times, default=None)
    return log, recordings


def _recording(entry: Mapping[str, Any], number: int) -> Recording | None:
    """One entry; None where it is no WebSocket."""
    request = entry["request"]
    url = urlsplit(str(request["url"]))
    messages = entry.get("_webSocketMessages")
    headers = _headers(request)
    asks = headers.get("upgrade", "").lower() == "websocket"
    if not (isinstance(messages, list) or url.scheme in ("ws", "wss") or entry.get("_resourceType") == "websocket" or asks):
        return None
    begin = _instant(entry["startedDateTime"])
    said = tuple(sorted(_messages(messages or []), key=lambda one: one.time))
    answered = begin + _waited(entry.get("timings"))
    if said:
        answered = max(min(answered, said[0].time), begin)
    whole = _number(entry.get("time"))
    end = max(begin + round(max(whole, 0) * SECOND / 1000), answered, *(one.time for one in said[-1:]))
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    headers.setdefault("host", url.netloc.rpartition("@")[2])
    asked = None
    if entry.get("_opened") != "midstream":
        at, method = Moment(number, begin), str(request["method"])
        asked = Request(target, url.path, parameters(url.query), _version(request), headers, at, method=method)
    answer, failure = _answer(entry, number, answered, bool(said)), _failure(entry)
    failed = next((outcome for word, outcome in _OUTCOMES.items() if word in failure), "")
    return Recording(number, _endpoints(entry, url), asked, answer, said, begin, end, failed)


def _answer(entry: Mapping[str, Any], number: int, time: int, spoke: bool) -> Response | None:
    """The response; None where there was none. Where messages followed, it was a 101, whatever is written."""
    response = entry.get("response") or {}
    status = int(_number(response.get("status")))
    if spoke and status // 100 not in (1, 2):
        status = SWITCHING
    if status <= 0:
        return None
    content = response.get("content")
    body = str(content.get("text", "")).encode("utf-8", "replace") if isinstance(content, dict) else b""
    return Response(status, str(response.get("statusText", "")), _version(response), _headers(response), body, Moment(number, time))


def _messages(messages: list[Any]) -> Iterator[Said]:
    """Messages that are as Chrome writes them; others are passed over, errors of the browser too."""
    for one in messages:
        if not isinstance(one, dict) or one.get("type") not in _SIDES:
            continue
        opcode, time, data = one.get("opcode"), _number(one.get("time")), one.get("data")
        seconds = time / 1000 if time > _MILLISECONDS else time
        if opcode not in tuple(Opcode) or not isinstance(data, str) or not 0 < seconds < _LATEST:
            continue
        content, readable = data.encode("utf-8", "replace"), True
        if opcode != Opcode.TEXT:
            try:
                content = base64.b64decode(data, validate=True)
            except (binascii.Error, ValueError):
                content, readable = b"", False
        # A float holds a time of day to a quarter of a microsecond.
        yield Said(_SIDES[one["type"]], int(opcode), content, round(seconds * 1e6) * 1000, readable)


def _failure(entry: Mapping[str, Any]) -> str:
    """Why the browser says that it failed."""
    response = entry.get("response")
    told = (response.get("_error") or response.get("_failureText")) if isinstance(response, dict) else None
    return str(told)[:200] if told else ""


def _version(message: Mapping[str, Any]) -> str:
    """Of HTTP: browsers write `HTTP/1.1`, `h2` or `http/2.0`."""
    return str(message.get("httpVersion", "")).upper().removeprefix("HTTP/").replace("H2", "2") or "1.1"


def _headers(message: Mapping[str, Any]) -> dict[str, str]:
    """Names in lower case; those that stand twice are joined. HTTP/2's `:authority` is the host."""
    found: dict[str, str] = {}
    listed = message.get("headers")
    for one in listed if isinstance(listed, list) else []:
        if isinstance(one, dict) and isinstance(one.get("name"), str) and isinstance(one.get("value"), str):
            name = {":authority": "host"}.get(one["name"].lower(), one["name"].lower())
            found[name] = f"{found[name]}, {one['value']}" if name in found else one["value"]
    return {name: value for name, value in found.items() if not name.startswith(":")}


def _endpoints(entry: Mapping[str, Any], url: Any) -> tuple[Endpoint, Endpoint]:  # noqa: ANN401 - SplitResult of str
    """The browser, of which nothing is known, and the server, by address where that is written."""
    address = str(entry.get("serverIPAddress") or "").strip("[]")
    try:
        address = str(ip_address(address))
    except ValueError:
        address = url.hostname or "unknown"
    return Endpoint("browser", 0), Endpoint(address, url.port or _PORTS.get(url.scheme, 0))


def _waited(timings: object) -> int:
    """Time (ns) from the start to the answer."""
    if not isinstance(timings, dict):
        return 0
    phases = (_number(timings.get(name)) for name in ("blocked", "dns", "connect", "send", "wait"))
    return round(sum(max(phase, 0) for phase in phases) * SECOND / 1000)


def _number(value: object) -> float:
    """A finite number below some centuries of milliseconds, or -1."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return -1.0
    number = float(value)
    return number if math.isfinite(number) and abs(number) < _LATEST * 1000 else -1.0


def _instant(text: object) -> int:
    """An ISO 8601 time as ns since the epoch. Raises ValueError."""
    moment = datetime.fromisoformat(str(text))
    seconds = moment.timestamp()
    if not 0 <= seconds < _LATEST or moment.tzinfo is None:
        raise ValueError(text)
    return round(seconds * 1e6) * 1000
