"""Audio of captures as it is dumped, against the ffmpeg program decoding the same bytes: PCM and G.711 are identical, lossy codecs
differ by rounding alone, and lengths by less than a codec frame.
"""

import json
import struct
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

import analyzer
from analyzer.audio.track import TrackBuilder
from analyzer.model.dataclass import dataclass
from analyzer.model.limits import DEFAULT
from analyzer.model.schema import Opcode, Side
from analyzer.model.settings import Dump, Settings
from analyzer.model.track import AudioFormat

CAPTURES = Path(__file__).parents[2] / "captures"
ROUNDING_DB = -60


class Sent(NamedTuple):
    """Bytes and messages as the client sent them, and the WAV file made of them."""

    raw: bytes
    messages: list[bytes]
    wav: Path


def dumped(name: str, folder: Path) -> Sent:
    """Through the public API."""
    (capture,) = (CAPTURES / name).glob("capture.pcap*")
    report = analyzer.analyze(str(capture), settings=Settings(dump=Dump(folder, raw=True)))
    (session,) = report.captures[0].sessions
    files = session.audio["client"]["files"]
    raw = Path(files["raw"]).read_bytes()
    frames = session.frames
    mine = (frames["side"] == Side.CLIENT) & (frames["opcode"] == Opcode.BINARY)
    ends = np.cumsum(frames["length"][mine]).tolist()
    assert not ends or ends[-1] == len(raw)
    return Sent(raw, [raw[begin:end] for begin, end in zip([0, *ends], ends, strict=False)], Path(files["wav"]))


def ogg(head: bytes, packets: Sequence[bytes], samples: int) -> bytes:
    """A stream with one packet of `samples` per page (RFC 3533 section 6): what the program needs around bare packets."""
    out = b""
    for number, packet in enumerate((head, b"tags" if head[:5] == b"Speex" else b"OpusTags" + bytes(8), *packets)):
        lacing = bytes([255] * (len(packet) // 255) + [len(packet) % 255])
        position = max(number - 1, 0) * samples
        page = (
            struct.pack("<4sBBQIII", b"OggS", 0, 2 * (number == 0), position, 7, number, 0) + bytes([len(lacing)]) + lacing + packet
        )
        register = 0
        for octet in page:
            register ^= octet << 24
            for _ in range(8):
                register = (register << 1 ^ (0x04C11DB7 if register >> 31 else 0)) & 0xFFFFFFFF
        out += page[:22] + struct.pack("<I", register) + page[26:]
    return out


OPUS_HEAD = b"OpusHead" + struct.pack("<BBHIhB", 1, 1, 0, 48000, 0, 0)
SPEEX_HEAD = b"Speex   " + bytes(20) + struct.pack("<13i", 1, 80, 8000, 0, 4, 1, -1, 160, 0, 2, 0, 0, 0)


@dataclass(frozen=True)
class Case:
    """How the program is given what was sent, and the most samples by which the length may differ: 0 for what must be identical."""

    options: tuple[str, ...] = ()
    frame: int = 0
    wrap: Callable[[Sent], bytes] = lambda sent: sent.raw
    wide: bool = False


CASES = {
    "healthy-linear16": Case(("-f", "s16le", "-ar", "16000", "-ac", "1")),
    "healthy-linear32": Case(("-f", "f32le", "-ar", "8000", "-ac", "1"), wide=True),
    "healthy-mulaw": Case(("-f", "mulaw", "-ar", "8000", "-ac", "1")),
    "healthy-alaw": Case(("-f", "alaw", "-ar", "8000", "-ac", "1")),
    "healthy-flac": Case(),
    "healthy-wav-streamed": Case(),
    "healthy-aiff": Case(),
    "healthy-au": Case(),
    "healthy-caf": Case(),
    "healthy-ogg-opus": Case(frame=960),
    "healthy-webm-opus": Case(frame=960),
    "healthy-opus-packets": Case(frame=2880, wrap=lambda sent: ogg(OPUS_HEAD, sent.messages, 2880)),
    "healthy-speex-ogg": Case(frame=320),
    "healthy-speex-packets": Case(frame=320, wrap=lambda sent: ogg(SPEEX_HEAD, sent.messages, 320)),
    "healthy-amr-nb": Case(frame=160),
    "healthy-amr-wb": Case(frame=320, wrap=lambda sent: b"#!AMR-WB\n" + sent.raw),
    "healthy-g729": Case(("-f", "g729"), frame=80),
    "healthy-ogg-vorbis": Case(frame=1024),
    "healthy-mp3": Case(frame=1152),
    "healthy-mp4-fragmented": Case(frame=1024),
    "healthy-aac": Case(frame=1024),
}


def program(data: bytes, folder: Path, *options: str, wide: bool = False) -> np.ndarray[Any, Any]:
    """What the program decodes, from a file, in which it can seek."""
    path = folder / "as-sent"
    path.write_bytes(data)
    form = "f32le" if wide else "s16le"
    command = ["ffmpeg", "-v", "error", *options, "-i", str(path), "-f", form, "-c:a", f"pcm_{form}", "-"]
    return np.frombuffer(subprocess.run(command, check=True, capture_output=True).stdout, "<f4" if wide else "<i2")


def difference_db(ours: np.ndarray[Any, Any], theirs: np.ndarray[Any, Any]) -> float:
    """RMS of the difference over RMS of the signal."""
    size = min(len(ours), len(theirs))
    signal, wrong = theirs[:size].astype(np.float64), ours[:size].astype(np.float64) - theirs[:size]
    return float(10 * np.log10(max(np.square(wrong).mean(), 1e-9) / np.square(signal).mean()))


@pytest.mark.usefixtures("ffmpeg")
@pytest.mark.parametrize("name", CASES)
def test_dumped_audio_is_that_of_the_program(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    sent = dumped(name, tmp_path)
    theirs = program(case.wrap(sent), tmp_path, *case.options, wide=case.wide)
    ours, _ = soundfile.read(sent.wav, dtype="float32" if case.wide else "int16")
    if case.frame:
        assert difference_db(ours, theirs) <= ROUNDING_DB
        assert abs(len(ours) - len(theirs)) <= case.frame
    else:
        assert np.array_equal(ours, theirs)


@pytest.mark.usefixtures("ffmpeg")
def test_a_file_per_message_is_joined(tmp_path: Path) -> None:
    sent = dumped("wav-per-chunk", tmp_path)
    theirs = np.concatenate([program(message, tmp_path) for message in sent.messages])
    assert np.array_equal(soundfile.read(sent.wav, dtype="int16")[0], theirs)


def written(declared: AudioFormat, messages: Sequence[bytes]) -> tuple[np.ndarray[Any, Any], str | None]:
    """Samples of the WAV file that messages lead to, and the problem."""
    with tempfile.TemporaryDirectory() as folder:
        track = TrackBuilder(declared, DEFAULT, containers=True, side=Side.CLIENT, dump=Dump(Path(folder)))
        for message in messages:
            track.feed(np.frombuffer(message, np.uint8), np.array([len(message)], np.int64))
        problem = track.finish(None, missing=False).problem
        return soundfile.read(track.keep("x")["files"]["wav"], dtype="float32")[0], problem


@pytest.mark.parametrize("name", sorted(set(CASES) - {"healthy-opus-packets", "healthy-speex-packets"}))
@settings(max_examples=10)
@given(cuts=st.lists(st.floats(0, 1), max_size=12), data=st.data())
def test_any_cut_into_messages_gives_the_same_samples(name: str, cuts: list[float], data: st.DataObject) -> None:
    """But of bare packets that do not tell their size: they are one or more whole ones per message."""
    raw, declared = sent_bytes(name)
    first = data.draw(st.integers(0, 40))
    places = [0, *sorted({min(first, len(raw)), *(int(cut * len(raw)) for cut in cuts)}), len(raw)]
    parts, problem = written(declared, [raw[begin:end] for begin, end in pairwise(places)])
    whole, same_problem = written(declared, [raw])
    assert np.array_equal(parts, whole)
    assert problem == same_problem


@cache
def sent_bytes(name: str) -> tuple[bytes, AudioFormat]:
    """What the client sent, and what it declared."""
    with tempfile.TemporaryDirectory() as folder:
        raw = dumped(name, Path(folder)).raw
    shape = json.loads((CAPTURES / name / "expected.json").read_text())["sessions"][0]["audio"]["client"].get("format")
    if "-linear16" in name:
        return raw, AudioFormat(None, "linear16", 16000, 1)
    if "-mulaw" in name:
        return raw, AudioFormat(None, "mulaw", 8000, 1)
    bare = "speex" in name or (shape is not None and shape["container"] in (None, "amr", "flac"))
    return raw, AudioFormat(None, shape["encoding"], shape["sample_rate"], 1) if bare else AudioFormat()


def test_every_capture_with_audio_to_hear_is_in_the_table() -> None:
    healthy = {path.name for path in CAPTURES.glob("healthy-*")}
    assert healthy - {"healthy-gap-with-keepalive"} == set(CASES)
