"""Values of a report as words that all text formats share. Nothing here is computed: numbers get units, places get names."""

import re
import shlex
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from analyzer.model.unprintable import UNPRINTABLE

if TYPE_CHECKING:
    from analyzer.model.finding import Finding
    from analyzer.model.places import Endpoint
    from analyzer.model.report import CaptureReport, Report, SessionReport

SEVERITIES = {"error": "with an error", "warning": "with a warning", "note": "with a note", "ok": "healthy"}
"""What a session with this verdict is, from worst to best."""
FACT_LENGTH = 300
"""Characters shown of one captured string, for instance of a request target; JSON has the whole."""
WHOLE_LENGTH = 2000
"""Characters of one that is to be read whole: the error received, a rejection's body."""
PACKETS_SHOWN = 8
FILES_SHOWN = 8
NAMES_SHOWN = 5
"""Names of a certificate."""
SIDES = ("client", "server")
_STANDARD_INPUT = ("-", "standard input")
_NOT_DECLARED = "not declared"
_UNPRINTABLE = re.compile(UNPRINTABLE)
_MICROSECOND, _MILLISECOND, _MINUTE, _HOUR = 1e-6, 1e-3, 60, 3600
_KIB = 1024
_CLIPPED, _OFFSET = 0.001, 0.01
"""Shares of the samples, and of full scale, from which clipping and offset are worth a word."""


SURE = {"certain": "are", "likely": "look like"}
"""How to say what the bytes are, by confidence."""


def advice(session: "SessionReport") -> str:
    """What to do about the verdict; empty for a healthy session."""
    return next((finding.remedy for finding in session.findings if finding.rule == session.verdict.rule), "")


def printable(text: object, limit: int | None = None) -> str:
    """Make a captured string safe to show: line ends become blanks, control and invisible characters their escapes."""
    shown = _UNPRINTABLE.sub(lambda found: _escaped(found[0]), str(text))
    return shown if limit is None or len(shown) <= limit else f"{shown[: limit - 3]}..."


def _escaped(character: str) -> str:
    if character in "\n\r\t":
        return " "
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"  # noqa: PLR2004 - two digits hold Latin-1


def seconds(value: float | None) -> str:
    """Write a duration: `0.02 ms`, `0.051 s`, `12.14 s`, `2 min 05 s`, `1 h 10 min`."""
    if value is None:
        return "unknown"
    if _MICROSECOND <= abs(value) < _MILLISECOND:
        return f"{value * 1000:.2g} ms"
    if abs(value) < 2 * _MINUTE:
        return f"{round(value, 2 if abs(value) >= 1 else 3):.6g} s"
    whole = round(value)
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02d} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02d} min"


def size(count: int) -> str:
    """Write a number of bytes: `640 bytes`, `117 KiB`, `1.2 GiB`."""
    if count < _KIB:
        return plural(count, "byte")
    value = float(count)
    for unit in ("KiB", "MiB", "GiB"):
        value /= _KIB
        if value < _KIB or unit == "GiB":
            break
    return f"{value:.1f} {unit}" if value < 100 else f"{value:.0f} {unit}"  # noqa: PLR2004 - three digits are enough to read


def plural(count: int, noun: str) -> str:
    """Write a count and its noun."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def address(endpoint: "Endpoint") -> str:
    """Write IP address and port, with brackets around IPv6."""
    return printable(endpoint)


def clock(moment: str | None) -> str:
    """Write an ISO time without date, to the millisecond."""
    return (moment or "").partition("T")[2][:12]


def outcome(session: "SessionReport") -> str:
    """Say how the upgrade went: `accepted`, `rejected 401`, `no response` ..."""
    words = str(session.upgrade.get("outcome", "")).replace("-", " ")
    status = session.upgrade.get("status")
    return f"{words} {status}" if words == "rejected" and status else words


def audio_format(form: Mapping[str, Any] | None) -> str:
    """Name a declared or found format: `linear16, 16000 Hz, 1 channel`."""
    if not form:
        return _NOT_DECLARED
    channels = form.get("channels")
    rate = form.get("sample_rate")
    parts = [str(form[key]) for key in ("container", "encoding") if form.get(key)] + [
        f"{rate} Hz" if rate else "",
        plural(channels, "channel") if channels else "",
    ]
    return printable(", ".join(part for part in parts if part)) or _NOT_DECLARED


def close(session: "SessionReport") -> str:
    """Say how the session ended: `1011 by server: NET-0001`, or TCP's end where no close frame was seen."""
    if session.close is None:
        side, over = session.tcp_end.partition("-")[2], session.upgrade.get("stream_id") is not None
        kind = {"fin": "FIN", "rst": "RST"}.get(session.tcp_end.partition("-")[0])
        seen = "not visible" if session.upgrade.get("outcome") == "encrypted" else "no close frame"
        return f"{seen}, {'HTTP/2 stream ended' if over else f'TCP {kind}'} by {side}" if kind else "not in the capture"
    code = session.close.get("code")
    reason = printable(session.close.get("reason") or "", FACT_LENGTH)
    return f"{'no code' if code is None else code} by {session.close.get('by')}{f': {reason}' if reason else ''}"


def end(session: "SessionReport") -> str:
    """Say in short how the attempt went or the session ended: `rejected 401`, `1011 by server`, `RST by client`, `open`."""
    if session.upgrade.get("outcome") not in ("accepted", "not-captured"):
        return outcome(session)
    if session.close is not None:
        code = session.close.get("code")
        return f"{'close' if code is None else code} by {session.close.get('by')}"
    kind, _, side = session.tcp_end.partition("-")
    return f"{kind.upper()} by {side}" if side else kind


def _connection(session: "SessionReport") -> str:
    stream = "" if session.tcp_stream is None else f", tcp.stream {session.tcp_stream}"
    return f"{address(session.client)} to {address(session.server)}{stream}"


def _proxy(proxy: Mapping[str, Any] | None) -> str:
    """Say which tunnel was asked for and what the proxy answered."""
    if not proxy:
        return ""
    return f"CONNECT {printable(proxy['target'], FACT_LENGTH)}, {proxy['status'] or 'no answer in the capture'}"


def _upgrade(session: "SessionReport") -> str:
    """Say how it went, with which error, and whether the request and answer that are shown are whole."""
    error = printable(session.upgrade.get("error") or "", FACT_LENGTH)
    cut = ", its head not whole in the capture" if session.upgrade.get("partial") else ""
    return f"{outcome(session)}{cut}{f': {error}' if error else ''}"


def facts(session: "SessionReport") -> list[tuple[str, str]]:
    """List what is known of a session, as (label, value); what the capture does not tell is left out."""
    upgrade = session.upgrade
    found = [
        ("Connection", _connection(session)),
        ("HTTP/2 stream", str(upgrade.get("stream_id") or "")),
        ("Provider", session.provider),
        ("Proxy", _proxy(upgrade.get("proxy"))),
        ("Request", printable(upgrade.get("target") or "", FACT_LENGTH)),
        ("Upgrade", _upgrade(session)),
        ("Request ID", printable(upgrade.get("request_id") or "", FACT_LENGTH)),
        ("TLS", _tls(session.tls)),
        ("Certificate", _certificate((session.tls or {}).get("certificate"))),
        ("Records", _records((session.tls or {}).get("records"))),
        ("Start", f"{session.start}, lasted {seconds(session.duration_s)}"),
        ("Messages", _messages(session)),
        ("KeepAlives", _keepalives(session.keepalives)),
    ]
    for side, track in session.audio.items():
        if track:
            found += track_facts("Audio" if side == "client" else "Server audio", track)
    found += [("Service", _service(session.service)), ("Close", close(session)), ("TCP", _tcp(session.tcp))]
    missing = {side: count.get("missing", 0) for side, count in session.coverage.items()}
    if any(missing.values()):
        found.append(("Missing", ", ".join(f"{size(count)} of the {side}" for side, count in missing.items() if count)))
    return [(label, value) for label, value in found if value]


def track_facts(label: str, track: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """List what is known of one side's audio, as (label, value)."""
    form = track.get("format") or {}
    actual = form.get("actual")
    said = audio_format(form)
    if form.get("from") and said != _NOT_DECLARED:
        said += f" (from {form['from']})"
    if actual:
        said += f"; the bytes {SURE.get(actual.get('confidence', ''), 'may be')} {audio_format(actual)}"
    parts = [seconds(track.get("duration_s")) if track.get("duration_s") is not None else ""]
    parts.append(f"{size(track.get('bytes', 0))} in {plural(track.get('messages', 0), 'message')}")
    parts += [
        f"{name} {track[key]:.2f} dBFS" for name, key in (("peak", "peak_dbfs"), ("RMS", "rms_dbfs")) if track.get(key) is not None
    ]
    if track.get("digital_silence_s"):
        parts.append(f"{seconds(track['digital_silence_s'])} of digital silence")
    if (track.get("clipped_share") or 0) >= _CLIPPED:
        parts.append(f"{track['clipped_share']:.1%} clipped")
    if abs(track.get("dc_offset") or 0) >= _OFFSET:
        parts.append(f"off centre by {track['dc_offset']:.1%}")
    if track.get("repeated_messages"):
        parts.append(f"{track['repeated_messages']:,} repeated")
    parts.append({True: "decodable", False: "not decodable", None: "decodability unknown"}[track.get("decodable")])
    yield f"{label} format", said
    yield label, ", ".join(part for part in parts if part)
    if track.get("problem"):
        yield f"{label} problem", printable(track["problem"], FACT_LENGTH)


def sound_facts(sound: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """List how audio sounds that was listened to, as (label, value)."""
    parts = []
    if "loudness_lufs" in sound:
        loudness = sound["loudness_lufs"]
        parts.append("too quiet for a loudness" if loudness is None else f"{loudness:.1f} LUFS")
    if sound.get("dropouts"):
        first = seconds(sound["first_dropout_s"])
        parts.append(f"{plural(sound['dropouts'], 'drop-out')} ({seconds(sound['dropout_s'])} in all, the first at {first})")
    if sound.get("heard_s"):
        parts.append(f"speech in {sound['speech_s'] / sound['heard_s']:.0%} of {seconds(sound['heard_s'])}")
    if parts:
        yield "Sound", ", ".join(parts)


def _tls(tls: Mapping[str, Any] | None) -> str:
    if not tls:
        return ""
    parts = [str(tls[key]) for key in ("version", "cipher", "sni") if tls.get(key)]
    parts += [f"ALPN {tls['alpn']}"] if tls.get("alpn") else []
    parts += [f"client like {tls['client']}"] if tls.get("client") else []
    parts += ["resumed"] if tls.get("resumed") else []
    return printable(", ".join([*parts, "decrypted" if tls.get("decrypted") else "not decrypted"]), FACT_LENGTH)


def _certificate(certificate: Mapping[str, Any] | None) -> str:
    if not certificate:
        return ""
    signed = "itself" if certificate["self_signed"] else certificate["issuer"]
    names = ", ".join(certificate["names"][:NAMES_SHOWN])
    until = f"{certificate['not_before'][:10]} to {certificate['not_after'][:10]}"
    return printable(f"{certificate['subject']}, signed by {signed}, {until}" + (f", for {names}" if names else ""), FACT_LENGTH)


def _records(records: Mapping[str, Any] | None) -> str:
    """Tell the volume of encrypted records of each side, and the rate at which a client streamed."""
    if not records:
        return ""
    about = "" if records["exact"] else "at most "
    told = [f"{side} {plural(records[side]['records'], 'record')} of {about}{size(records[side]['bytes'])}" for side in SIDES]
    rate = records["upload_bytes_per_second"]
    return "; ".join([*told, *([f"streamed {rate:,.0f} bytes per second"] if rate else [])])


def _messages(session: "SessionReport") -> str:
    """Count messages by side and kind; nothing where TLS hides them."""
    if session.upgrade.get("outcome") == "encrypted":
        return ""
    return "; ".join(f"{side} {_counts(session.message_counts.get(side, {}))}" for side in SIDES)


def _counts(messages: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {kind}" for kind, count in messages.items() if count) or "none"


def _keepalives(keepalives: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} as {kind}" for kind, count in keepalives.items() if count)


def _service(service: Mapping[str, Any]) -> str:
    parts = [plural(service["results"], "result")] if service.get("results") else []
    if service.get("first_result_s") is not None:
        parts.append(f"the first after {seconds(service['first_result_s'])}")
    if service.get("transcript_cursor_s") is not None:
        parts.append(f"transcribed to {seconds(service['transcript_cursor_s'])}")
    told = (service.get("metadata") or {}).get("duration_s")
    if told is not None:
        parts.append(f"says it received {seconds(told)}")
    return ", ".join(parts)


def _tcp(tcp: Mapping[str, Any]) -> str:
    """Tell the handshake's round trip, and of each side what did not go straight."""
    parts = []
    if tcp.get("handshake_rtt_s") is not None:
        whole, one, two = (f"{tcp[name] * 1000:.3g} ms" for name in ("handshake_rtt_s", "syn_to_syn_ack_s", "syn_ack_to_ack_s"))
        parts.append(f"handshake {whole} ({one} to SYN-ACK, {two} to ACK)")
    if tcp.get("syn_retries"):
        parts.append(f"SYN sent again {tcp['syn_retries']:,} times")
    for side in ("client", "server"):
        told = ", ".join(_tcp_side(tcp.get(side, {})))
        parts.append(f"{side} {told}" if told else "")
    return "; ".join(part for part in parts if part)


def _tcp_side(facts: Mapping[str, Any]) -> Iterable[str]:
    if again := facts.get("retransmissions", 0) + facts.get("late", 0):
        yield f"{again:,} sent again"
    if facts.get("out_of_order"):
        yield f"{facts['out_of_order']:,} out of order"
    if facts.get("duplicates"):
        yield f"{facts['duplicates']:,} captured twice"
    if facts.get("zero_windows"):
        yield f"window closed for {seconds(facts['zero_window_s'])}"
    if facts.get("unacknowledged"):
        yield f"{size(facts['unacknowledged'])} not acknowledged"


def where(finding: "Finding") -> str:
    """Say where a finding is: side, time and packets."""
    parts = [finding.side or ""]
    if finding.time_s is not None:
        begin, until = seconds(finding.time_s), seconds(finding.until_s)
        parts.append(f"at {begin}" if finding.until_s is None or until == begin else f"from {begin} to {until}")
    if finding.packets:
        listed = ", ".join(str(number) for number in finding.packets[:PACKETS_SHOWN])
        parts.append(
            f"packet{'s' if len(finding.packets) > 1 else ''} {listed}{', ...' if len(finding.packets) > PACKETS_SHOWN else ''}"
        )
    if finding.count > 1:
        parts.append(f"{finding.count:,} times")
    if finding.confidence != "certain":
        parts.append(str(finding.confidence))
    return ", ".join(part for part in parts if part)


def capture_line(capture: "CaptureReport") -> str:
    """Describe a capture file in one line."""
    parts = [capture.format, plural(capture.packets, "packet"), size(capture.bytes), ", ".join(capture.link_types)]
    if capture.first_time and capture.last_time:
        parts.append(f"{capture.first_time[:10]} {clock(capture.first_time)} to {clock(capture.last_time)} UTC")
    parts.append("" if capture.complete else "incomplete")
    return ", ".join(part for part in parts if part)


def files_line(capture: "CaptureReport") -> str:
    """Name the files that were read as one, in one line; empty where it was one. Of many the first ones."""
    if not capture.files:
        return ""
    named = [f"{printable(one['path'])} ({plural(one['packets'], 'packet')})" for one in capture.files[:FILES_SHOWN]]
    more = [f"{len(capture.files) - FILES_SHOWN} more"] if len(capture.files) > FILES_SHOWN else []
    return f"Merged, numbered as by mergecap: {', '.join((*named, *more))}"


def other_line(capture: "CaptureReport") -> str:
    """Count the connections that are no session, in one line; empty when there are none."""
    others = {kind: count for kind, count in capture.other_connections.items() if count}
    if not others:
        return ""
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in others.items())
    return f"{plural(sum(others.values()), 'other TCP connection')} ({kinds})"


def tally(sessions: "Iterable[SessionReport]") -> str:
    """Count sessions by verdict: `3 sessions: 2 with an error, 1 healthy`."""
    verdicts = [str(session.verdict.severity) for session in sessions]
    counted = ", ".join(f"{verdicts.count(severity):,} {words}" for severity, words in SEVERITIES.items() if severity in verdicts)
    return (plural(len(verdicts), "session") if verdicts else "no WebSocket session") + (f": {counted}" if counted else "")


def headline(report: "Report") -> str:
    """Sum the report up in one line."""
    captures = f"{plural(len(report.captures), 'capture')}, " if len(report.captures) != 1 else ""
    return captures + tally(report.sessions)


def short_name(path: str) -> str:
    """Name a capture as the user did."""
    return "standard input" if path in _STANDARD_INPUT else printable(path)


def shell_names(capture: "CaptureReport") -> str:
    """Name a capture as the command line takes it."""
    if capture.files:
        return f"{' '.join(shell_name(one['path']) for one in capture.files)} --merge"
    return shell_name(capture.path)


def shell_name(path: str) -> str:
    """Name a file as a shell takes it: in double quotes, which every shell knows, unless it holds what these let through."""
    if path in _STANDARD_INPUT:
        return "CAPTURE"
    if re.search(r"[$`\"!]", path):
        return shlex.quote(path)
    return f'"{path}"' if re.search(r"[^\w./\\:@%+=-]", path) else path


def error_received(session: "SessionReport") -> str:
    """What the client got to see: the service's own error, a close that tells one, else the verdict."""
    told = session.close is not None and session.close.get("code") not in (None, 1000, 1001)
    return printable(session.upgrade.get("error") or (close(session) if told else session.verdict.text), WHOLE_LENGTH)


def support(capture: "CaptureReport", session: "SessionReport") -> list[tuple[str, str, bool]]:
    """List what the service's support asks for, as (label, value, whether it is to be copied as it stands)."""
    request_id = session.upgrade.get("request_id")
    track = session.audio.get("client")
    asked = [
        ("The error received", error_received(session), False),
        ("The request ID", request_id or "not in the capture", bool(request_id)),
    ]
    if track:
        command = f"analyzer audio {shell_names(capture)} -o audio --session {session.id}"
        asked.append((f"A sample of the audio ({audio_format(track.get('format'))})", command, True))
    return [*asked, ("The related code", "where the WebSocket is opened, and where audio and control messages are sent", False)]
