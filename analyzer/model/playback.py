"""One side's audio as a page carries it."""

from analyzer.model.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Playback:
    """Audio on the session's clock: second 0 is the session's, silence stands where nothing was sent."""

    media_type: str
    data: bytes
    """The compressed file."""
    seconds: float
    low: bytes
    """The waveform: the lowest sample of each column, int8, full scale 127."""
    high: bytes
    """The highest one."""
    lossless: bool
    """False where it is compressed so that it loses something, and decoded it is no more what was sent."""
