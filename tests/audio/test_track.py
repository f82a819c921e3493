"""Tracks from messages, as the session builder makes them."""

import base64
import hashlib
import io
import struct
import wave
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from analyzer.audio.track import TrackBuilder
from analyzer.model.limits import DEFAULT
from analyzer.model.schema import Side
from analyzer.model.settings import Dump
from analyzer.model.track import AudioFormat, Track

Voice = Callable[..., np.ndarray[Any, Any]]
LINEAR16 = AudioFormat(None, "linear16", 16000, 1)
MULAW = AudioFormat(None, "mulaw", 8000, None)


def fed(declared: AudioFormat, pieces: list[bytes | int], *, dump: Dump | None = None, containers: bool = True) -> TrackBuilder:
    """Messages, and holes as numbers."""
    made = TrackBuilder(declared, DEFAULT, containers=containers, side=Side.CLIENT, dump=dump)
    for piece in pieces:
        if isinstance(piece, int):
            made.lost(piece)
        else:
            made.feed(np.frombuffer(piece, np.uint8), np.array([len(piece)], np.int64))
    return made


def test_raw_audio_is_measured_as_declared(voice: Voice, track: Callable[..., Track]) -> None:
    data = voice(16000, 2).tobytes()
    got = track(data, LINEAR16)
    samples = voice(16000, 2).astype(np.int64)
    assert (got.bytes, got.messages) == (64000, 100)
    assert got.sha256 == hashlib.sha256(data).hexdigest()
    assert got.format == LINEAR16
    assert (got.decodable, got.problem, got.actual) == (True, None, None)
    assert got.duration_s == 2.0
    assert got.bytes_per_second == 32000
    assert got.peak_dbfs == round(20 * np.log10(np.abs(samples).max() / 32768), 2)
    assert got.rms_dbfs == round(10 * np.log10((samples**2).sum() / len(samples) / 32768**2), 2)
    assert got.head == data[:4096]


@given(
    st.sampled_from([LINEAR16, MULAW, AudioFormat(None, "linear32", 8000, 2)]),
    st.binary(max_size=3000),
    st.lists(st.integers(0, 3000)),
)
def test_any_cut_into_messages_gives_the_same_track(declared: AudioFormat, data: bytes, cuts: list[int]) -> None:
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    whole = fed(declared, [data]).finish(None, missing=False)
    parts = fed(declared, [data[begin:end] for begin, end in pairwise(places)]).finish(None, missing=False)
    assert replace(parts, messages=1) == whole


def test_many_messages_in_one_call(voice: Voice) -> None:
    data = voice(8000, 1).tobytes()
    made = TrackBuilder(LINEAR16, DEFAULT, containers=True, side=Side.CLIENT, dump=None)
    made.feed(np.frombuffer(b"x" + data, np.uint8)[1:], np.full(50, len(data) // 50))
    got = made.finish(None, missing=False)
    assert (got.messages, got.sha256) == (50, hashlib.sha256(data).hexdigest())


def test_all_zeros_have_no_level_but_are_silence(track: Callable[..., Track]) -> None:
    got = track(bytes(64000), LINEAR16)
    assert (got.peak_dbfs, got.rms_dbfs, got.digital_silence_s) == (None, None, 2.0)
    muted = track(b"\xff" * 8000, MULAW)
    assert (muted.peak_dbfs, muted.digital_silence_s, muted.format.channels) == (None, 1.0, 1)


@pytest.mark.parametrize("rate", [None, 0, -8000, 10**12])
def test_a_useless_rate_leaves_the_levels(rate: int | None, track: Callable[..., Track], tmp_path: Path) -> None:
    declared = AudioFormat(None, "linear16", rate, 1)
    got = track(b"\x00\x40" * 1000, declared)
    assert (got.duration_s, got.bytes_per_second, got.peak_dbfs, got.decodable) == (None, None, -6.02, True)
    assert fed(declared, [b"\x00\x40"], dump=Dump(tmp_path)).keep("x")["files"] == {}


def test_useless_channels_count_as_one(track: Callable[..., Track]) -> None:
    assert track(bytes(32000), AudioFormat(None, "linear16", 16000, 4000)).duration_s == 1.0


def test_the_format_may_come_late() -> None:
    made = TrackBuilder(AudioFormat(), DEFAULT, containers=False, side=Side.CLIENT, dump=None)
    made.redeclare(replace(LINEAR16, source="message"))
    made.feed(np.zeros(32000, np.uint8), np.array([32000]))
    assert made.finish(None, missing=False).duration_s == 1.0
    with pytest.raises(ValueError, match="cannot change"):
        made.redeclare(MULAW)


def test_a_wav_in_place_of_mulaw(encoded: Callable[..., bytes], track: Callable[..., Track]) -> None:
    got = track(encoded("eight.wav", "-c:a", "pcm_s16le", "-ar", "8000"), MULAW)
    assert got.decodable is False
    assert got.problem == "Mulaw at 8000 Hz was declared, but the bytes are WAV (linear16, 8000 Hz, 1 channel)."
    assert got.actual is not None
    assert (got.actual.encoding, got.actual.sample_rate, got.actual.container, got.actual.confidence) == (
        "linear16",
        8000,
        "wav",
        "certain",
    )
    assert got.format.encoding == "mulaw"


def test_a_wav_header_before_matching_audio_is_tolerated(encoded: Callable[..., bytes], track: Callable[..., Track]) -> None:
    got = track(encoded("a.wav", "-c:a", "pcm_s16le"), LINEAR16)
    assert got.decodable is True
    assert got.actual is not None
    assert got.actual.container == "wav"
    assert track(encoded("a.wav", "-c:a", "pcm_s16le"), replace(LINEAR16, sample_rate=8000)).decodable is False


@pytest.mark.parametrize(("name", "options", "container"), [
    ("opus.webm", ("-c:a", "libopus"), "webm"), ("opus.ogg", ("-c:a", "libopus"), "ogg"), ("a.mp3", ("-c:a", "libmp3lame"), "mp3"),
    ("a.flac", ("-c:a", "flac"), "flac"), ("fragmented.mp4", ("-c:a", "aac", "-movflags", "frag_keyframe+empty_moov"), "mp4"),
    ("a.aac", ("-c:a", "aac"), "aac"), ("vorbis.ogg", ("-c:a", "libvorbis"), "ogg"), ("a.wav", ("-c:a", "pcm_s16le"), "wav"),
])  # fmt: skip
def test_containers(name: str, options: tuple[str, ...], container: str, encoded: Callable[..., bytes], tmp_path: Path) -> None:
    """Undeclared they decode, under a raw declaration they do not; the WAV file is as long as what went in."""
    data = encoded(name, *options)
    messages: list[bytes | int] = [data[at : at + 333] for at in range(0, len(data), 333)]
    made = fed(AudioFormat(), messages, dump=Dump(tmp_path, raw=True))
    got = made.finish(None, missing=False)
    assert (got.format.container, got.format.source, got.decodable) == (container, "sniffed", True)
    assert got.actual is None
    assert got.duration_s == pytest.approx(3.0, abs=0.15 if container == "aac" else 0.08 if container == "mp4" else 0.02)
    assert got.rms_dbfs is not None
    assert -30 < got.rms_dbfs < -10
    paths = made.keep("one")["files"]
    assert soundfile.info(paths["wav"]).duration == pytest.approx(got.duration_s, abs=0.001)
    assert Path(paths["raw"]).read_bytes() == data
    wrong = fed(replace(LINEAR16, sample_rate=48000), messages).finish(None, missing=False)
    assert wrong.decodable is False
    assert wrong.actual is not None
    assert wrong.actual.container == container


def test_a_streamed_wav_whose_header_states_no_size(encoded: Callable[..., bytes], track: Callable[..., Track]) -> None:
    data = encoded("a.wav", "-c:a", "pcm_s16le")
    at = data.index(b"data") + 4
    for size in (0, 0xFFFFFFFF, 0x7FFFFFFF):
        stream = data[:4] + struct.pack("<I", size) + data[8:at] + struct.pack("<I", size) + data[at + 4 :]
        assert track(stream).duration_s == 3.0


def test_a_stream_without_its_header(encoded: Callable[..., bytes], track: Callable[..., Track]) -> None:
    data = encoded("opus.webm", "-c:a", "libopus")
    cut = data[data.index(b"\x1f\x43\xb6\x75") :]
    got = track(cut)
    assert (got.decodable, got.format.container) == (False, "webm")
    assert got.problem is not None
    assert "header was never sent" in got.problem
    assert track(cut, missing=True).decodable is None


def test_raw_bytes_without_a_declaration(voice: Voice, track: Callable[..., Track]) -> None:
    data = voice(16000, 4).tobytes()
    got = track(data)
    assert got.decodable is False
    assert got.problem is not None
    assert got.problem.startswith("Raw bytes without a declaration")
    assert got.actual is not None
    assert (got.actual.encoding, got.actual.confidence) == ("linear16", "hint")
    assert track(data, containers=False).decodable is None
    assert track(data, missing=True).decodable is None


def test_text_in_place_of_audio(voice: Voice, track: Callable[..., Track]) -> None:
    text = base64.b64encode(voice(8000, 1).tobytes())
    for declared in (LINEAR16, MULAW, AudioFormat()):
        got = track(text, declared)
        assert got.decodable is False
        assert got.actual is not None
        assert got.actual.container == "base64"
    assert track(text, containers=False).decodable is None


def test_rtp_headers_left_on(ffmpeg: Callable[..., bytes], voice: Voice, track: Callable[..., Track]) -> None:
    audio = ffmpeg(voice(8000, 1).tobytes(), "-f", "s16le", "-ar", "8000", "-ac", "1", "-i", "-", "-f", "mulaw", "-")
    packets = [struct.pack(">BBHII", 0x80, 0, at, at * 160, 99) + audio[at * 160 : at * 160 + 160] for at in range(50)]
    got = track(b"".join(packets), MULAW, size=172)
    assert got.decodable is False
    assert got.actual is not None
    assert (got.actual.container, got.actual.encoding) == ("rtp", "mulaw")


def test_a_container_of_their_own_in_every_message(encoded: Callable[..., bytes]) -> None:
    data = encoded("a.wav", "-c:a", "pcm_s16le")
    got = fed(AudioFormat(), [data, data, data]).finish(None, missing=False)
    assert got.problem is not None
    assert got.problem.startswith("3 messages begin with a WAV")


def test_a_header_in_every_message_of_raw_audio(encoded: Callable[..., bytes]) -> None:
    data = encoded("a.wav", "-c:a", "pcm_s16le")
    got = fed(LINEAR16, [data, data]).finish(None, missing=False)
    assert (got.decodable, got.problem) == (True, "2 WAV headers stand among the first messages and sound as clicks.")


def test_a_torn_packet_is_as_long_as_it_was(encoded: Callable[..., bytes]) -> None:
    """Its pieces are one packet, not several shorter ones."""
    with av.open(io.BytesIO(encoded("opus.ogg", "-c:a", "libopus"))) as container:
        found = [bytes(packet) for packet in container.demux(audio=0) if packet.size]
    made = fed(AudioFormat(None, "opus", 48000, 1), list(found[:50]))
    made.feed(np.frombuffer(found[50][:20], np.uint8), np.array([20]))
    made.lost(10, goes_on=True)
    made.feed(np.frombuffer(found[50][30:] + found[51], np.uint8), np.array([len(found[50]) - 30, len(found[51])]), goes_on=True)
    made.feed(np.frombuffer(found[52][:7], np.uint8), np.array([7]))
    made.feed(np.frombuffer(found[52][7:], np.uint8), np.array([len(found[52]) - 7]), goes_on=True)
    got = made.finish(None, missing=True)
    assert (got.decodable, got.duration_s) == (True, 53 * 0.02)
    assert got.problem is not None
    assert got.problem.startswith("About 0.02 s are missing from the capture")


@pytest.mark.parametrize(("name", "options", "container"), [
    ("cut.mp3", ("-c:a", "libmp3lame", "-write_xing", "0"), "mp3"), ("cut.aac", ("-c:a", "aac"), "aac"),
])  # fmt: skip
def test_a_stream_that_synchronises_by_itself(
    name: str, options: tuple[str, ...], container: str, encoded: Callable[..., bytes], track: Callable[..., Track]
) -> None:
    data = encoded(name, *options)
    got = track(data[len(data) // 3 :])
    assert (got.decodable, got.format.container, got.format.sample_rate) == (True, container, 16000)
    assert got.duration_s == pytest.approx(1.9, abs=0.3)


def test_what_is_recovered_is_measured_though_not_decodable(encoded: Callable[..., bytes], tmp_path: Path) -> None:
    data = encoded("pages.ogg", "-c:a", "libopus", "-page_duration", "200000")
    middle = data[data.index(b"OggS", data.index(b"OpusTags")) + 100 :]
    for declared in (AudioFormat(), AudioFormat(None, "ogg-opus", 48000, 1)):
        made = fed(declared, [middle[at : at + 500] for at in range(0, len(middle), 500)], dump=Dump(tmp_path))
        got = made.finish(None, missing=False)
        assert (got.decodable, got.headless, got.format.encoding) == (False, "ogg", declared.encoding or "opus")
        assert got.duration_s == pytest.approx(2.8, abs=0.02)
        assert got.rms_dbfs is not None
        assert soundfile.info(made.keep("middle")["files"]["wav"]).duration == pytest.approx(got.duration_s, abs=0.001)
        assert got.problem is not None
        assert "s recovered from the next page on, under a header made up here" in got.problem


def test_declared_codecs(encoded: Callable[..., bytes], track: Callable[..., Track]) -> None:
    ogg, webm, flac = (
        encoded("opus.ogg", "-c:a", "libopus"),
        encoded("opus.webm", "-c:a", "libopus"),
        encoded("a.flac", "-c:a", "flac"),
    )
    speex = encoded("speex.ogg", "-c:a", "libspeex")
    right = {"ogg-opus": ogg, "flac": flac, "speex": speex}
    for encoding, data in right.items():
        got = track(data, AudioFormat(None, encoding, 16000, 1))
        assert (got.decodable, got.actual, got.format.encoding) == (True, None, encoding)
        assert got.duration_s == pytest.approx(3.0, abs=0.02)
    opus = track(ogg, AudioFormat(None, "opus", 48000, 1))
    assert opus.decodable is True
    assert opus.actual is not None
    assert opus.actual.container == "ogg"
    for encoding, data in (
        ("opus", webm),
        ("flac", ogg),
        ("ogg-opus", speex),
        ("amr-nb", flac),
        ("ogg-opus", bytes(5000)),
        ("flac", b"no"),
    ):
        assert track(data, AudioFormat(None, encoding, 16000, 1)).decodable is False


@pytest.mark.parametrize(
    ("encoding", "frame", "rate"), [("amr-nb", b"\x3c" + bytes(31), 8000), ("amr-wb", b"\x04" + bytes(17), 16000)]
)
def test_amr_with_and_without_its_header(encoding: str, frame: bytes, rate: int, track: Callable[..., Track]) -> None:
    header = b"#!AMR\n" if encoding == "amr-nb" else b"#!AMR-WB\n"
    for data in (frame * 100, header + frame * 100):
        got = track(data, AudioFormat(None, encoding, rate, None))
        assert (got.decodable, got.duration_s) == (True, 2.0)
    assert track(header + frame * 100).format.encoding == encoding


def test_g729_packets(track: Callable[..., Track]) -> None:
    got = track(bytes(range(20)) * 50, AudioFormat(None, "g729", 8000, 1), size=20)
    assert (got.decodable, got.duration_s) == (True, 1.0)


def test_an_unknown_encoding_is_not_judged(track: Callable[..., Track]) -> None:
    got = track(bytes(50000), AudioFormat(None, "nonsense", 8000, 1))
    assert got.decodable is None
    assert got.problem == "The encoding 'nonsense' is not one that can be decoded here."


def test_missing_bytes_leave_no_hash_and_keep_the_time(voice: Voice, tmp_path: Path) -> None:
    data = voice(16000, 2).tobytes()
    made = fed(LINEAR16, [data[:20001], 9999, data[30000:]], dump=Dump(tmp_path))
    got = made.finish(None, missing=True)
    assert (got.sha256, got.bytes, got.duration_s, got.decodable) == (None, 54001, 2.0, True)
    with wave.open(made.keep("x")["files"]["wav"]) as read:
        written = read.readframes(10**6)
    assert written == data[:20000] + bytes(10000) + data[30000:]


def test_a_container_with_holes(encoded: Callable[..., bytes]) -> None:
    data = encoded("opus.ogg", "-c:a", "libopus")
    holes: list[bytes | int] = [data[:4000], 100, data[4100:]]
    got = fed(AudioFormat(), holes).finish(None, missing=True)
    assert got.decodable is True
    assert got.duration_s == pytest.approx(3.0, abs=0.02)
    assert got.problem is not None
    assert "100 bytes are missing from the capture" in got.problem
    nothing = fed(AudioFormat(), [data[:300], 5000]).finish(None, missing=True)
    assert nothing.decodable is None


def test_dumps_of_raw_audio(voice: Voice, tmp_path: Path) -> None:
    samples = voice(16000, 1)
    made = fed(LINEAR16, [samples.tobytes()], dump=Dump(tmp_path, raw=True))
    made.finish(None, missing=False)
    paths = made.keep("session-1-client")["files"]
    assert {Path(path).name for path in paths.values()} == {"session-1-client.wav", "session-1-client.s16le"}
    assert np.array_equal(soundfile.read(paths["wav"], dtype="int16")[0], samples)
    floats = np.array([0.5, -0.25, 1.5], "<f4")
    made = fed(AudioFormat(None, "linear32", 8000, 1), [floats.tobytes()], dump=Dump(tmp_path))
    made.finish(None, missing=False)
    assert np.array_equal(soundfile.read(made.keep("floats")["files"]["wav"], dtype="float32")[0], floats)
    fed(LINEAR16, [bytes(10)], dump=Dump(tmp_path, raw=True)).discard()
    assert len(list(tmp_path.iterdir())) == 3


def test_undeclared_bytes_are_not_stored_for_nothing() -> None:
    made = TrackBuilder(AudioFormat(), DEFAULT, containers=True, side=Side.CLIENT, dump=None)
    made.feed(np.zeros(20000, np.uint8), np.array([20000]))
    assert made._store is None
    assert made.finish(None, missing=False).decodable is False


@given(
    st.sampled_from(["opus", "ogg-opus", "speex", "g729", "amr-nb", "amr-wb", "flac", None, "linear16"]), st.binary(max_size=600)
)
def test_any_bytes_under_any_name(encoding: str | None, data: bytes) -> None:
    got = fed(AudioFormat(None, encoding, 16000, 1), [data[:100], data[100:]]).finish(None, missing=False)
    assert got.sha256 == hashlib.sha256(data).hexdigest()
    assert got.problem is None or (got.problem.endswith(".") and "\n" not in got.problem)
