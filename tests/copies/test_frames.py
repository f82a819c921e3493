"""Frames keep their places, whatever their masks, fragments and compression; what cannot be read is overwritten."""

import json
import struct
import zlib
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.copies.frames import Deflate, FrameCover
from analyzer.copies.store import StreamStore
from analyzer.model.limits import DEFAULT
from analyzer.model.redact import NONE, Secrets
from analyzer.model.schema import FRAMES
from analyzer.wire.deflate import Inflater

CONTINUATION, TEXT, BINARY, CLOSE, PING = 0, 1, 2, 8, 9
BEGIN = 7
SECRET = b'{"api_key": "abcdefgh", "n": 1}'
CLEAN = b'{"api_key": "xxxxxxxx", "n": 1}'
SOUND = bytes(range(256)) * 4


class Frame(NamedTuple):
    """A frame as it is sent; of one that is not `complete` the last bytes are missing."""

    opcode: int
    payload: bytes
    fin: int = 1
    rsv: int = 0
    key: bytes = b""
    complete: int = 1

    def header(self) -> bytes:
        """RFC 6455 section 5.2."""
        size, mask = len(self.payload), 0x80 if self.key else 0
        first = self.fin << 7 | self.rsv << 4 | self.opcode
        if size < 126:
            return bytes([first, mask | size]) + self.key
        return struct.pack(">BBH", first, mask | 126, size) + self.key

    def masked(self) -> bytes:
        """The payload as it is sent."""
        return bytes(byte ^ self.key[at % 4] for at, byte in enumerate(self.payload)) if self.key else self.payload


def covered(
    frames: Sequence[Frame],
    deflate: Deflate | None = None,
    secrets: Secrets = NONE,
    tail: bytes = b"",
    *,
    heard: bool = True,
    audio: bool = True,
) -> bytes:
    """The stream of some frames, covered, as a copy writes it; a byte that is not there is a star."""
    store, at = StreamStore(64), BEGIN
    columns = {name: [] for name in ("offset", "header", "length", "opcode", "fin", "rsv", "masked", "key", "complete")}
    for frame in frames:
        header, payload = frame.header(), frame.masked()
        store.add(at, header + (payload if frame.complete else payload[:-3]))
        key = int.from_bytes(frame.key or bytes(4), "big")
        values = (at - BEGIN, len(header), len(payload), frame.opcode, frame.fin, frame.rsv, bool(frame.key), key, frame.complete)
        for column, value in zip(columns.values(), values, strict=True):
            column.append(value)
        at += len(header) + len(payload)
    store.add(at, tail)
    types = {column.name: column.dtype for column in FRAMES}
    arrays = {name: np.array(column, types[name]) for name, column in columns.items()}
    cover = FrameCover(store, BEGIN, arrays, secrets, DEFAULT, deflate, heard=heard, audio=audio)
    cover.run()
    end, done, found = at + len(tail), BEGIN, b""
    for one, two in store.there(BEGIN, end):
        found += b"*" * (one - done) + cover.patches.read(store, one, two)
        done = two
    return found + b"*" * (end - done)


def sent(*frames: Frame) -> bytes:
    return b"".join(frame.header() + frame.masked() for frame in frames)


KEYS = st.sampled_from([b"", b"\x11\x22\x33\x44", b"\0\0\0\0", b"\xff\1\xfe\2"])


@given(st.lists(st.integers(0, len(SECRET)), max_size=4), st.lists(KEYS, min_size=6, max_size=6))
def test_a_message_in_any_fragments_is_covered(cuts: list[int], keys: list[bytes]) -> None:
    edges = [0, *sorted(cuts), len(SECRET)]
    parts = list(pairwise(edges))

    def frames(message: bytes) -> list[Frame]:
        return [
            Frame(CONTINUATION if row else TEXT, message[one:two], int(row == len(parts) - 1), 0, keys[row])
            for row, (one, two) in enumerate(parts)
        ]

    others = [Frame(BINARY, SOUND, key=keys[-1]), Frame(PING, b"")]
    assert covered([*others, *frames(SECRET), *others]) == sent(*others, *frames(CLEAN), *others)


@pytest.mark.parametrize(
    ("frame", "clean"),
    [
        (Frame(BINARY, SECRET), CLEAN),
        (Frame(BINARY, SECRET.replace(b"1", b"1" * 900)), CLEAN.replace(b"1", b"1" * 900)),
        (Frame(BINARY, SOUND), SOUND),
        (Frame(BINARY, b"\0\1token=abc"), b"\0\1token=abc"),
        (Frame(BINARY, b"[" + bytes(range(128, 160)) * 2), b"[" + bytes(range(128, 160)) * 2),
        (Frame(PING, b"time 4711"), b"xxxxxxxxx"),
        (Frame(CLOSE, b"\3\xf3token=abc1"), b"\3\xf3token=xxxx"),
        (Frame(CLOSE, b"\3"), b"\3"),
        (Frame(TEXT, b"not utf-8 \xff"), b"xxxxxxxxxx\xff"),
        (Frame(CONTINUATION, b"stray"), b"xxxxx"),
        (Frame(3, b"reserved"), b"xxxxxxxx"),
        (Frame(11, b"reserved"), b"xxxxxxxx"),
        (Frame(TEXT, b"compressed?", rsv=4), b"compressed?"),
    ],
)
def test_each_kind_of_frame(frame: Frame, clean: bytes) -> None:
    assert covered([frame]) == sent(frame._replace(payload=clean))


def test_binary_messages_that_are_no_audio_are_overwritten() -> None:
    assert covered([Frame(BINARY, SOUND), Frame(BINARY, SECRET)], heard=False) == sent(
        Frame(BINARY, SOUND.translate(bytes(one if one in b"\r\n" else 120 for one in range(256)))), Frame(BINARY, CLEAN)
    )


def test_audio_becomes_noise_on_request() -> None:
    frames = [Frame(BINARY, SOUND), Frame(BINARY, SOUND), Frame(TEXT, b"QUJD" * 30)]
    found = covered(frames, audio=False)
    assert len(found) == len(sent(*frames))
    assert found[4:68] == SOUND[:64]
    first, second = found[68 : 4 + len(SOUND)], found[8 + len(SOUND) : 8 + 2 * len(SOUND)]
    assert SOUND[64:80] not in found
    assert first[:60] not in second
    assert found.endswith(b"x" * 120)


def test_what_an_agent_is_to_say_is_overwritten_with_transcripts() -> None:
    frame = Frame(TEXT, b'{"type": "InjectAgentMessage", "message": "hello"}')
    assert covered([frame], secrets=Secrets(names=frozenset({"transcript"}))).endswith(b'"message": "xxxxx"}')
    error = Frame(TEXT, b'{"type": "Error", "message": "hello"}')
    assert covered([error], secrets=Secrets(names=frozenset({"transcript"}))) == sent(error)


def test_a_torn_text_is_overwritten_and_torn_audio_stays() -> None:
    key = b"\1\2\3\4"
    text, audio = Frame(TEXT, SECRET, key=key, complete=0), Frame(BINARY, SOUND, complete=0)
    found = covered([text, audio, Frame(TEXT, SECRET)])
    assert found == (
        text.header()
        + text._replace(payload=b"x" * len(SECRET)).masked()[:-3]
        + b"***"
        + sent(audio)[:-3]
        + b"***"
        + sent(Frame(TEXT, CLEAN))
    )


def test_bytes_outside_frames_are_overwritten_but_for_a_header_that_is_cut() -> None:
    assert covered([Frame(TEXT, b"hi")], tail=b"\x81\xfe\1") == sent(Frame(TEXT, b"hi")) + b"\x81\xfe\1"
    assert covered([Frame(TEXT, b"hi")], tail=SECRET) == sent(Frame(TEXT, b"hi")) + b"x" * len(SECRET)
    assert covered([], tail=SECRET + b"\n") == b"x" * (len(SECRET) + 1)


class Compressed:
    """Messages through one compressor, or through a new one each."""

    def __init__(self, *, takeover: bool) -> None:
        self._takeover = takeover
        self._compressor = zlib.compressobj(wbits=-15)

    def frame(self, opcode: int, message: bytes, cut: int | None = None) -> list[Frame]:
        """One message, in two fragments where it is `cut`."""
        if not self._takeover:
            self._compressor = zlib.compressobj(wbits=-15)
        payload = (self._compressor.compress(message) + self._compressor.flush(zlib.Z_SYNC_FLUSH)).removesuffix(b"\0\0\xff\xff")
        if cut is None:
            return [Frame(opcode, payload, 1, 4)]
        return [Frame(opcode, payload[:cut], 0, 4), Frame(CONTINUATION, payload[cut:], 1)]


def inflated(stream: bytes, *, takeover: bool) -> list[bytes]:
    """Messages of unmasked frames."""
    found, at, content, decoder = [], 0, b"", zlib.decompressobj(-15)
    while at < len(stream):
        size, head = stream[at + 1], 2
        if size == 126:
            size, head = int.from_bytes(stream[at + 2 : at + 4], "big"), 4
        content += stream[at + head : at + head + size]
        if stream[at] & 0x80:
            found.append(decoder.decompress(content + b"\0\0\xff\xff"))
            content = b""
            decoder = decoder if takeover else zlib.decompressobj(-15)
        at += head + size
    return found


@pytest.mark.parametrize("takeover", [True, False])
@given(st.lists(st.sampled_from([0, 1, 2, 3]), max_size=12), st.integers(0, 20))
def test_compressed_messages_are_deflated_anew(takeover: bool, which: list[int], cut: int) -> None:
    said = [(TEXT, SECRET), (BINARY, SOUND), (TEXT, json.dumps({"type": "KeepAlive"}).encode()), (TEXT, SECRET * 3)]
    sender = Compressed(takeover=takeover)
    frames = [frame for one in which for frame in sender.frame(*said[one], cut=cut if one == 0 else None)]
    found = covered(frames, Deflate(Inflater(1 << 20, takeover=takeover), takeover, 15))
    clean = [CLEAN, SOUND, said[2][1], SECRET.replace(b"abcdefgh", b"xxxxxxxx") * 3]
    assert inflated(found, takeover=takeover) == [clean[one] for one in which]
    if not {0, 3} & set(which):
        assert found == sent(*frames)


def test_a_message_that_does_not_inflate_is_overwritten() -> None:
    deflate = Deflate(Inflater(1 << 20, takeover=True), takeover=True, window=15)
    broken = Frame(TEXT, b"\xff\xfe\xfd token=abc", rsv=4)
    assert covered([broken], deflate) == sent(broken._replace(payload=b"x" * 13))


@pytest.mark.parametrize("key", [b"", b"\1\2\3\4"])
@pytest.mark.parametrize("fin", [0, 1])
def test_json_in_place_of_audio_is_overwritten_though_part_of_it_is_missing(key: bytes, fin: int) -> None:
    frame = Frame(BINARY, SECRET, fin, key=key, complete=0)
    clean = Frame(BINARY, b"x" * len(SECRET), fin, key=key)
    assert covered([frame]) == clean.header() + clean.masked()[:-3] + b"***"


@pytest.mark.parametrize("sound", [b"U" * 99, b"\xff" * 99, SOUND, b"{" + SOUND, b"["])
def test_audio_stays_though_part_of_it_is_missing(sound: bytes) -> None:
    frame = Frame(BINARY, sound + bytes(3), complete=0)
    assert covered([frame]) == frame.header() + (sound if sound != b"[" else b"x") + b"***"
