"""The audio format that a session declares: in its query, in its first message, or by option. Nothing is guessed here."""

from collections.abc import Mapping
from typing import Any

from analyzer.model.provider import Provider
from analyzer.model.schema import Side
from analyzer.model.session import Request
from analyzer.model.settings import Settings
from analyzer.model.track import AudioFormat

DIGITS = 9


def declared_in_query(provider: Provider, request: Request | None, settings: Settings) -> AudioFormat:
    """What the request's parameters say, and what the options say instead."""
    names, query = provider.parameters, request.query if request else {}
    if names.source != "query":
        return _with_options(AudioFormat(), settings)
    encoding = query.get(names.encoding)
    stated = AudioFormat(
        None,
        names.names.get(encoding, encoding) if encoding else names.default_encoding,
        _whole(query.get(names.sample_rate)) or names.default_sample_rate,
        _whole(query.get(names.channels)),
    )
    return _with_options(stated, settings)


def declared_in_message(
    provider: Provider, label: str, value: Mapping[str, Any], settings: Settings, side: Side
) -> AudioFormat | None:
    """What a first message says of the audio of a side; None when it is not that message."""
    names = provider.parameters
    if label != names.message_type:
        return None
    path = (
        names.message_path if side is Side.CLIENT else tuple("output" if step == "input" else step for step in names.message_path)
    )
    found: Any = value
    for step in path:
        found = found.get(step) if isinstance(found, Mapping) else None
    if not isinstance(found, Mapping):
        found = {}
    encoding = found.get(names.encoding)
    if not isinstance(encoding, str):
        encoding = names.default_encoding
    stated = AudioFormat(
        None,
        names.names.get(encoding, encoding) if encoding else None,
        _whole(found.get(names.sample_rate)) or names.default_sample_rate,
        _whole(found.get(names.channels)),
        "message",
    )
    return _with_options(stated, settings)


def _with_options(stated: AudioFormat, settings: Settings) -> AudioFormat:
    if settings.encoding is None and settings.sample_rate is None and settings.channels is None:
        return stated
    return AudioFormat(
        stated.container,
        settings.encoding or stated.encoding,
        settings.sample_rate or stated.sample_rate,
        settings.channels or stated.channels,
        "option",
    )


def _whole(value: Any) -> int | None:  # noqa: ANN401 - a query parameter or JSON
    """A positive whole number, written as one."""
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= DIGITS and int(text) > 0 else None
