"""What is decoded of a stream whose header was never sent, against the program's decoding of the whole of it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from analyzer.audio.codecs import container_decoders
from analyzer.audio.recovery import UnrecoverableError, recover
from analyzer.audio.store import Store
from analyzer.model.limits import DEFAULT

CLUSTER = b"\x1f\x43\xb6\x75"
OPUS = ("-c:a", "libopus", "-b:a", "24k")
SETTLED = 48000 // 4
"""Samples after which a decoder that began in the middle has forgotten that."""


def stored(data: bytes) -> Store:
    store = Store(DEFAULT)
    store.feed(np.frombuffer(data, np.uint8), np.array([len(data)]))
    return store


def recovered(data: bytes, container: str) -> tuple[np.ndarray[Any, Any], str, int]:
    store = stored(data)
    try:
        found = recover(store, container)
        (decoder,) = container_decoders(container, recognised=True, whole=True)
        with found.file as file:
            return np.concatenate(list(decoder(file).blocks)), found.next, found.skipped
    finally:
        store.discard()


def same_end(ours: np.ndarray[Any, Any], theirs: np.ndarray[Any, Any]) -> bool:
    """Whether both end in the same samples, once settled."""
    size = len(ours) - SETTLED
    wrong = ours[-size:].astype(float) - theirs[-size:]
    return bool(np.square(wrong).mean() < 1e-6 * np.square(theirs[-size:].astype(float)).mean())


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("begin", "skipped"), [(0, 0), (-50, 50), (77, None)])
def test_ogg_opus_from_the_next_page_on(
    channels: int, begin: int, skipped: int | None, encoded: Callable[..., bytes], ffmpeg: Callable[..., bytes]
) -> None:
    data = encoded(f"pages-{channels}.ogg", *OPUS, "-ac", str(channels), "-page_duration", "200000")
    pages = [at for at in range(len(data)) if data[at : at + 4] == b"OggS"]
    ours, what, left_out = recovered(data[pages[4] + begin :], "ogg")
    theirs = np.frombuffer(ffmpeg(data, "-i", "-", "-f", "s16le", "-ac", str(channels), "-"), "<i2").reshape(-1, channels)
    if ours.shape[1] < channels:  # the encoder sent this voice as one channel
        theirs = theirs[:, :1]
    assert what == "page"
    assert left_out == (pages[5] - pages[4] - begin if skipped is None else skipped)
    assert len(ours) == len(theirs) + 312 - 9600 * (2 if skipped is not None else 3)
    assert same_end(ours, theirs)


@pytest.mark.parametrize("live", [(), ("-live", "1")])
def test_webm_from_the_next_cluster_on(live: tuple[str, ...], encoded: Callable[..., bytes], ffmpeg: Callable[..., bytes]) -> None:
    data = encoded(f"clusters{len(live)}.webm", *OPUS, *live, "-cluster_time_limit", "400")
    theirs = np.frombuffer(ffmpeg(data, "-i", "-", "-f", "s16le", "-"), "<i2").reshape(-1, 1)
    clusters = [at for at in range(len(data)) if data[at : at + 4] == CLUSTER]
    for begin, cluster in ((clusters[1], 1), (clusters[1] + 300, 2), (clusters[2], 2)):
        ours, what, left_out = recovered(data[begin:], "webm")
        assert (what, left_out) == ("cluster", clusters[cluster] - begin)
        assert abs(len(ours) - (len(theirs) - cluster * 19200)) <= 1920  # whole frames
        assert same_end(ours, theirs)


def test_webm_blocks_that_no_cluster_follows(encoded: Callable[..., bytes], ffmpeg: Callable[..., bytes]) -> None:
    data = encoded("one.webm", *OPUS, "-cluster_time_limit", "30000")
    theirs = np.frombuffer(ffmpeg(data, "-i", "-", "-f", "s16le", "-"), "<i2").reshape(-1, 1)
    start = data.index(CLUSTER) + 400
    ours, what, left_out = recovered(data[start:], "webm")
    assert what == "block"
    assert left_out < 200
    assert len(ours) > 48000 * 2
    assert same_end(ours, theirs[: len(ours) + 48000 * 3])


@pytest.mark.parametrize(("name", "options", "container", "why"), [
    ("v.ogg", ("-c:a", "libvorbis", "-page_duration", "200000"), "ogg", "its packets are not Opus"),
    ("s.ogg", ("-c:a", "libspeex", "-page_duration", "200000"), "ogg", "its packets are not Opus"),
    ("f.ogg", ("-c:a", "flac", "-page_duration", "200000"), "ogg", "its packets are not Opus"),
    ("v.webm", ("-c:a", "libvorbis", "-cluster_time_limit", "400"), "webm", "its blocks are not Opus"),
    ("f.mp4", ("-c:a", "aac", "-movflags", "frag_keyframe+empty_moov"), "mp4", "without the moov box"),
])  # fmt: skip
def test_what_cannot_be_proven_is_not_recovered(
    name: str, options: tuple[str, ...], container: str, why: str, encoded: Callable[..., bytes]
) -> None:
    data = encoded(name, *options)
    mark = {"ogg": b"OggS", "webm": CLUSTER, "mp4": b"moof"}[container]
    places = [at for at in range(len(data)) if data[at : at + 4] == mark]
    store = stored(data[places[min(3, len(places) - 1)] :])
    with pytest.raises(UnrecoverableError, match=why):
        recover(store, container)
    store.discard()


@pytest.mark.parametrize("container", ["ogg", "webm", "mp4", "flac"])
@pytest.mark.parametrize(
    "data", [b"", b"OggS\0\0", CLUSTER, CLUSTER + b"\x80" * 40, b"OggS" + bytes(60), b"\xa3\x81" * 30, bytes(99)]
)
def test_damage_is_taken(container: str, data: bytes) -> None:
    store = stored(data)
    with pytest.raises(UnrecoverableError):
        recover(store, container)
    store.discard()
