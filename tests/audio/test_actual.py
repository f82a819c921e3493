"""Wrong declarations are seen; right ones, and a file that is merely sent too fast, are left alone."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from analyzer.audio import actual
from analyzer.audio.clock import Clocks
from analyzer.audio.headers import Found
from analyzer.model.track import ActualFormat, AudioFormat, Pace

Voice = Callable[..., np.ndarray[Any, Any]]
FORMS = {"linear16": "s16le", "pcm_s16be": "s16be", "mulaw": "mulaw", "alaw": "alaw", "linear32": "f32le"}
HEAD = 262144


def pace(ratio: float, *, steady: bool = True) -> Pace:
    return Pace(ratio, 10.0, 10.0 / ratio, steady, 0.1)


def judge(head: bytes, encoding: str, rate: int, channels: int = 1, speed: Pace | None = None) -> ActualFormat | None:
    return actual.judge(head[:HEAD], AudioFormat(None, encoding, rate, channels), Clocks(speed or pace(1.0)))


@pytest.mark.parametrize("rate", [8000, 16000])
@pytest.mark.parametrize("pitch", [100.0, 200.0])
@pytest.mark.parametrize("really", FORMS)
def test_encodings(really: str, pitch: float, rate: int, voice: Voice, ffmpeg: Callable[..., bytes]) -> None:
    samples = voice(rate, 3, pitch).tobytes()
    head = ffmpeg(samples, "-f", "s16le", "-ar", str(rate), "-ac", "1", "-i", "-", "-f", FORMS[really], "-")
    for declared in ("linear16", "mulaw", "alaw", "linear32"):
        found = judge(head, declared, rate)
        assert (found.encoding if found is not None else declared) == really, declared
        assert found is None or found.confidence in {"likely", "hint"}
    guessed = actual.undeclared(head[:HEAD])
    assert really == "pcm_s16be" or (guessed is not None and guessed.encoding == really)


@pytest.mark.parametrize(("really", "declared"), [(16000, 8000), (48000, 16000), (24000, 8000), (44100, 16000)])
def test_a_rate_that_pace_and_voice_agree_on(really: int, declared: int, voice: Voice) -> None:
    head = voice(really, 4).tobytes()
    found = judge(head, "linear16", declared, speed=pace(really / declared))
    assert found is not None
    assert (found.encoding, found.sample_rate, found.confidence) == ("linear16", really, "likely")
    assert judge(head, "linear16", declared, speed=pace(really / declared, steady=False)) is None


@pytest.mark.parametrize(("really", "declared"), [(44100, 48000), (48000, 44100)])
def test_a_near_rate_that_only_the_chunks_tell(really: int, declared: int, voice: Voice) -> None:
    head, ratio = voice(really, 4).tobytes(), really / declared
    found = judge(head, "linear16", declared, speed=Pace(ratio, 5.0, 5.0 / ratio, True, 0.1))
    assert found is not None
    assert (found.sample_rate, found.confidence) == (really, "likely")
    other_chunks = Pace(ratio, 5.0, 5.0 / ratio, True, 0.1 / ratio)
    assert judge(head, "linear16", declared, speed=other_chunks) is None
    assert judge(head, "linear16", declared, speed=Pace(round(ratio, 1), 5.0, 5.0, True, 0.1)) is None


def test_one_signal_declared_as_two_channels(voice: Voice) -> None:
    found = judge(voice(16000, 4).tobytes(), "linear16", 16000, channels=2, speed=pace(0.5))
    assert found is not None
    assert (found.sample_rate, found.channels) == (16000, 1)


@pytest.mark.parametrize(("really", "form"), [("pcm_s24le", "s24le"), ("pcm_u8", "u8")])
def test_other_widths(really: str, form: str, voice: Voice, ffmpeg: Callable[..., bytes]) -> None:
    head = ffmpeg(voice(16000, 3).tobytes(), "-f", "s16le", "-ar", "16000", "-ac", "1", "-i", "-", "-f", form, "-")
    found = judge(head, "linear16", 16000)
    assert found is not None
    assert found.encoding == really


def test_a_high_voice_read_too_fast(voice: Voice) -> None:
    found = judge(voice(8000, 4, 215.0).tobytes(), "linear16", 16000, speed=pace(0.5))
    assert found is not None
    assert found.sample_rate == 8000


@pytest.mark.parametrize("ratio", [0.5, 1 / 3, 1.5, 2.0, 2.756, 3.0, 4.0, 6.0])
@pytest.mark.parametrize("pitch", [100.0, 150.0, 220.0])
def test_pacing_alone_is_no_other_format(ratio: float, pitch: float, voice: Voice) -> None:
    for rate in (8000, 16000):
        assert judge(voice(rate, 2, pitch).tobytes(), "linear16", rate, speed=pace(ratio)) is None


def test_stereo_as_mono(voice: Voice) -> None:
    stereo = np.stack([voice(16000, 2), voice(16000, 2, 180.0)], 1)
    found = judge(stereo.tobytes(), "linear16", 16000, speed=pace(2.0))
    assert found is not None
    assert (found.sample_rate, found.channels) == (16000, 2)
    assert judge(stereo.tobytes(), "linear16", 16000, channels=2) is None


CASES = [(name, 8000, channels) for name in ("linear16", "mulaw", "alaw", "linear32") for channels in (1, 2)]
PITCHES = (100.0, 200.0)
NOISE = np.random.default_rng(0)
SIGNALS = {
    "noise": NOISE.normal(0, 3000, 40000),
    "quiet noise": NOISE.normal(0, 1.5, 40000),
    "clipped noise": np.clip(NOISE.normal(0, 90000, 40000), -32768, 32767),
    "low tone": 8000 * np.sin(np.arange(40000) * 0.3),
    "high tone": 8000 * np.sin(np.arange(40000) * 2.9),
    "square": 8000 * np.sign(np.sin(np.arange(40000) * 0.05)),
    "constant": np.full(40000, 100),
    "zeros": np.zeros(40000),
    "lowest bit": NOISE.integers(0, 2, 40000),
}


@pytest.mark.parametrize("name", SIGNALS)
def test_odd_signals_under_their_own_name_are_left_alone(name: str, ffmpeg: Callable[..., bytes]) -> None:
    samples = SIGNALS[name].astype("<i2").tobytes()
    for encoding in ("linear16", "mulaw", "alaw", "linear32"):
        head = ffmpeg(samples, "-f", "s16le", "-ar", "8000", "-ac", "1", "-i", "-", "-f", FORMS[encoding], "-")
        assert judge(head, encoding, 8000) is None, encoding


@pytest.mark.parametrize("pitch", PITCHES)
@pytest.mark.parametrize("really", FORMS)
def test_the_short_way_tells_what_the_long_one_does(
    really: str, pitch: float, voice: Voice, ffmpeg: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signals of every kind under every declaration, with and without what is asked first."""
    spoken = voice(8000, 5, pitch)
    signals = [spoken, spoken // 20, np.concatenate((spoken[:9000], SIGNALS["noise"])), np.cumsum(spoken) // 9]
    signals += [spoken * (1 - share) + SIGNALS["noise"] * share for share in (0.1, 0.3, 0.5)]
    signals += [] if pitch > PITCHES[0] else SIGNALS.values()
    heads = [
        ffmpeg(signal.astype("<i2").tobytes(), "-f", "s16le", "-ar", "8000", "-i", "-", "-f", FORMS[really], "-")
        for signal in signals
    ]
    cases = [(head[:size], *case) for head in heads for size in (5001, HEAD) for case in CASES]
    short = [judge(*case) for case in cases]
    plain = sum(actual._plain(np.frombuffer(head, np.uint8), AudioFormat(None, name, 8000, 1)) for head, name, *_ in cases)
    assert plain or really in {"pcm_s16be", "linear32"}
    monkeypatch.setattr(actual, "_plain", lambda *_: False)
    monkeypatch.setattr(actual, "unrelated", lambda *_: False)
    assert [judge(*case) for case in cases] == short


def test_any_bytes_and_few_bytes() -> None:
    random = NOISE.integers(0, 256, HEAD).astype(np.uint8).tobytes()
    for encoding in ("linear16", "mulaw", "alaw", "linear32"):
        assert judge(random, encoding, 8000) is None
        assert judge(random[:100], encoding, 8000) is None
    assert actual.undeclared(random) is None
    assert actual.undeclared(b"") is None


def test_a_header_is_certain() -> None:
    found = actual.from_container(Found("wav", "linear16", 8000, 1, sign="a RIFF/WAVE header at the first byte"))
    assert (found.container, found.confidence) == ("wav", "certain")
    assert found.evidence.endswith("it is WAV (linear16, 8000 Hz, 1 channel).")
