"""The second opinion as text, for a person; for a program there is JSON.

In: a SecondOpinion. Out: pieces of text.
"""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from analyzer.reports.json import escaped
from analyzer.reports.phrases import address, plural, printable, short_name

if TYPE_CHECKING:
    from analyzer.model.opinion import Opinion, SecondOpinion
    from analyzer.model.places import Endpoint

FORMATS = ("text", "json")


def lines(opinion: "SecondOpinion", form: str) -> Iterator[str]:
    """Write it in one of FORMATS."""
    if form == "json":
        yield escaped(json.dumps(_plain(opinion), ensure_ascii=False, indent=2)) + "\n"
        return
    yield f"{short_name(opinion.path)}: our frames against tshark {printable(opinion.tshark)}\n"
    for session in opinion.sessions:
        yield from _session(session)
    if not opinion.sessions:
        yield "No WebSocket session, neither here nor in Wireshark.\n"
    if opinion.meanings:
        yield "\nKnown faults of tshark named above:\n"
        yield from (f"  {name}: {meaning}\n" for name, meaning in opinion.meanings.items())
    verdicts = [str(session.verdict) for session in opinion.sessions]
    counted = ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in dict.fromkeys(verdicts))
    yield f"\n{plural(len(verdicts), 'session')}: {counted}\n" if verdicts else ""


def _session(session: "Opinion") -> Iterator[str]:
    """One connection: what was counted, what differs."""
    name = "no session of ours" if session.session is None else f"session {session.session}"
    ends = f", {address(session.client)} > {address(session.server)}" if session.client and session.server else ""
    yield f"\n{name}, tcp.stream {session.tcp_stream}{ends}: {session.verdict}\n"
    for side, counts in session.frames.items():
        ours, theirs = f"{counts['ours']:,}", f"{counts['wireshark']:,}"
        yield f"  {side or 'both sides'}: {counts['agree']:,} frames agree, we see {ours}, Wireshark {theirs}\n"
    for fault, count in session.faults.items():
        told = [plural(count, "difference")] if count else []
        if option := session.workarounds.get(fault):
            told.append(f"worked around for this comparison by: tshark {option}")
        elif not count:
            told.append("worked around for this comparison")
        yield f"  known fault {fault}: {', '.join(told)}\n"
    for each in session.differences:
        fault = f" ({each.fault})" if each.fault else ""
        yield f"  {each.kind:<9} packet {each.packet:>7} {each.side:<6} {each.text}{fault}\n"
    rest = sum(session.kinds.values()) - len(session.differences)
    if rest > 0:
        yield f"  ... and {plural(rest, 'further difference')}\n"
    if session.filter:
        yield f"  in Wireshark: {session.filter}\n"


def _plain(opinion: "SecondOpinion") -> dict[str, Any]:
    """The same as mappings and lists, for JSON."""
    return {
        "schema": "analyzer-verify/1",
        "tool": dict(opinion.tool),
        "path": opinion.path,
        "tshark": opinion.tshark,
        "sound": opinion.sound,
        "sessions": [
            {
                "session": one.session,
                "tcp_stream": one.tcp_stream,
                "client": _end(one.client),
                "server": _end(one.server),
                "verdict": str(one.verdict),
                "frames": {side: dict(counts) for side, counts in one.frames.items()},
                "known_faults": dict(one.faults),
                "workarounds": dict(one.workarounds),
                "differences": dict(one.kinds),
                "first_differences": [
                    {"kind": each.kind, "side": each.side, "packet": each.packet, "text": each.text, "known_fault": each.fault}
                    for each in one.differences
                ],
                "filter": one.filter,
            }
            for one in opinion.sessions
        ],
        "known_faults": dict(opinion.meanings),
    }


def _end(endpoint: "Endpoint | None") -> dict[str, Any] | None:
    return None if endpoint is None else {"ip": endpoint.ip, "port": endpoint.port}
