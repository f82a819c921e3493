"""The audio of one side as rules and reports see it: formats, what it measures, when it was sent, and what is shown beside it."""

from analyzer.model.dataclass import dataclass
from analyzer.model.places import Moment
from analyzer.model.streams import Ints

Octets = bytes
"""`Track` has a field named `bytes`, as the contract has."""


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """A format as declared or found; None where it is not stated. `source` is the contract's `from`."""

    container: str | None = None
    encoding: str | None = None
    sample_rate: int | None = None
    channels: int | None = None
    source: str = "query"


@dataclass(frozen=True, slots=True)
class ActualFormat:
    """What the bytes are, where that differs from what was declared. `evidence` says how it was seen, in one sentence."""

    encoding: str | None
    sample_rate: int | None
    channels: int | None
    container: str | None
    confidence: str
    evidence: str
    offset: int = 0
    """Bytes before the first whole sample, which are the rest of another."""
    shifted_at: int | None = None
    """The audio byte from which on samples no longer begin where those before them end; None where they do throughout."""
    headers: int = 1
    """How often the container's header stands among the first messages, where it should stand once."""


@dataclass(frozen=True, slots=True)
class SilentSpan:
    """Exact digital silence: sample frames (per channel) `begin` to `end`, and the audio byte offsets of both."""

    begin: int
    end: int
    begin_byte: int
    end_byte: int


@dataclass(frozen=True, slots=True)
class Repeats:
    """Messages whose bytes are those of the message before: how many, the longest run of them, and the audio byte offset of the
    first.
    """

    messages: int
    longest: int
    first_byte: int


@dataclass(frozen=True, slots=True)
class Track:
    """The audio of one side: what was sent, whether it decodes, and how it measures. Durations in s, levels in dB of full scale."""

    bytes: int
    messages: int
    sha256: str | None
    format: AudioFormat
    actual: ActualFormat | None
    decodable: bool | None
    problem: str | None
    """Why it does not decode, or what was odd while it did, in one sentence."""
    duration_s: float | None
    peak_dbfs: float | None
    rms_dbfs: float | None
    digital_silence_s: float | None
    silent_spans: tuple[SilentSpan, ...]
    bytes_per_second: float | None
    """Of the declared format; None for containers and codecs."""
    head: Octets
    """First bytes, for rules about what they are."""
    headless: str | None = None
    """The container that they come from the middle of: its header was never sent."""
    dc_offset: float | None = None
    """Mean of all samples as a share of full scale."""
    clipped_share: float | None = None
    """Share of the samples that stand at full scale."""
    repeats: Repeats | None = None
    """Of raw audio."""
    guess_s: float | None = None
    """How much audio was written under the format that it really has, where that was asked for."""


@dataclass(frozen=True, slots=True)
class Sending:
    """When the audio of one side was sent: `times` (ns since the origin of the session) and `at` (audio bytes before it) of each
    message; the session ends at `end` (ns). Its seconds count from `origin` (ns since the epoch).
    """

    times: Ints
    at: Ints
    end: int
    origin: int


@dataclass(frozen=True, slots=True)
class Mark:
    """Something to be shown on the time line. Seconds since the origin of the session; `until_s` is None for a moment.

    `kind` is `finding`, `keepalive`, `control`, `result` or `close`, `severity` that of a finding. `audio_s` is the stretch of
    audio, in seconds of it, that a result speaks of.
    """

    time_s: float
    until_s: float | None
    kind: str
    text: str
    severity: str = ""
    audio_s: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast audio was sent under its declared format: audio time over sending time, pauses over 1 s taken out (contract,
    Pacing).
    """

    ratio: float
    audio_s: float
    span_s: float
    steady: bool
    """The intervals between audio messages hardly vary, as from a live source: half of them are within 20 % of the median."""
    interval_s: float
    """Median time between two audio messages."""
    bytes_per_second: float | None = None
    """What a second of audio was taken to have."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """What the service understood: `begin` and `end` in seconds of audio, None where it does not say."""

    text: str
    final: bool
    begin: float | None
    end: float | None
    at: Moment
