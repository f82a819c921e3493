"""Frames and messages of a session as columns for the page's script: base64 of typed arrays, texts as lists.

In: a session's `frame_table` and `conversation`. Out: plain data, some 20 to 40 bytes a frame. A column takes the narrowest of
u1, u2, u4 and f8 that holds it; f8 is exact up to 2 to the 53rd.
"""

import base64
from typing import TYPE_CHECKING, Any

from analyzer.reports.phrases import printable

if TYPE_CHECKING:
    from analyzer.model.conversation import Conversation
    from analyzer.model.report import SessionReport
    from analyzer.model.tables import Array

GROUPS = ("audio", "keepalive", "control", "odd", "event", "text", "ping", "close")
"""How the page tells frames apart by colour."""
_OF_KIND = {
    "AUDIO": "audio",
    "CONTROL": "control",
    "EVENT": "event",
    "TEXT": "text",
    "BINARY": "text",
    "CLOSE": "close",
    "PING": "ping",
    "PONG": "ping",
    "UNREADABLE": "text",
    **dict.fromkeys(("MISPLACED", "MALFORMED", "BASE64", "EMPTY"), "odd"),
}
_WORDS = {
    "MISPLACED": "as binary",
    "MALFORMED": "malformed",
    "BASE64": "base64 audio",
    "EMPTY": "empty binary",
    "UNREADABLE": "unreadable",
}
"""What a kind is called where its own name does not say it."""
_KEEPALIVE = "keepalive"


class Room:
    """How many characters of messages the page still takes."""

    def __init__(self, characters: int, of_one: int) -> None:
        self.left, self.of_one = characters, of_one


def frames(session: "SessionReport", room: Room) -> dict[str, Any]:
    """`columns`, the `words` and `groups` that column `what` points to, `anomalies`, `texts`, and whether some are left out."""
    import numpy as np  # noqa: PLC0415 - formats without frames never load it

    from analyzer.model.anomalies import FrameAnomaly  # noqa: PLC0415 - needed here only

    table = session.frames if shown(session)[1] == "frame" else _of_messages(session)
    flags = table["fin"] | table["masked"] << 1 | (table["complete"] == 0) << 2 | table["rsv"] << 3
    words: dict[tuple[str, str], int] = {}
    if session.conversation is not None and len(session.conversation):
        said = _Said(session.conversation, words, room)
        row = said.rows_of(table["side"], table["message"])
        what = np.where(row >= 0, said.what[row], 0)
        text = np.where(row >= 0, said.text[row], 0)
        texts, cut = said.texts, said.cut
    else:
        what, text = np.zeros(len(table["side"]), np.int64), np.zeros(len(table["side"]), np.int64)
        texts, cut = [], False
    bare = what == 0  # what no message holds is told by its opcode
    what[bare] = _by_opcode(table["opcode"][bare], words)
    columns = {
        "time": np.round((table["first_time"] - session.origin_ns) / 1e3),
        **{name: table[name] for name in ("opcode", "length", "message")},
        "sides": table["side"],
        "bits": table["anomalies"],
        "first": table["first_packet"],
        "last": table["last_packet"],
        "flags": flags,
        "what": what - 1,
        "text": text,
    }
    return {
        "count": len(table["side"]),
        "unit": shown(session)[1],
        "columns": {name: packed(column) for name, column in columns.items()},
        "words": [word for word, _ in words],
        "groups": [GROUPS.index(group) for _, group in words],
        "anomalies": {str(bits): FrameAnomaly.slugs(int(bits)) for bits in np.unique(table["anomalies"]) if bits},
        "texts": texts,
        "cut": cut,
    }


def shown(session: "SessionReport") -> tuple[int, str]:
    """How many rows the table of a session has, and what each is: a `frame`, or a `message` where the capture holds no frames."""
    if session.frame_table is None:
        return 0, "frame"
    if len(session.frame_table) or session.conversation is None:
        return len(session.frame_table), "frame"
    return len(session.conversation), "message"


def _of_messages(session: "SessionReport") -> "dict[str, Array]":
    """Messages as if each were one frame."""
    import numpy as np  # noqa: PLC0415 - formats without frames never load it

    assert session.conversation is not None
    columns = session.conversation.columns
    same = {name: columns[name] for name in ("side", "opcode", "first_time", "first_packet", "last_packet", "complete")}
    none, one = (np.full(len(session.conversation), value, np.uint8) for value in (0, 1))
    bits = {"fin": one, "masked": none, "rsv": none, "anomalies": none}
    return {**same, **bits, "length": columns["size"], "message": columns["number"]}


def packed(column: "Array") -> list[str]:
    """Give a column as its type and the base64 of its little-endian bytes."""
    low, high = (int(column.min()), int(column.max())) if len(column) else (0, 0)
    kind = next((kind for kind, most in (("u1", 0xFF), ("u2", 0xFFFF), ("u4", 0xFFFF_FFFF)) if low >= 0 and high <= most), "f8")
    return [kind, base64.b64encode(column.astype(f"<{kind}").tobytes()).decode()]


def _by_opcode(opcodes: "Array", words: dict[tuple[str, str], int]) -> "Array":
    from analyzer.model.schema import opcode_word  # noqa: PLC0415 - needed here only

    groups = {"close": "close", "ping": "ping", "pong": "ping", "reserved": "odd"}
    found = opcodes.astype("i8")
    for opcode in set(opcodes.tolist()):
        word = opcode_word(opcode)
        found[opcodes == opcode] = words.setdefault((word, groups.get(word, "text")), len(words) + 1)
    return found


class _Said:
    """What each message is called (`what`, a place in the words, from 1) and says (`text`, a place in `texts`, from 1; 0 for
    nothing), one row per message.
    """

    def __init__(self, conversation: "Conversation", words: dict[tuple[str, str], int], room: Room) -> None:
        import numpy as np  # noqa: PLC0415 - formats without frames never load it

        from analyzer.model.schema import Kind, Opcode  # noqa: PLC0415 - needed here only

        columns = conversation.columns
        self.texts: list[str] = []
        self.cut = False
        self.what = np.zeros(len(conversation), np.int64)
        self.text = np.zeros(len(conversation), np.int64)
        self._order = np.lexsort((columns["number"], columns["side"]))
        self._key = _key(columns["side"][self._order], columns["number"][self._order])
        same = _key(columns["side"], columns["label"].astype(np.int64) + 1) * len(_OF_KIND) * 2 + columns["kind"]
        _, firsts, which = np.unique(same, return_index=True, return_inverse=True)
        named = []
        for row in firsts.tolist():
            kind, label = Kind(int(columns["kind"][row])).name, printable(conversation.label(row), 60)
            named.append(words.setdefault(_named(kind, label), len(words) + 1))
        self.what[:] = np.array(named, np.int64)[which.reshape(-1)]
        telling = (columns["opcode"] != Opcode.BINARY) | (columns["kind"] == Kind.MISPLACED)
        for row in np.flatnonzero(telling).tolist():
            said = conversation.text(row)
            if not said:
                continue
            shown = printable(said, room.of_one)
            if len(shown) > room.left:
                self.cut = True
                break
            room.left -= len(shown)
            self.texts.append(shown)
            self.text[row] = len(self.texts)

    def rows_of(self, sides: "Array", numbers: "Array") -> "Array":
        """The row of each frame's message, -1 for none."""
        import numpy as np  # noqa: PLC0415 - formats without frames never load it

        keys = _key(sides, numbers)
        places = np.minimum(np.searchsorted(self._key, keys), len(self._key) - 1)
        rows: Array = np.where(self._key[places] == keys, self._order[places], -1)
        return rows


def _key(sides: "Array", numbers: "Array") -> "Array":
    key: Array = sides.astype("i8") << 48 | numbers.astype("i8")
    return key


def _named(kind: str, label: str) -> tuple[str, str]:
    """What to call a message, and the group it is drawn with."""
    group = _OF_KIND[kind]
    if kind == "CONTROL" and label.replace("_", "").lower() == _KEEPALIVE:
        group = "keepalive"
    if kind == "CLOSE":
        return f"close {label}".rstrip(), group
    if kind in _WORDS:
        return f"{label} {_WORDS[kind]}".strip(), group
    return label or kind.lower(), group
