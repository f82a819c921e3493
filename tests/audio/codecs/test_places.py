"""Time stamps of what cannot be decoded, or breaks off, are those that there are."""

import io
from collections.abc import Callable

from analyzer.audio.codecs.places import places


def test_places_rise_to_the_end(encoded: Callable[..., bytes]) -> None:
    data = encoded("opus.ogg", "-c:a", "libopus", "-page_duration", "20000")
    found = places(io.BytesIO(data), "ogg")
    assert found is not None
    offsets, times = found
    assert (offsets[0] >= 0, offsets[-1] < len(data), times[0]) == (True, True, 0.0)
    assert 2.9 < times[-1] <= 3.01
    cut = places(io.BytesIO(data[: len(data) // 2]), "ogg")
    assert cut is not None
    assert 1.0 < cut[1][-1] < 2.0


def test_no_container_has_no_places() -> None:
    assert places(io.BytesIO(b"OggS" + bytes(500)), "ogg") is None
    assert places(io.BytesIO(b""), "webm") is None
