"""What one side sent, bounded: labels, close frames, texts to quote, holes, and audio on its way to a track."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from analyzer.model.anomalies import Anomaly, Sightings
from analyzer.model.channel import MessageBatch
from analyzer.model.limits import DEFAULT
from analyzer.model.places import Endpoint, Hole, Moment
from analyzer.model.schema import Kind, Side
from analyzer.model.tcp import Tcp
from analyzer.session.side import SideBuilder

AT = Moment(1, 1)


def side(**limits: int) -> SideBuilder:
    return SideBuilder(Side.CLIENT, replace(DEFAULT, **limits), Sightings(5))


def test_labels_are_numbered_and_bounded() -> None:
    half = side(labels=2)
    assert [half.label(word) for word in ("a", "b", "a", "c", "", "b")] == [0, 1, 0, -1, -1, 1]


@pytest.mark.parametrize(
    ("content", "code", "reason", "anomaly"),
    [
        (b"", None, "", None),
        (b"\x03\xe8", 1000, "", None),
        (b"\x03\xf3NET-0001", 1011, "NET-0001", None),
        (b"\x13\x87\xc3\xa9", 4999, "\u00e9", None),
        (b"\x03", None, "", Anomaly.CLOSE_PAYLOAD),
        (b"\x03\xe8\xff", 1000, "\ufffd", Anomaly.CLOSE_PAYLOAD),
        (b"\x03\xed", 1005, "", Anomaly.CLOSE_CODE),
        (b"\x03\xf7", 1015, "", Anomaly.CLOSE_CODE),
        (b"\x00\x00", 0, "", Anomaly.CLOSE_CODE),
        (b"\x13\x88", 5000, "", Anomaly.CLOSE_CODE),
    ],
)
def test_close_frames(content: bytes, code: int | None, reason: str, anomaly: Anomaly | None) -> None:
    half = side()
    half.close(content, AT)
    (close,) = half.closes
    assert (close.side, close.code, close.reason, close.at) == (Side.CLIENT, code, reason, AT)
    assert half.sightings.counts == ({anomaly: 1} if anomaly else {})


def test_closes_and_texts_are_bounded() -> None:
    half = side(anomalies=3, notable_texts=2, text_excerpt=4)
    for number in range(9):
        half.close(b"\x03\xe8", AT)
        half.keep(Kind.MALFORMED, "", f"{number}-long text", AT, number)
    direction = half.freeze(Endpoint("a", 1), Tcp())
    assert len(direction.closes) == 3
    assert [(text.text, text.why) for text in direction.texts] == [("0-lo", "malformed"), ("1-lo", "malformed")]


def test_holes_beyond_the_limit_are_joined() -> None:
    """The first and the last stay as they are: rules ask where the capture was whole."""
    half = side(holes=4)
    holes = [Hole(10 * number, number + 1, Moment(number, number), Moment(number, number + 5)) for number in range(100)]
    for hole in holes:
        half.hole(hole)
    direction = half.freeze(Endpoint("a", 1), Tcp())
    assert len(direction.holes) == 4
    assert (direction.holes[:2], direction.holes[-1]) == (tuple(holes[:2]), holes[-1])
    assert (direction.holes[2].before, direction.holes[2].after) == (holes[2].before, holes[98].after)
    assert direction.missing == sum(hole.length for hole in holes)


class Track:
    """Notes what it is given."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    def feed(self, data: np.ndarray, lengths: np.ndarray, *, goes_on: bool = False) -> None:
        """Note messages, each in a list of its pieces."""
        assert len(data) == lengths.sum()
        for size, end in zip(lengths, np.cumsum(lengths), strict=True):
            self._note(data[end - size : end].tobytes(), goes_on=goes_on)
            goes_on = False

    def lost(self, length: int, *, goes_on: bool = False) -> None:
        """Note a hole."""
        self._note(length, goes_on=goes_on)

    def _note(self, piece: Any, *, goes_on: bool) -> None:  # noqa: ANN401 - bytes or a number
        if goes_on:
            self.heard[-1].append(piece)
        else:
            self.heard.append([piece])


def batch(*rows: tuple[Any, ...]) -> tuple[MessageBatch, np.ndarray]:
    """Kind, content, bytes lost before it, and whether it goes on with the message before."""
    part = np.array([len(row[1]) for row in rows], np.int64)
    columns = {"part": part, "at": np.cumsum(part) - part, "lost": np.array([row[2] for row in rows], np.int64)}
    columns["begins"] = np.array([len(row) == 3 for row in rows], np.uint8)
    content = np.frombuffer(b"".join(row[1] for row in rows), np.uint8)
    return MessageBatch(columns, content, whole=False), np.array([row[0] for row in rows], np.uint8)


A, T = Kind.AUDIO, Kind.TEXT


@pytest.mark.parametrize(
    ("rows", "decoded", "heard"),
    [
        ([(A, b"ab", 0), (A, b"c", 0)], {}, [[b"ab"], [b"c"]]),
        ([(T, b"x", 0), (A, b"ab", 0), (T, b"y", 0), (A, b"c", 0), (T, b"z", 0)], {}, [[b"ab"], [b"c"]]),
        ([(A, b"ab", 3), (A, b"c", 0), (A, b"de", 9)], {}, [[3, b"ab"], [b"c"], [9, b"de"]]),
        ([(A, b"ab", 0), (T, b"y", 5), (A, b"", 7)], {}, [[b"ab"], [7, b""]]),
        ([(A, b"YQ==", 0), (A, b"raw", 0)], {0: b"a"}, [[b"a"], [b"raw"]]),
        ([(A, b"raw", 0), (A, b"YQ==", 0), (A, b"raw", 0)], {1: b"a"}, [[b"raw"], [b"a"], [b"raw"]]),
        ([(A, b"YQ==", 0), (A, b"raw", 2), (T, b"y", 0), (A, b"", 0)], {0: b"a"}, [[b"a"], [2, b"raw"], [b""]]),
        ([(A, b"ab", 0), (A, b"c", 0, "more"), (A, b"", 4, "more"), (A, b"d", 0)], {}, [[b"ab", b"c", 4, b""], [b"d"]]),
        ([(A, b"ab", 0), (T, b"y", 0), (A, b"c", 2, "more"), (A, b"d", 0)], {}, [[b"ab", 2, b"c"], [b"d"]]),
    ],
)
def test_audio_goes_to_the_track_with_its_holes(rows: list[Any], decoded: dict[int, bytes], heard: list[Any]) -> None:
    half, track = side(), Track()
    messages, kinds = batch(*rows)
    half.feed(messages, kinds == A, decoded, lambda: track)  # type: ignore[arg-type, return-value]
    assert track.heard == heard


def test_a_batch_of_nothing_but_audio_goes_as_it_is() -> None:
    half, track = side(), Track()
    messages, kinds = batch((A, b"ab", 0), (A, b"", 0), (A, b"cde", 0))
    half.feed(replace(messages, whole=True), kinds == A, {}, lambda: track)  # type: ignore[arg-type, return-value]
    assert track.heard == [[b"ab"], [b""], [b"cde"]]


def test_without_audio_there_is_no_track() -> None:
    half = side()
    assert half.track is None
    assert half.finish_track(None, joined=False) is None
