"""Takes audio out of what it was mistakenly sent in: base64, JSON with base64 inside, RTP packets.

In: whole messages in order, and holes as numbers of missing bytes. Out: the audio of every message, and holes as about so many
bytes of it. What cannot be read gives nothing; nothing is held back beyond a message and three characters.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from analyzer.audio.headers import RTP_PAYLOADS, Stated

Piece = bytes | int
"""The bytes of a message, or how many bytes are missing here."""

_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_BLANK = b" \t\r\n"
_QUANTUM = 4
"""Characters of base64 that are three bytes."""
_KEYS = ("payload", "audio", "audio_data", "data", "chunk", "content", "bytes")
"""Names under which services have base64 in JSON, the most telling first."""
_SHORTEST = 16
"""Characters of a text that may be audio."""
_DEPTH = 4
_CHARACTERS = re.compile(r"[A-Za-z0-9+/_\-]+={0,2}")
_RTP_HEADER = 12
_FORMATS = {"audio/x-mulaw": "mulaw", "audio/x-alaw": "alaw", "audio/pcmu": "mulaw", "audio/pcma": "alaw", "audio/l16": "pcm_s16be"}
"""Encodings as JSON messages name them; `audio/L16` is big-endian (RFC 2586)."""


def unwrapped(wrapping: str, messages: Iterable[Piece]) -> Iterator[Piece]:
    """The audio inside `base64`, `json` or `rtp`."""
    if wrapping == "base64":
        return _from_base64(messages)
    one = _from_json if wrapping == "json" else rtp_payload
    share = 1.0 if wrapping == "rtp" else 0.5
    return (round(piece * share) if isinstance(piece, int) else one(piece) for piece in messages)


def stated(wrapping: str, messages: Iterable[Piece]) -> Stated:
    """What the wrapping itself says of the audio: encoding, sample rate, channels."""
    for piece in messages:
        if isinstance(piece, int):
            continue
        if wrapping == "rtp" and len(piece) > 1:
            return RTP_PAYLOADS.get(piece[1] & 0x7F, (None, None, None))
        if wrapping == "json" and (found := _format(_loaded(piece))) != (None, None, None):
            return found
    return None, None, None


def rtp_payload(packet: bytes) -> bytes:
    """What follows the header of an RTP packet (RFC 3550 section 5.1), its sources and its extension, without padding."""
    if len(packet) < _RTP_HEADER:
        return b""
    begin = _RTP_HEADER + 4 * (packet[0] & 0x0F)
    if packet[0] & 0x10 and begin + 4 <= len(packet):
        begin += 4 + 4 * int.from_bytes(packet[begin + 2 : begin + 4], "big")
    end = len(packet) - (packet[-1] if packet[0] & 0x20 else 0)
    return packet[begin:end]


def _from_base64(messages: Iterable[Piece]) -> Iterator[Piece]:
    """Texts with an end each, or one long text in pieces: padding and whole quanta tell where to cut."""
    held = b""
    for piece in messages:
        if isinstance(piece, int):
            held = b""
            yield piece * 3 // _QUANTUM
            continue
        text = held + piece.translate(_URL_SAFE, _BLANK)
        decoded = bytearray()
        *ended, held = re.split(rb"=+", text)
        for part in ended:
            decoded += _decoded(part)
        whole = len(held) - len(held) % _QUANTUM
        decoded += _decoded(held[:whole])
        held = held[whole:]
        yield bytes(decoded)


def _decoded(text: bytes) -> bytes:
    """Base64 without its padding; nothing for what is none."""
    text = text[: len(text) - (len(text) % _QUANTUM == 1)]
    try:
        return base64.b64decode(text + b"=" * (-len(text) % _QUANTUM), validate=True)
    except binascii.Error:
        return b""


def _from_json(message: bytes) -> bytes:
    """The audio of one JSON message: under a known name, else the longest base64 in it."""
    texts = sorted(_texts(_loaded(message), "", _DEPTH), key=lambda found: (found[0] not in _KEYS, -len(found[1])))
    for _, text in texts:
        if audio := _decoded(text.encode().translate(_URL_SAFE, _BLANK).rstrip(b"=")):
            return audio
    return b""


def _texts(value: Any, name: str, depth: int) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - JSON is what it is
    """Texts that may be base64, each with its name."""
    if isinstance(value, str):
        if len(value) >= _SHORTEST and (len(value) % _QUANTUM == 0 or name in _KEYS) and _CHARACTERS.fullmatch(value):
            yield name, value
    elif depth and isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _texts(inner, key.lower(), depth - 1)
    elif depth and isinstance(value, list):
        for inner in value:
            yield from _texts(inner, name, depth - 1)


def _loaded(message: bytes) -> Any:  # noqa: ANN401 - JSON is what it is
    try:
        return json.loads(message)
    except (ValueError, RecursionError):
        return None


def _format(value: Any) -> Stated:  # noqa: ANN401 - JSON is what it is
    """The media format that Twilio and its like state in their `start` message."""
    start = value.get("start") if isinstance(value, Mapping) else None
    form = (start.get("mediaFormat") or start.get("media_format")) if isinstance(start, Mapping) else None
    if not isinstance(form, Mapping):
        return None, None, None
    encoding, rate, channels = form.get("encoding"), form.get("sampleRate", form.get("sample_rate")), form.get("channels")
    name = _FORMATS.get(encoding.lower()) if isinstance(encoding, str) else None
    return name, rate if type(rate) is int and rate > 0 else None, channels if type(channels) is int and channels > 0 else None
