"""Audio comes out of base64, JSON and RTP as it went in, in any pieces; what is none gives nothing."""

import base64
import json
import struct
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.audio.unwrap import Piece, rtp_payload, stated, unwrapped

AUDIO = bytes(range(256)) * 5


def out(wrapping: str, messages: Sequence[Piece]) -> bytes:
    return b"".join(piece for piece in unwrapped(wrapping, messages) if isinstance(piece, bytes))


@given(st.binary(max_size=300), st.lists(st.integers(0, 400), max_size=6), st.booleans())
def test_base64_in_any_pieces(audio: bytes, cuts: list[int], lines: bool) -> None:
    text = base64.encodebytes(audio) if lines else base64.urlsafe_b64encode(audio)
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    assert out("base64", [text[begin:end] for begin, end in pairwise(places)]) == audio


@pytest.mark.parametrize("size", [1, 2, 3, 160, 161])
def test_base64_with_an_end_for_each_message(size: int) -> None:
    parts = [AUDIO[at : at + size] for at in range(0, len(AUDIO), size)]
    assert out("base64", [base64.b64encode(part) for part in parts]) == AUDIO
    assert list(unwrapped("base64", [b"AAEC", 400, b"AAEC"])) == [b"\0\1\2", 300, b"\0\1\2"]


def test_json_of_several_services() -> None:
    text = base64.b64encode(AUDIO).decode()
    sid = "MZ" + "0" * 30
    for message in (
        {"event": "media", "streamSid": sid, "media": {"track": "inbound", "payload": text}},
        {"type": "input_audio_buffer.append", "audio": text},
        {"realtime_input": {"media_chunks": [{"mime_type": "audio/pcm", "data": text}]}},
        {"id": sid, "unknown": text},
    ):
        assert out("json", [json.dumps(message).encode()]) == AUDIO
    assert out("json", [json.dumps({"audio": text}).replace("/", "\\/").encode()]) == AUDIO
    for nothing in (
        b"",
        b"{",
        b"[" * 100_000,
        b'{"event": "mark"}',
        b'{"audio": 7}',
        b"\xff\xfe",
        b'{"audio": "no base64 here!!!"}',
    ):
        assert out("json", [nothing]) == b""


def test_what_json_states() -> None:
    form = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
    start = json.dumps({"event": "start", "start": {"mediaFormat": form}}).encode()
    assert stated("json", [b'{"event": "connected"}', 7, start]) == ("mulaw", 8000, 1)
    odd = json.dumps({"start": {"mediaFormat": {"encoding": 7, "sampleRate": "x", "channels": -1}}}).encode()
    assert stated("json", [odd, b"{"]) == (None, None, None)


def packet(flags: int, kind: int, rest: bytes) -> bytes:
    return struct.pack(">BBHII", flags, kind, 1, 2, 3) + rest


def test_rtp_headers_of_every_length() -> None:
    extension = b"\xbe\xde\0\2" + bytes(8)
    assert rtp_payload(packet(0x80, 0, AUDIO)) == AUDIO
    assert rtp_payload(packet(0x82, 0, bytes(8) + AUDIO)) == AUDIO
    assert rtp_payload(packet(0x91, 0, bytes(4) + extension + AUDIO)) == AUDIO
    assert rtp_payload(packet(0xA0, 0, AUDIO + b"\0\0\3")) == AUDIO
    assert [stated("rtp", [packet(0x80, kind | 0x80, b"")])[0] for kind in (0, 8, 9, 96)] == ["mulaw", "alaw", "g722", None]


@given(st.binary(max_size=40))
def test_any_bytes_are_a_packet_or_nothing(data: bytes) -> None:
    assert len(rtp_payload(data)) <= max(len(data) - 12, 0)
    for wrapping in ("json", "base64", "rtp"):
        assert len(out(wrapping, [data])) <= len(data)
