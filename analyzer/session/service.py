"""What the service said it received: results, their cursor in audio time, the summary at the end. Values are checked, never
trusted.
"""

import math
from collections.abc import Mapping
from typing import Any

from analyzer.model.limits import DEFAULT, Limits
from analyzer.model.places import Moment
from analyzer.model.session import Service
from analyzer.model.track import Transcript

RESULTS = frozenset({"Results", "TurnInfo", "Turn"})
MOST_CHANNELS = 64
SUMMARIES = frozenset({"Metadata", "SessionMetadata", "Termination"})


class ServiceFacts:
    """Collects from server events as they come."""

    def __init__(self, limits: Limits = DEFAULT) -> None:
        self._limits = limits
        self._transcripts: list[Transcript] = []
        self._interim: dict[object, Transcript] = {}
        """The newest interim result of each channel."""
        self._results = 0
        self._cursor: float | None = None
        self._metadata: dict[str, Any] | None = None
        self._first: tuple[int, int] | None = None
        self._last: tuple[int, int] | None = None

    def event(self, label: str, value: Mapping[str, Any], packet: int, time: int) -> None:
        """Take one event that packet `packet` brought at `time` (ns)."""
        self._last = packet, time
        if label in RESULTS:
            self._results += 1
            if self._first is None:
                self._first = self._last
            end = _end(value)
            if end is not None:
                self._cursor = max(self._cursor or 0.0, end)
            self._heard(value, end, packet, time)
        elif label in SUMMARIES:
            duration = number(value.get("duration", value.get("audio_duration_seconds")))
            sha256, channels = value.get("sha256"), number(value.get("channels"))
            if duration is not None or sha256 is not None:
                self._metadata = {
                    "duration_s": duration,
                    "sha256": sha256[:64] if isinstance(sha256, str) else None,
                    "channels": int(channels) if channels is not None else None,
                }

    def _heard(self, value: Mapping[str, Any], end: float | None, packet: int, time: int) -> None:
        """Keep the words of a result; the next one of the same channel replaces an interim one."""
        final = value.get("is_final") is True or value.get("event") == "EndOfTurn" or value.get("end_of_turn") is True
        text = _words(value)
        if not text and not final:
            return
        channel = value.get("channel_index")
        key = channel[0] if isinstance(channel, list) and channel and isinstance(channel[0], int) else None
        if final:
            self._interim.pop(key, None)
        if text and len(self._transcripts) < self._limits.transcripts:
            begin = number(value.get("start", value.get("audio_window_start")))
            said = Transcript(_cut(text, self._limits.transcript), final, begin, end, Moment(packet, time))
            if final:
                self._transcripts.append(said)
            elif key in self._interim or len(self._interim) < MOST_CHANNELS:
                self._interim[key] = said

    def freeze(self) -> Service:
        """What was found."""
        cursor = round(self._cursor, 6) if self._cursor is not None else None
        first, last = (Moment(*at) if at is not None else None for at in (self._first, self._last))
        said = sorted((*self._transcripts, *self._interim.values()), key=lambda one: (one.at.time, one.at.packet))
        return Service(self._results, self._metadata, cursor, first, last, tuple(said))


def _cut(text: str, longest: int) -> str:
    """The text up to its last whole word: of a secret that is cut in two, half would pass for a word."""
    return text if len(text) <= longest else text[:longest].rpartition(" ")[0]


def _words(value: Mapping[str, Any]) -> str:
    """The transcript of a result: Deepgram's first alternative, or the field that others have."""
    text, channel = value.get("transcript"), value.get("channel")
    if isinstance(channel, dict):
        alternatives = channel.get("alternatives")
        if isinstance(alternatives, list) and alternatives and isinstance(alternatives[0], dict):
            text = alternatives[0].get("transcript")
    return text if isinstance(text, str) else ""


def _end(value: Mapping[str, Any]) -> float | None:
    """Audio time at the end of a result."""
    start, duration = value.get("start"), value.get("duration")
    if type(start) is float and type(duration) is float and math.isfinite(start + duration):
        return start + duration  # nearly all of them; what follows says the same of these
    start, duration = number(start), number(duration)
    return start + duration if start is not None and duration is not None else number(value.get("audio_window_end"))


def number(value: Any) -> float | None:  # noqa: ANN401 - JSON is what it is
    """A finite number, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:  # JSON has integers of any length
        return None
    return found if math.isfinite(found) else None
