"""What the service said it received: results, their cursor in audio time, the summary at the end. Values are checked, never
trusted.
"""

import math
from collections.abc import Mapping
from typing import Any

from analyzer.model.places import Moment
from analyzer.model.session import Service

RESULTS = frozenset({"Results", "TurnInfo", "Turn"})
SUMMARIES = frozenset({"Metadata", "SessionMetadata", "Termination"})


class ServiceFacts:
    """Collects from server events as they come."""

    def __init__(self) -> None:
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
        elif label in SUMMARIES:
            duration = number(value.get("duration", value.get("audio_duration_seconds")))
            sha256, channels = value.get("sha256"), number(value.get("channels"))
            if duration is not None or sha256 is not None:
                self._metadata = {
                    "duration_s": duration,
                    "sha256": sha256[:64] if isinstance(sha256, str) else None,
                    "channels": int(channels) if channels is not None else None,
                }

    def freeze(self) -> Service:
        """What was found."""
        cursor = round(self._cursor, 6) if self._cursor is not None else None
        first, last = (Moment(*at) if at is not None else None for at in (self._first, self._last))
        return Service(self._results, self._metadata, cursor, first, last)


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
