"""Rule capture-incomplete: of a session, after all other rules, and of the capture file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.model.anomalies import Anomaly
from analyzer.model.finding import Finding, Rank, Severity, Unjudged
from analyzer.model.schema import Kind
from analyzer.rules import capture_rule, last_rule
from analyzer.rules._evidence import packets_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analyzer.model.capture import Capture
    from analyzer.model.session import Direction, Session

_NO_HANDSHAKE_NEEDED = ("refused", "unreachable")
_WHOLE = "with no snap length (tcpdump -s 0)"
_ALL = "with a larger buffer (tcpdump -B) or nearer to the client, where no packet is lost on its way into the capture"
_EARLY = "started before the client connects"
_BOTH = "at a place where both directions pass"


@last_rule("capture-incomplete", rank=Rank.QUALITY)
def capture_incomplete(session: Session, not_judged: Sequence[Unjudged]) -> Iterator[Finding]:
    """Capture lacks bytes, packets or the handshake.

    What it means
    Something that crossed the wire is not in the capture, so that rules about what is absent cannot judge, and audio and
    its hash may be incomplete. It says nothing about the session itself: both sides may have received everything.

    How it is found
    TCP sequence numbers that the other side acknowledged and that no packet carries, packets that the snap length cut, a
    connection that was running when the capture began, one of two directions without packets, a file that breaks off or
    whose interface dropped packets; over HTTP/2 frames that may have held a header block.

    When it stays silent
    With packets that were lost and sent again: all bytes are there. Where the capture just ends before the session does.

    What to do
    Capture again on the client's machine, with no snap length (tcpdump -s 0), started before the client connects and
    stopped after it ended, and with a larger buffer (tcpdump -B) where the interface dropped packets.

    References
    tcpdump manual page, -s and -B. pcapng, interface statistics block.

    Example
    0.0 client midstream
    0.1 client audio 3200 x20 every 0.1
    1.1 server text {"type":"Results","is_final":false,"start":0,"duration":1.0,"channel":{"alternatives":[{"transcript":"a"}]}}
    2.2 client text {"type":"CloseStream"}
    2.22 server text {"type":"Metadata","duration":2.0,"channels":1}
    2.3 server close 1000
    2.31 client close 1000
    2.4 server fin
    2.4 client fin
    verdict: capture-incomplete
    """
    lacks = dict(_lacks(session))
    if not lacks:
        return
    places = [place for direction in session.sides for hole in direction.holes for place in (hole.before, hole.after)]
    places = places or [session.first]
    rules = sorted({one.rule for one in not_judged})
    effect = f" Rules that could not judge: {', '.join(rules)}." if rules else ""
    yield Finding(
        Severity.WARNING,
        f"The capture does not hold all of the session: {'; '.join(lacks)}.{effect}",
        packets=packets_of(*places),
        time_s=session.seconds(min(place.time for place in places)),
        values={
            "missing_client_bytes": session.client.missing,
            "missing_server_bytes": session.server.missing,
            "not_judged": rules,
        },
        remedy=f"Capture again, {', '.join(dict.fromkeys(lacks.values()))}.",
    )


def _lacks(session: Session) -> Iterator[tuple[str, str]]:
    """Name what is not in the capture, and how it gets there."""
    yield from _lacks_of_upgrade(session)
    for direction in session.sides:
        side = direction.side.word
        if direction.anomaly_counts.get(Anomaly.HPACK_LOST):
            yield (
                f"an HTTP/2 header block of the {side} may be missing, so that no stream it opens or answers later can be read",
                _ALL,
            )
        yield from _lacks_of_bytes(direction)
        if session.tcp_stream is not None and not direction.tcp.packets and session.upgrade.outcome not in _NO_HANDSHAKE_NEEDED:
            yield f"no packet of the {side} is in it", _BOTH
    if session.capture_cut:
        yield "the file breaks off or lacks packets before the connection ends", _ALL


def _lacks_of_upgrade(session: Session) -> Iterator[tuple[str, str]]:
    """Name what is not there of the request and its answer."""
    upgrade = session.upgrade
    if session.opened == "midstream":
        yield "it began after the handshake, so that the request and its parameters are not known", _EARLY
    elif upgrade.outcome == "not-captured" or upgrade.unread:
        yield "the answer to the upgrade request is not in it", _BOTH if not session.server.tcp.packets else _ALL
    elif upgrade.response is not None and upgrade.request is None:
        yield "the upgrade request is not in it, so that its parameters are not known", _EARLY
    heads = (
        (upgrade.request, "upgrade request", session.client),
        (upgrade.response, "answer to the upgrade request", session.server),
    )
    partial = [(name, direction) for head, name, direction in heads if head is not None and head.partial]
    if partial:
        cut = any(direction.tcp.truncated for _, direction in partial)
        what = "upgrade request and of its answer" if len(partial) == len(heads) else partial[0][0]
        yield f"part of the {what} is missing", _WHOLE if cut else _ALL


def _lacks_of_bytes(direction: Direction) -> Iterator[tuple[str, str]]:
    """Name what is not there of one side's bytes, why, and what cannot be read for it."""
    missing, cut, unreadable = direction.missing, direction.tcp.truncated, direction.rows(Kind.UNREADABLE).size
    of_side = f"of the {direction.side.word}"
    parts = []
    if missing:
        why = f" (the snap length cut {_count(cut, 'packet')})" if cut else ""
        parts.append(f"{_count(missing, 'byte')} {of_side} {'is' if missing == 1 else 'are'} missing{why}")
    elif cut:
        parts.append(f"the snap length cut {_count(cut, 'packet')} {of_side}")
    if unreadable:
        many = _count(unreadable, "message")
        parts.append(f"so that {many} cannot be read" if parts else f"{many} {of_side} cannot be read")
    if parts:
        yield ", ".join(parts), _WHOLE if cut else _ALL if missing else _EARLY


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


_HAR = (
    "A HAR holds whole messages only: no close frames with their codes, no pings, no fragments and masks, nothing of TCP and TLS. "
    "Rules about them stay silent, and how the session ended is not known. Some recorders leave out empty messages, too."
)
_RECORD = "Where that matters, record packets on the same machine; README says how, also with the keys of TLS."


@capture_rule("capture-incomplete")
def file_incomplete(capture: Capture) -> Iterator[Finding]:
    """Find what the file itself lacks: damage, packets that were cut or dropped, packets that could not be read."""
    log = capture.log
    if log.format == "har":
        yield Finding(Severity.NOTE, _HAR, remedy=_RECORD, values={"other_entries": log.other_entries})
    for problem in log.problems:
        yield _of_file(
            f"{problem.text[:1].upper()}{problem.text[1:].rstrip('.')}.", {"after_packet": problem.packet}, problem.packet
        )
    if log.truncated:
        text = f"The snap length cut {log.truncated} of {log.packets} packets, so that their bytes are missing."
        yield _of_file(text, {"cut_packets": log.truncated}, filter_text="frame.cap_len < frame.len")
    for number, interface in enumerate(log.interfaces):
        if interface.dropped:
            name = interface.name or str(number)
            yield _of_file(
                f"The interface {name} dropped {interface.dropped} packets.", {"interface": name, "dropped": interface.dropped}
            )
    if capture.without_http2:
        count = capture.without_http2
        text = f"{count} HTTP/2 connection{'s were' if count > 1 else ' was'} not read: install the packages for it"
        yield _of_file(f"{text} (pip install 'analyzer[http2]') and analyse again.", {"http2_connections": count})
    if log.unread and (not capture.sessions or capture.incomplete_sessions):
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(log.unread.items()))
        yield _of_file(f"Some packets may carry TCP but could not be followed: {reasons}.", {"unread": dict(log.unread)})


def _of_file(text: str, values: dict[str, object], packet: int = 0, filter_text: str = "") -> Finding:
    """Build a finding about the file."""
    return Finding(Severity.WARNING, text, packets=(packet,) if packet > 0 else (), values=values, filter=filter_text)
