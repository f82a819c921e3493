"""What FFmpeg decodes for us, against the FFmpeg program, and what it refuses."""

import contextlib
import io
import socket
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from analyzer.audio.codecs import ffmpeg as ours
from analyzer.audio.codecs.sound import Sound, UndecodableError

MAKING: dict[str, tuple[str, str, tuple[str, ...], float]] = {
    "opus.webm": ("webm", "opus", ("-c:a", "libopus"), 0.01),
    "vorbis.webm": ("webm", "vorbis", ("-c:a", "libvorbis"), 0.02),
    "pcm.mkv": ("matroska", "linear16", ("-c:a", "pcm_s16le"), 0.0),
    "a.m4a": ("mp4", "aac", ("-c:a", "aac"), 0.0),
    "fragmented.mp4": ("mp4", "aac", ("-c:a", "aac", "-movflags", "frag_keyframe+empty_moov"), 0.07),
    "opus.mp4": ("mp4", "opus", ("-c:a", "libopus"), 0.01),
    "a.mp3": ("mp3", "mp3", ("-c:a", "libmp3lame"), 0.0),
    "a.aac": ("aac", "aac", ("-c:a", "aac"), 0.13),
    "speex.ogg": ("ogg", "speex", ("-c:a", "libspeex"), 0.02),
    "opus.ogg": ("ogg", "opus", ("-c:a", "libopus"), 0.0),
    "a.flac": ("flac", "flac", ("-c:a", "flac"), 0.0),
    "flac.ogg": ("ogg", "flac", ("-c:a", "flac"), 0.0),
    "wide.wav": ("wav", "pcm_s24le", ("-c:a", "pcm_s24le"), 0.0),
    "float.wav": ("wav", "linear32", ("-c:a", "pcm_f32le"), 0.0),
    "eight.wav": ("wav", "pcm_u8", ("-c:a", "pcm_u8"), 0.0),
    "mulaw.au": ("au", "mulaw", ("-c:a", "pcm_mulaw"), 0.0),
}
"""Name -> container, encoding, how it is made, and by how many seconds it may be longer than the 3 s that went in: encoders pad."""


def opened(data: bytes, container: str, *, from_zero: bool = False) -> Sound:
    return ours.open_sound(io.BytesIO(data), container, from_zero=from_zero)


def samples(sound: Sound) -> np.ndarray:  # type: ignore[type-arg]
    return np.concatenate(list(sound.blocks))


@pytest.mark.parametrize("name", MAKING)
def test_containers_last_as_long_as_what_went_in(name: str, encoded: Callable[..., bytes]) -> None:
    container, encoding, options, longer = MAKING[name]
    sound = opened(encoded(name, *options), container)
    got = samples(sound)
    assert sound.encoding == encoding
    assert got.shape[1] == sound.channels == 1
    assert got.dtype == (np.int32 if sound.bits == 24 else np.int16)
    assert 2.99 <= len(got) / sound.sample_rate <= 3.001 + longer
    assert not sound.remarks


@pytest.mark.parametrize("name", ["pcm.mkv", "a.flac", "flac.ogg", "mulaw.au", "eight.wav"])
def test_lossless_samples_are_those_of_the_program(name: str, encoded: Callable[..., bytes], ffmpeg: Callable[..., bytes]) -> None:
    data = encoded(name, *MAKING[name][2])
    theirs = ffmpeg(data, "-i", "-", "-f", "s16le", "-")
    assert samples(opened(data, MAKING[name][0])).astype("<i2").tobytes() == theirs


def test_wide_samples_keep_24_bits(encoded: Callable[..., bytes], ffmpeg: Callable[..., bytes]) -> None:
    for name in ("wide.wav", "float.wav"):
        data = encoded(name, *MAKING[name][2])
        theirs = np.frombuffer(ffmpeg(data, "-i", "-", "-f", "s32le", "-"), "<i4") >> 8
        assert np.array_equal(samples(opened(data, "wav"))[:, 0], theirs)


def test_lost_packets_are_filled_by_time(encoded: Callable[..., bytes]) -> None:
    data = bytearray(encoded("opus.ogg", *MAKING["opus.ogg"][2]))
    pages = [at for at in range(len(data)) if data[at : at + 4] == b"OggS"]
    data[pages[3] + 100 : pages[3] + 200] = bytes(100)  # the second page with audio: its checksum fails
    sound = opened(bytes(data), "ogg")
    assert 2.99 <= len(samples(sound)) / sound.sample_rate <= 3.01
    assert any("filled with silence" in remark for remark in sound.remarks)
    del data[pages[2] : pages[3]]  # now the first one is gone as well
    sound = opened(bytes(data), "ogg", from_zero=True)
    assert 2.99 <= len(samples(sound)) / sound.sample_rate <= 3.01


def test_what_is_cut_off_decodes_up_to_there(encoded: Callable[..., bytes]) -> None:
    for name in ("opus.webm", "fragmented.mp4", "a.mp3", "a.aac"):
        data = encoded(name, *MAKING[name][2])
        sound = opened(data[: len(data) * 2 // 3], MAKING[name][0])
        assert 1.0 < len(samples(sound)) / sound.sample_rate < 2.9


@pytest.mark.parametrize("container", ours.DEMUXERS)
def test_what_is_no_audio_is_refused(container: str, capfd: pytest.CaptureFixture[str]) -> None:
    for data in (b"", b"\x00", bytes(2000), bytes(range(256)) * 20):
        with contextlib.suppress(UndecodableError):  # some bytes are silence in some formats
            assert sum(len(block) for block in opened(data, container).blocks) > 0
    assert capfd.readouterr() == ("", "")


def test_a_playlist_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """No container that names other files is tried, and nothing reaches for the network."""

    def no_network(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(socket.socket, "connect", no_network)
    for text in (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", b"ffconcat version 1.0\nfile /etc/passwd\n"):
        for container in ours.DEMUXERS:
            with pytest.raises(UndecodableError):
                opened(text, container)


@pytest.mark.parametrize(("options", "container"), [
    (("-c:a", "libopus", "-f", "ogg"), "ogg"), (("-c:a", "aac", "-f", "adts"), "aac"),
    (("-c:a", "pcm_s16le", "-f", "matroska"), "matroska"),
    (("-c:a", "flac", "-f", "flac"), "flac"), (("-c:a", "libvorbis", "-f", "webm"), "webm"),
])  # fmt: skip
@pytest.mark.parametrize("channels", [3, 5, 7, 8, 20])
def test_many_channels(
    options: tuple[str, ...], container: str, channels: int, ffmpeg: Callable[..., bytes], tmp_path: Path
) -> None:
    """Eight planes and more are more than PyAV can read."""
    if (channels > 8 and container not in {"matroska", "webm"}) or (channels == 3 and container == "ogg"):
        options = ("-c:a", "pcm_s16le", "-f", "matroska")
        container = "matroska"
    noise = np.random.default_rng(1).normal(0, 3000, (8000, channels)).astype("<i2").tobytes()
    data = ffmpeg(noise, "-f", "s16le", "-ar", "16000", "-ac", str(channels), "-i", "-", *options, "-")
    path = tmp_path / "data"
    path.write_bytes(data)
    theirs = np.frombuffer(ffmpeg(b"", "-i", str(path), "-f", "s16le", "-"), "<i2").reshape(-1, channels).astype(int)
    sound = opened(data, container)
    assert sound.channels == channels
    got = samples(sound)
    size = min(len(got), len(theirs))
    assert abs(len(got) - len(theirs)) <= 1024
    assert np.abs(got[:size] - theirs[:size]).max() <= 1


def test_codecs_that_no_service_knows_are_not_tried(ffmpeg: Callable[..., bytes]) -> None:
    data = ffmpeg(bytes(9600), "-f", "s16le", "-ar", "16000", "-i", "-", "-c:a", "tta", "-f", "matroska", "-")
    with pytest.raises(UndecodableError, match="audio of the codec tta is not taken"):
        opened(data, "matroska")


def test_video_alone_is_no_audio(ffmpeg: Callable[..., bytes]) -> None:
    video = ffmpeg(b"", "-f", "lavfi", "-i", "color=size=16x16:duration=0.2", "-c:v", "rawvideo", "-f", "matroska", "-")
    with pytest.raises(UndecodableError, match="no audio stream"):
        opened(video, "matroska")
