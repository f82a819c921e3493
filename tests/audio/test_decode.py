"""Decoding what was stored: which decoder, how much, and why not."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from analyzer.audio.decode import Decoded, decode_bare, decode_container
from analyzer.audio.store import Store
from analyzer.model.limits import DEFAULT, Limits
from analyzer.model.track import AudioFormat


def stored(data: bytes) -> Store:
    store = Store(DEFAULT)
    store.feed(np.frombuffer(data, np.uint8), np.array([len(data)]))
    return store


def decoded(data: bytes, container: str, limits: Limits = DEFAULT) -> Decoded:
    store = stored(data)
    try:
        return decode_container(store, container, None, limits, lambda *_: None)
    finally:
        store.discard()


def test_a_bomb_is_not_decoded_to_its_end(ffmpeg: Callable[..., bytes]) -> None:
    silence = ffmpeg(b"", "-f", "lavfi", "-i", "anullsrc=r=8000:cl=mono:d=700", "-c:a", "flac", "-f", "flac", "-")
    assert len(silence) < 150_000
    got = decoded(silence, "flac", replace(DEFAULT, codec_floor=1 << 30))
    assert 600 <= (got.measured.duration_s or 0) < 610
    assert got.measured.remarks == ["only the first 600 s were decoded: so few bytes hold no more audio"]
    assert decoded(silence, "flac").measured.duration_s == 700.0


def test_what_the_first_decoder_refuses_the_second_may_take(encoded: Callable[..., bytes]) -> None:
    """ALAC in a CAF."""
    got = decoded(encoded("alac.caf", "-c:a", "alac"), "caf")
    assert (got.frames, got.encoding) == (48000, "alac")
    assert len(got.reasons) == 1


def test_reasons_of_every_decoder(capfd: pytest.CaptureFixture[str]) -> None:
    got = decoded(b"fLaC" + bytes(500), "flac")
    assert got.frames == 0
    assert len(got.reasons) == 2
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("encoding", ["opus", "speex", "g729", "amr-nb", "amr-wb", "flac", "ogg-opus", "mp3", "aac"])
@pytest.mark.parametrize(("rate", "channels"), [(10**15, 10**9), (-1, -5), (0, 0), (None, None), (11, 2)])
def test_a_declaration_may_say_anything(encoding: str, rate: int | None, channels: int | None) -> None:
    store = stored(bytes(range(1, 200)) * 3)
    got = decode_bare(store, AudioFormat(None, encoding, rate, channels), DEFAULT, lambda *_: None)
    assert got.frames or got.reasons
    store.discard()
