"""The guess holds the audio that went in: without its wrapping, its headers, and what is left of torn samples."""

import base64
import io
import wave
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analyzer.audio import guess
from analyzer.audio.store import Store
from analyzer.audio.wav import WavWriter
from analyzer.model.limits import DEFAULT
from analyzer.model.track import ActualFormat, AudioFormat

Voice = Callable[..., np.ndarray[Any, Any]]
DECLARED = AudioFormat(None, "linear16", 16000, 1)


def likely(encoding: str | None, rate: int | None = 16000, container: str | None = None, **more: Any) -> ActualFormat:  # noqa: ANN401
    return ActualFormat(encoding, rate, 1, container, "likely", "seen", **more)


@pytest.fixture
def decoded(tmp_path: Path) -> Callable[..., tuple[float | None, int, np.ndarray[Any, Any]]]:
    """`decoded(messages, actual)`: seconds, rate and samples of the guess; a number stands for missing bytes."""

    def decode(messages: Sequence[bytes | int], actual: ActualFormat) -> tuple[float | None, int, np.ndarray[Any, Any]]:
        store, files = Store(DEFAULT), []

        def record(rate: int, channels: int, subtype: str) -> WavWriter:
            files.append((WavWriter(tmp_path, rate, channels, subtype), rate))
            return files[-1][0]

        for message in messages:
            if isinstance(message, int):
                store.lose(message)
            else:
                store.feed(np.frombuffer(message, np.uint8), np.array([len(message)], np.int64))
        seconds = guess.decode(store, actual, DECLARED, DEFAULT, record)
        store.discard()
        if not files:
            return seconds, 0, np.zeros(0)
        files[-1][0].close()
        with wave.open(str(files[-1][0].path)) as reader:
            kind = "<i2" if reader.getsampwidth() == 2 else np.uint8
            return seconds, files[-1][1], np.frombuffer(reader.readframes(1 << 24), kind)

    return decode


def cut(data: bytes, size: int = 640) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def wav_of(samples: bytes) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, 16000, 0, "NONE", ""))
        writer.writeframes(samples)
    return file.getvalue()


def test_raw_bytes_as_what_they_are(decoded: Any, voice: Voice) -> None:  # noqa: ANN401
    samples = voice(16000, 2)
    seconds, rate, got = decoded(cut(samples.astype(">i2").tobytes()), likely("pcm_s16be", 8000))
    assert (seconds, rate, got.tolist()) == (4.0, 8000, samples.tolist())
    seconds, rate, got = decoded(cut(samples.tobytes()), likely("linear16", None))
    assert (seconds, rate, got.tolist()) == (2.0, 16000, samples.tolist())


def test_what_is_missing_is_silence(decoded: Any, voice: Voice) -> None:  # noqa: ANN401
    samples, expected = voice(16000, 1), voice(16000, 1)
    parts: list[bytes | int] = list(cut(samples.astype(">i2").tobytes()))
    parts[3], expected[3 * 320 : 4 * 320] = 640, 0
    assert decoded(parts, likely("pcm_s16be"))[2].tolist() == expected.tolist()


@pytest.mark.parametrize("container", ["base64", "json", "rtp"])
def test_wrappings_come_off(container: str, decoded: Any, voice: Voice) -> None:  # noqa: ANN401
    samples = voice(16000, 2)
    wrap = {
        "base64": base64.b64encode,
        "json": lambda part: b'{"audio": "' + base64.b64encode(part) + b'"}',
        "rtp": lambda part: b"\x80\x60" + bytes(10) + part,
    }[container]
    messages = [wrap(part) for part in cut(samples.tobytes())]
    for encoding in ("linear16", None):
        seconds, rate, got = decoded(messages, likely(encoding, 16000, container))
        assert (seconds, rate, got.tolist()) == (2.0, 16000, samples.tolist())
    inside = [wrap(part) for part in cut(wav_of(samples.tobytes()))]
    assert decoded(inside, likely(None, None, container))[2].tolist() == samples.tolist()


@pytest.mark.parametrize("size", [640, 100, 7])
def test_headers_amid_the_audio_are_left_out(size: int, decoded: Any, voice: Voice) -> None:  # noqa: ANN401
    samples = voice(16000, 1)
    each = b"".join(wav_of(part) for part in cut(samples.tobytes()))
    assert decoded(cut(each, size), likely("linear16", 16000, "wav"))[2].tolist() == samples.tolist()


def test_bytes_of_no_whole_sample_are_left_out(decoded: Any, voice: Voice) -> None:  # noqa: ANN401
    samples = voice(16000, 2)
    assert decoded(cut(samples.tobytes()[1:]), likely("linear16", offset=1))[2][10:-1].tolist() == samples[11:-1].tolist()
    wide = (samples.astype("<i4") << 16).view(np.uint8).reshape(-1, 4)[:, 1:].tobytes()
    assert decoded(cut(wide[2:]), likely("pcm_s24le", offset=1))[0] == pytest.approx(2.0, abs=0.001)


def test_containers_and_packets_go_to_the_decoders(decoded: Any, encoded: Callable[..., bytes]) -> None:  # noqa: ANN401
    ogg = encoded("opus.ogg", "-c:a", "libopus")
    assert decoded(cut(ogg), likely("opus", 48000, "ogg"))[0] == pytest.approx(3.0, abs=0.03)
    wrapped = [base64.b64encode(part) for part in cut(ogg)]
    assert decoded(wrapped, likely("opus", 48000, "base64"))[0] == pytest.approx(3.0, abs=0.03)


def test_g722_in_rtp(decoded: Any, voice: Voice, ffmpeg: Callable[..., bytes]) -> None:  # noqa: ANN401
    sent = ffmpeg(voice(16000, 2).tobytes(), "-f", "s16le", "-ar", "16000", "-i", "-", "-c:a", "g722", "-f", "g722", "-")
    theirs = np.frombuffer(ffmpeg(sent, "-f", "g722", "-i", "-", "-f", "s16le", "-"), "<i2")
    packets = [b"\x80\x09" + bytes(10) + part for part in cut(sent, 160)]
    seconds, rate, got = decoded(packets, likely("g722", 16000, "rtp"))
    assert (seconds, rate) == (2.0, 16000)
    assert np.abs(got.astype(int) - theirs).max() <= 1


def test_what_gives_no_audio_leaves_nothing(decoded: Any) -> None:  # noqa: ANN401
    for messages, actual in (
        ([], likely("linear16")),
        ([b"x" * 100], likely(None)),
        ([b"x" * 100], likely("speech")),
        ([b"{}"], likely(None, None, "json")),
        ([base64.b64encode(base64.b64encode(bytes(range(256))))], likely(None, None, "base64")),
        ([b"\x1a\x45\xdf\xa3" * 9], likely("opus", 48000, "webm")),
    ):
        assert decoded(messages, actual)[0] is None
