"""Our frames of one connection against Wireshark's, side by side. In: both tables. Out: an Opinion. Nothing here runs tshark."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from analyzer.compare.alignment import aligned
from analyzer.compare.faults import CUT, Circumstances, Setting, explained
from analyzer.compare.losses import Range, ranges, within
from analyzer.model.opinion import Agreement, Columns, Difference, Opinion
from analyzer.model.report import SessionReport
from analyzer.model.schema import Side, opcode_word
from analyzer.model.streams import Ints

SHOWN = 20
"""Differences that are listed per session."""
_CONTROL, _CLOSE = 8, 8


def compared(session: SessionReport, theirs: Columns, setting: Setting, *, cut: bool) -> Opinion:
    """One session against the frames that tshark shows of its connection under some setting. `cut`: a snap length cut packets."""
    assert session.tcp_stream is not None
    table = session.frames
    known = circumstances(session, cut=cut)
    seen = len(theirs["packet"]) > 0
    told: list[Told] = []
    found: list[Difference] = []
    counts = {}
    losses: dict[str, list[Range]] = {}
    for side in Side:
        mine = _rows(table, table["side"] == side) if table else {}
        other = _rows(theirs, theirs["port"] == (session.client if side is Side.CLIENT else session.server).port)
        one, two = aligned(_marks(mine, "last_packet"), _marks(other, "packet"))
        same = mine["last_packet"][one] == other["packet"][two] if len(one) else np.zeros(0, bool)
        covered = session.coverage[side.word]
        losses[side.word] = ranges(mine, covered["bytes"], covered["missing"], one[same])
        told += _differences(mine, other, one, two, side.word)
        found += _payloads(session, mine, other, one, two, side.word)
        count = {"ours": len(mine.get("length", ())), "wireshark": len(other["packet"]), "agree": len(one)}
        counts[side.word] = count
    for each, complete in told:
        lost = any(within(each.packet, losses[side]) for side in ((each.side,) if seen else losses))
        fault = explained(each.kind, each.side, known, complete=complete, seen=seen, lost=lost)
        found.append(Difference(each.kind, each.side, each.packet, each.text, fault))
    worked = _needed(session, setting, known, sound=not found)
    faults = Counter(each.fault for each in found if each.fault)
    for name in worked:
        faults[name] += 0
    verdict = Agreement.AGREES if not found and not worked else Agreement.KNOWN_FAULT
    if any(each.fault is None for each in found):
        verdict = Agreement.DIFFERS
    found.sort(key=lambda each: each.packet)
    return Opinion(
        session.id,
        session.tcp_stream,
        session.client,
        session.server,
        verdict,
        counts,
        dict(sorted(faults.items())),
        dict(sorted(Counter(each.kind for each in found).items())),
        tuple(found[:SHOWN]),
        _filter(found[:SHOWN]),
    )


def only_theirs(stream: int, theirs: Columns, sessions: Iterable[SessionReport]) -> Opinion:
    """A connection on which we found no WebSocket. Where packets stand in another order than they were sent, tshark takes one
    connection for two: then it has the ports of one of ours.
    """
    ports = set(theirs["port"].tolist())
    parted = any(ports <= {one.client.port, one.server.port} and _disordered(one) for one in sessions)
    fault = "out-of-order" if parted else None
    count = len(theirs["packet"])
    found = [
        Difference("wireshark", "", int(theirs["packet"][row]), f"only Wireshark sees {_frame(theirs, row)}", fault)
        for row in range(min(count, SHOWN))
    ]
    verdict = Agreement.KNOWN_FAULT if fault else Agreement.DIFFERS
    counts = {"": {"ours": 0, "wireshark": count, "agree": 0}}
    faults, kinds = ({fault: count} if fault else {}), {"wireshark": count}
    return Opinion(None, stream, None, None, verdict, counts, faults, kinds, tuple(found), _filter(found))


def _disordered(session: SessionReport) -> bool:
    return any(circumstances(session, cut=False).disordered.values())


def circumstances(session: SessionReport, *, cut: bool) -> Circumstances:
    """What of a session may explain a difference."""
    table = session.frames
    falls = {}
    for side in Side:
        first = table["first_packet"][table["side"] == side] if table else np.zeros(0, np.int64)
        facts = session.tcp.get(side.word, {})
        falls[side.word] = bool((np.diff(first) < 0).any() or facts.get("out_of_order") or facts.get("late"))
    return Circumstances(
        session.opened == "midstream",
        session.upgrade.get("stream_id") is not None,
        session.upgrade.get("proxy") is not None,
        bool(session.tls and session.tls.get("decrypted")),
        cut,
        falls,
        {side.word: any(session.tcp.get(side.word, {}).get(name) for name in ("retransmissions", "duplicates")) for side in Side},
    )


def _needed(session: SessionReport, setting: Setting, known: Circumstances, *, sound: bool) -> list[str]:
    """Faults that had to be worked around for tshark to see what it sees.

    To wait for packets also has it invent fewer frames behind a hole: that alone does not say that any was out of order.
    """
    needed = [] if not setting.decode_as else ["mid-stream" if session.opened == "midstream" else "odd-port"]
    if setting.reordering:
        if any(known.disordered.values()):
            needed.append("out-of-order")
        elif sound:
            needed.append("repeated-packet" if any(known.repeated.values()) else "out-of-order")
    return needed


def _rows(table: Columns, which: "np.typing.NDArray[np.bool_]") -> dict[str, Ints]:
    return {name: column[which] for name, column in table.items()}


def _marks(table: Mapping[str, Ints], packet: str) -> tuple[Ints, Ints]:
    """What a frame looks like as one number, and where it ends."""
    if not table:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    opcode, fin, rsv, masked = (table[name].astype(np.int64) for name in ("opcode", "fin", "rsv", "masked"))
    return opcode | fin << 4 | rsv << 5 | masked << 8 | table["length"] << 9, table[packet].astype(np.int64)


Told = tuple[Difference, bool]
"""A difference, and whether all of the frame is in the capture."""


def _differences(mine: Columns, other: Columns, one: Ints, two: Ints, side: str) -> list[Told]:
    """Frames that only one of the two has, that are unlike, or that end elsewhere."""
    told: list[Told] = []
    for row, their in zip(one.tolist(), two.tolist(), strict=True) if len(one) else ():
        packet, shown = int(mine["last_packet"][row]), int(other["packet"][their])
        if packet != shown:
            text = f"{_frame(mine, row)} ends in packet {packet}, Wireshark shows it in packet {shown}"
            told.append((Difference("packet", side, packet, text), True))
    count = len(mine.get("length", ()))
    left = np.setdiff1d(np.arange(count), one, assume_unique=True).tolist()
    right = np.setdiff1d(np.arange(len(other["packet"])), two, assume_unique=True).tolist()
    beside: dict[int, list[int]] = {}
    for their in right:
        beside.setdefault(int(other["packet"][their]), []).append(their)
    paired = set()
    for row in left:
        packet, complete = int(mine["last_packet"][row]), bool(mine["complete"][row])
        if beside.get(packet):
            their = beside[packet].pop(0)
            paired.add(their)
            text = f"we see {_frame(mine, row)}, Wireshark {_frame(other, their)}"
            told.append((Difference("unlike", side, packet, text), complete))
        else:
            told.append((Difference("ours", side, packet, f"only we see {_frame(mine, row)}"), complete))
    told += [
        (Difference("wireshark", side, int(other["packet"][their]), f"only Wireshark sees {_frame(other, their)}"), True)
        for their in right
        if their not in paired
    ]
    return told


def _payloads(session: SessionReport, mine: Columns, other: Columns, one: Ints, two: Ints, side: str) -> list[Difference]:
    """Frames whose headers agree, but of which Wireshark shows other bytes than were sent."""
    if not len(one):
        return []
    length, shown, packets = mine["length"][one], other["shown"][two], mine["last_packet"][one]
    opcode, fin, rsv = (mine[name][one] for name in ("opcode", "fin", "rsv"))
    short = (shown < length) & (mine["masked"][one] > 0)
    found = [
        Difference(
            "payload",
            side,
            int(packets[row]),
            f"Wireshark shows {int(shown[row]):,} of the {int(length[row]):,} bytes of {_frame(mine, int(one[row]))}",
            "max-unmasked-length" if length[row] > CUT else None,
        )
        for row in np.flatnonzero(short).tolist()
    ]
    compressed = (rsv & 4 > 0) & (opcode < _CONTROL)
    found += [
        Difference(
            "payload",
            side,
            int(packets[row]),
            f"Wireshark does not inflate the message that begins with {_frame(mine, int(one[row]))}",
            "fragmented-deflate",
        )
        for row in np.flatnonzero(compressed & (fin == 0)).tolist()
    ]
    poisoned = np.flatnonzero(short & compressed)
    if len(poisoned) and f"{side}_no_context_takeover" not in str(session.upgrade.get("extensions") or ""):
        later = np.flatnonzero(compressed & (fin > 0) & ~short)
        found += [
            Difference(
                "payload",
                side,
                int(packets[row]),
                f"Wireshark inflates {_frame(mine, int(one[row]))} with a context that lacks what it cut",
                "poisoned-takeover",
            )
            for row in later[later > poisoned[0]].tolist()
        ]
    return found


def _frame(table: Columns, row: int) -> str:
    """A frame in words."""
    opcode, fin, rsv, masked, length = (int(table[name][row]) for name in ("opcode", "fin", "rsv", "masked", "length"))
    word = opcode_word(opcode)
    extras = ("" if fin else ", not final") + (f", rsv {rsv}" if rsv else "") + ("" if masked else ", unmasked")
    return f"a {word} frame of {length:,} bytes{extras}"


def _filter(found: Sequence[Difference]) -> str:
    numbers = sorted({each.packet for each in found if each.packet > 0})
    return f"frame.number in {{{', '.join(map(str, numbers))}}}" if numbers else ""
