"""Containers by libsndfile, against the FFmpeg program."""

import io
from collections.abc import Callable

import numpy as np
import pytest

from analyzer.audio.codecs import libsndfile
from analyzer.audio.codecs.sound import UndecodableError

LOSSLESS: dict[str, tuple[str, ...]] = {
    "a.wav": ("-c:a", "pcm_s16le"),
    "mulaw.wav": ("-c:a", "pcm_mulaw"),
    "a.flac": ("-c:a", "flac"),
    "a.aiff": (),
    "a.au": (),
    "a.caf": ("-c:a", "pcm_s16le"),
}


@pytest.mark.parametrize("name", LOSSLESS)
def test_lossless_samples_are_those_of_the_program(name: str, encoded: Callable[..., bytes], ffmpeg: Callable[..., bytes]) -> None:
    data = encoded(name, *LOSSLESS[name])
    sound = libsndfile.open_sound(io.BytesIO(data))
    got = np.concatenate(list(sound.blocks))
    assert (sound.bits, sound.channels, sound.sample_rate) == (16, 1, 16000)
    assert got.astype("<i2").tobytes() == ffmpeg(data, "-i", "-", "-f", "s16le", "-")


def test_lossy_codecs_are_left_to_ffmpeg(encoded: Callable[..., bytes]) -> None:
    for name, codec in (("opus.ogg", "libopus"), ("vorbis.ogg", "libvorbis")):
        with pytest.raises(UndecodableError, match="OGG with 1 channels is not taken"):
            libsndfile.open_sound(io.BytesIO(encoded(name, "-c:a", codec)))


def test_wide_samples_are_24_bits(encoded: Callable[..., bytes], ffmpeg: Callable[..., bytes]) -> None:
    for name, codec in (("wide.wav", "pcm_s24le"), ("float.wav", "pcm_f32le"), ("very.wav", "pcm_s32le")):
        data = encoded(name, "-c:a", codec)
        sound = libsndfile.open_sound(io.BytesIO(data))
        theirs = np.frombuffer(ffmpeg(data, "-i", "-", "-f", "s32le", "-"), "<i4") >> 8
        assert sound.bits == 24
        assert np.array_equal(np.concatenate(list(sound.blocks))[:, 0], theirs)


def test_what_it_cannot_read_is_refused(encoded: Callable[..., bytes], capfd: pytest.CaptureFixture[str]) -> None:
    mp3 = encoded("a.mp3", "-c:a", "libmp3lame")
    for data in (b"", b"RIFF", b"OggS" + bytes(100), b"fLaC" + bytes(100), mp3):
        with pytest.raises(UndecodableError):
            libsndfile.open_sound(io.BytesIO(data))
    assert capfd.readouterr() == ("", "")
