"""What is this message? By opcode, content and the provider's vocabulary; nothing here says whether that is good or bad.

In: one text message, or a short binary one. Out: its Kind, its label (control word or event type), and its base64 audio where it
has some.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from analyzer.model.provider import Provider
from analyzer.model.schema import Kind

LONGEST_CONTROL = 512
"""A control message in a binary frame is short; longer ones are not looked at."""
SHORTEST_BASE64 = 64
"""Shorter runs of these letters may be anything."""
BASE64 = re.compile(r"[A-Za-z0-9+/\-_\r\n]+={0,2}")  # no two parts take the same letters: fails in linear time
DATA_URI = "data:"
DEEPEST = 4
_BLANK = " \t\n\r"
"""White space of JSON (RFC 8259 section 2)."""
_READ = json.JSONDecoder().raw_decode
"""`json.loads` without its three calls around this one: there are thousands of messages."""


class Classified(NamedTuple):
    """`value` is the JSON object where the message is one, `audio` what its base64 holds where the provider wants audio there."""

    kind: Kind
    label: str = ""
    value: Mapping[str, Any] | None = None
    audio: bytes | None = None


_NO_OBJECT = Classified(Kind.TEXT)


def client_text(text: str, provider: Provider) -> Classified:
    """A text message of the client."""
    value = parse(text)
    strange = Kind.MALFORMED if provider.known and provider.client_words else Kind.TEXT
    if value is None:
        word = text.strip()
        if word in provider.bare_words:
            return Classified(Kind.CONTROL, word)
        return Classified(Kind.BASE64 if is_base64(word) else strange)
    label = _label(value, provider)
    if provider.text_audio_field:
        found = _at(value, provider.text_audio_field)
        if isinstance(found, str) and (audio := _decoded(found)) is not None:
            return Classified(Kind.AUDIO, label, value, audio)
    if label in provider.client_words:
        return Classified(Kind.CONTROL, label, value)
    return Classified(Kind.BASE64 if _holds_base64(value) else strange, label, value)


def client_binary(content: bytes, provider: Provider) -> Classified | None:
    """A short binary message of the client that looks like text: a control word in the wrong place, in any spelling, or None for
    audio.
    """
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    if text.strip() in provider.bare_words:
        return Classified(Kind.MISPLACED, text.strip())
    value = parse(text) or parse(text.replace("'", '"'))
    label = _label(value, provider).strip() if value is not None else ""
    if value is None or not label:
        return None
    meant = next((word for word in provider.client_words if word.casefold() == label.casefold()), "")
    if meant or (provider.known and not _holds_base64(value)):
        return Classified(Kind.MISPLACED, meant or label, value)
    return None


def server_text(text: str, provider: Provider) -> Classified:
    """A text message of the server."""
    value = parse(text)
    if value is None:
        return _NO_OBJECT
    label = _label(value, provider)
    return Classified(Kind.EVENT if label else Kind.TEXT, label, value)


def parse(text: str) -> dict[str, Any] | None:
    """The JSON object that a text is, None when it is anything else."""
    text = text.strip(_BLANK)
    if not text.startswith("{"):
        return None
    try:
        value, end = _READ(text)
    except (ValueError, RecursionError):
        return None
    return value if end == len(text) else None


def is_base64(text: str) -> bool:
    """Whether a text is base64 of some length and nothing else: in one line or several, padded or not, or as a data URI."""
    if text.startswith(DATA_URI):
        text = text.partition(",")[2]
    return len(text) >= SHORTEST_BASE64 and BASE64.fullmatch(text.rstrip()) is not None and _letters(text) % 4 != 1


def _letters(text: str) -> int:
    """Letters of base64 without line ends and padding: one more than whole groups of four is no bytes."""
    return len(text) - sum(map(text.count, "\r\n= \t"))


def _label(value: Mapping[str, Any], provider: Provider) -> str:
    key = provider.type_key
    label = value.get(key) if key in value else value.get("type")
    return label if isinstance(label, str) and len(label) <= SHORTEST_BASE64 else ""


def _at(value: Any, path: tuple[str, ...]) -> Any:  # noqa: ANN401 - JSON is what it is
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _holds_base64(value: Mapping[str, Any]) -> bool:
    """Whether some field, a few levels deep, is base64."""
    level: list[Any] = list(value.values())
    for _ in range(DEEPEST):
        if any(isinstance(one, str) and is_base64(one) for one in level):
            return True
        level = [inner for one in level if isinstance(one, dict) for inner in one.values()]
    return False
