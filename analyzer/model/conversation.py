"""What a session's two ends said to each other, for reports that show it: every message in order, each secret in it redacted.

In: the rows and contents that the session kept. Out: text or bytes of one message, redacted when asked for, so that nothing is held
twice. There is no other way from here to what was said.
"""

import json
from collections.abc import Mapping
from typing import Any

from analyzer.model.contents import Contents
from analyzer.model.dataclass import dataclass
from analyzer.model.redact import Secrets, redact, redact_message
from analyzer.model.schema import Kind, Opcode
from analyzer.model.tables import Array, Table

SPOKEN = frozenset(
    {
        "content",
        "greeting",
        "punctuated_word",
        "sentence",
        "text",
        "transcript",
        "translated_text",
        "translation",
        "utterance",
        "word",
    }
)
"""JSON keys under which services put what somebody said."""
LEFT_OUT = "<left out>"
"""Stands for words; a mark made of them, as secrets get one, would be looked up in a dictionary."""
CODE = 2
"""Bytes of the status code in front of the reason of a close frame."""


@dataclass(frozen=True, slots=True)
class Head:
    """One head of the handshake, redacted: `line` is the request line or the status line as HTTP/1.1 writes it."""

    line: str
    headers: Mapping[str, str]
    time: int
    """Of the packet that completes it (ns since the epoch)."""
    body: str = ""


class Conversation:
    """Messages of both sides in order of capture, each by its row.

    `table` has the MESSAGES columns and `side`; packet numbers are those of the file. `request` and `response` are None where
    they are not in the capture.
    """

    def __init__(
        self,
        table: Table,
        labels: tuple[tuple[str, ...], ...],
        contents: tuple[Contents, ...],
        secrets: Secrets,
        heads: tuple[Head | None, Head | None],
        *,
        transcripts: bool,
    ) -> None:
        self.table = table
        self.request, self.response = heads
        self._labels = labels
        self._contents = contents
        self._secrets = secrets
        self._transcripts = transcripts
        self._columns: dict[str, Array] = {}

    def __len__(self) -> int:
        return len(self.table)

    @property
    def columns(self) -> dict[str, Array]:
        """Every column of the messages."""
        if not self._columns:
            self._columns = self.table.columns()
        return self._columns

    def label(self, row: int) -> str:
        """The control word or event type of a message, the code of a close; empty for none."""
        if int(self.columns["opcode"][row]) == Opcode.CLOSE:
            code = (self._raw(row) or b"")[:CODE]
            return str(int.from_bytes(code, "big")) if len(code) == CODE else ""
        index = int(self.columns["label"][row])
        return redact(self._labels[int(self.columns["side"][row])][index], self._secrets) if index >= 0 else ""

    def text(self, row: int) -> str | None:
        """What a text message, a control word sent as binary, a ping, a pong or the reason of a close says; None for other
        binary messages and where nothing was kept.
        """
        content, opcode = self._raw(row), int(self.columns["opcode"][row])
        if content is None:
            return None
        if opcode == Opcode.CLOSE:
            content = content[CODE:]
        elif opcode == Opcode.BINARY and int(self.columns["kind"][row]) != Kind.MISPLACED:
            return None
        return self._shown(content.decode("utf-8", "replace"))

    def data(self, row: int) -> bytes | None:
        """The payload of a message. Audio is as it was sent; what may be read as text is redacted."""
        content, opcode = self._raw(row), int(self.columns["opcode"][row])
        if content is None:
            return None
        head = b""
        if opcode == Opcode.CLOSE:
            head, content = content[:CODE], content[CODE:]
        if int(self.columns["kind"][row]) == Kind.AUDIO and content.lstrip()[:1] not in (b"{", b"["):
            return content
        try:
            said = content.decode("utf-8")
        except UnicodeDecodeError:
            return head + redact(content.decode("latin-1"), self._secrets).encode("latin-1", "replace")
        return head + self._shown(said).encode()

    def _shown(self, said: str) -> str:
        """Text without secrets, and without recognised words where those are not wanted."""
        return redact_message(said if self._transcripts else _without_words(said), self._secrets)

    def _raw(self, row: int) -> bytes | None:
        side = int(self.columns["side"][row])
        return self._contents[side].of(int(self.columns["number"][row]))


def _without_words(said: str) -> str:
    """JSON whose SPOKEN strings are left out, at any depth; other text as it is."""
    try:
        top = [json.loads(said)]
    except (ValueError, RecursionError):
        return said
    waiting: list[Any] = [top]
    changed = False
    while waiting:
        item = waiting.pop()
        for key, value in list(item.items() if isinstance(item, dict) else enumerate(item)):
            if isinstance(value, dict | list):
                waiting.append(value)
            elif isinstance(value, str) and value and key in SPOKEN:
                item[key], changed = LEFT_OUT, True
    return json.dumps(top[0], ensure_ascii=False) if changed else said
