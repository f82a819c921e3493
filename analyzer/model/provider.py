"""What a speech service is to this package: data. A provider's file says where it lives, what it takes and how it ends."""

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum

from analyzer.model.dataclass import dataclass


class EmptyBinary(StrEnum):
    """What an empty binary message means to the service."""

    CLOSES = "closes"
    """A deprecated request to close: mostly sent by accident."""
    ENDS = "ends"
    """The documented end of the audio."""
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class CloseToken:
    """What a code in a close reason means, for instance `NET-0001` in `https://dpgr.am/net0001`."""

    token: str
    """Canonical spelling, upper case with hyphen."""
    meaning: str
    phrase: str = ""
    """Words of the reason that stand for the token where it is not spelled out."""


@dataclass(frozen=True, slots=True)
class AudioParameters:
    """Where a session declares its format: names of query parameters (`query`), or the first text message (`message`)."""

    source: str = "query"
    encoding: str = "encoding"
    sample_rate: str = "sample_rate"
    channels: str = "channels"
    names: Mapping[str, str] = field(default_factory=dict)
    """The service's name of an encoding -> ours (`pcm_s16le` -> `linear16`); names not listed are taken as they are."""
    default_encoding: str | None = None
    default_sample_rate: int | None = None
    message_type: str = ""
    """With `source` = `message`: the `type` of the message, and `message_path` leads to the object with the three names."""
    message_path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Provider:
    """One endpoint of one service. Facts that no document states stay None or empty, and the rules that need them stay silent."""

    name: str
    """As in reports, for instance `deepgram-listen-v1`."""
    title: str
    known: bool = True
    """False for `generic` only."""
    paths: tuple[str, ...] = ()
    """Ends of the request path that identify the endpoint, whatever host and port."""
    hosts: tuple[str, ...] = ()
    """Ends of the host name that identify the service."""
    header_prefix: str = ""
    """Prefix of response header names that identify the service (`dg-`)."""
    request_id_headers: tuple[str, ...] = ()
    error_headers: tuple[str, ...] = ()
    type_key: str = "type"
    """JSON key that names the kind of a text message."""
    client_words: frozenset[str] = frozenset()
    """Types that the client may send as text."""
    server_words: frozenset[str] = frozenset()
    """Types that the server sends as text."""
    keepalive_words: frozenset[str] = frozenset()
    end_words: frozenset[str] = frozenset()
    """Words with which the client says that no audio follows."""
    bare_words: frozenset[str] = frozenset()
    """Control words sent as plain text, not as JSON."""
    error_words: frozenset[str] = frozenset()
    """Types of server messages that report an error or a warning."""
    signature_words: frozenset[str] = frozenset()
    """Client or server types that give the service away where path and headers are not in the capture."""
    client_audio: bool = False
    """The client sends audio in binary messages."""
    server_audio: bool = False
    """The server sends audio in binary messages."""
    text_audio_field: tuple[str, ...] = ()
    """Path to base64 audio inside JSON, for services that want it there."""
    parameters: AudioParameters = AudioParameters()
    containers: bool = False
    """Containers are recognised when no encoding is declared."""
    empty_binary: EmptyBinary = EmptyBinary.NOTHING
    close_tokens: tuple[CloseToken, ...] = ()
    idle_timeout_s: float | None = None
    """The server closes after this long without text or binary from the client, as documented."""
    normal_close: frozenset[int | None] = frozenset({1000})
    """Close codes of a healthy end; None stands for a close frame without a code."""
    status_page: str = ""
    advice: Mapping[str, str] = field(default_factory=dict)
    """HTTP status of a rejected upgrade (`401`) -> what to do."""
    redact_keys: frozenset[str] = frozenset()
    """More names of JSON or query fields whose values are secret."""
