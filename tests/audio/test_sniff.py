"""What bytes show themselves to be, and that raw audio shows nothing."""

import base64
import json
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.audio.headers import Found
from analyzer.audio.sniff import WRAPPINGS, describe, repeated, sniff, sniff_middle, sniff_rtp

MAKING: dict[str, tuple[tuple[str, ...], tuple[str, str, int, int]]] = {
    "a.wav": (("-c:a", "pcm_s16le"), ("wav", "linear16", 16000, 1)),
    "mulaw.wav": (("-c:a", "pcm_mulaw", "-ar", "8000"), ("wav", "mulaw", 8000, 1)),
    "alaw.wav": (("-c:a", "pcm_alaw", "-ar", "8000"), ("wav", "alaw", 8000, 1)),
    "float.wav": (("-c:a", "pcm_f32le", "-ac", "2"), ("wav", "linear32", 16000, 2)),
    "wide.wav": (("-c:a", "pcm_s24le", "-ar", "48000"), ("wav", "pcm_s24le", 48000, 1)),
    "opus.ogg": (("-c:a", "libopus"), ("ogg", "opus", 48000, 1)),
    "vorbis.ogg": (("-c:a", "libvorbis", "-ac", "2"), ("ogg", "vorbis", 16000, 2)),
    "speex.ogg": (("-c:a", "libspeex", "-ar", "8000"), ("ogg", "speex", 8000, 1)),
    "flac.ogg": (("-c:a", "flac"), ("ogg", "flac", 16000, 1)),
    "opus.webm": (("-c:a", "libopus"), ("webm", "opus", 48000, 1)),
    "vorbis.webm": (("-c:a", "libvorbis"), ("webm", "vorbis", 16000, 1)),
    "pcm.mkv": (("-c:a", "pcm_s16le"), ("matroska", "linear16", 16000, 1)),
    "a.flac": (("-c:a", "flac"), ("flac", "flac", 16000, 1)),
    "a.mp3": (("-c:a", "libmp3lame"), ("mp3", "mp3", 16000, 1)),
    "bare.mp3": (("-c:a", "libmp3lame", "-id3v2_version", "0", "-write_xing", "0"), ("mp3", "mp3", 16000, 1)),
    "a.aac": (("-c:a", "aac"), ("aac", "aac", 16000, 1)),
    "a.aiff": ((), ("aiff", "pcm_s16be", 16000, 1)),
    "a.au": ((), ("au", "pcm_s16be", 16000, 1)),
    "a.caf": (("-c:a", "pcm_s16le"), ("caf", "linear16", 16000, 1)),
}


@pytest.mark.parametrize("name", MAKING)
def test_formats_made_by_ffmpeg(name: str, encoded: Callable[..., bytes]) -> None:
    options, expected = MAKING[name]
    found = sniff(encoded(name, *options)[:65536])
    assert found is not None
    assert (found.container, found.encoding, found.sample_rate, found.channels) == expected
    assert not found.headless


@pytest.mark.parametrize(("name", "options"), [("a.m4a", ()), ("fragmented.mp4", ("-movflags", "frag_keyframe+empty_moov"))])
def test_mp4(name: str, options: tuple[str, ...], encoded: Callable[..., bytes]) -> None:
    found = sniff(encoded(name, "-c:a", "aac", *options)[:65536])
    assert found is not None
    assert found.container == "mp4"
    if "fragmented" in name:
        assert (found.encoding, found.sample_rate) == ("aac", 16000)


@pytest.mark.parametrize("name", MAKING)
def test_every_beginning_of_a_header_is_taken_without_error(name: str, encoded: Callable[..., bytes]) -> None:
    head = encoded(name, *MAKING[name][0])[:400]
    for length in range(len(head)):
        found = sniff(head[:length])
        assert found is None or found.container in {MAKING[name][1][0], "webm", "base64", "json"}


def test_extensible_wav_states_the_format_in_its_guid() -> None:
    fmt = struct.pack("<HHIIHHHHI", 0xFFFE, 2, 48000, 192000, 4, 16, 22, 16, 3) + b"\x01\x00" + bytes(14)
    head = b"RIFF\xff\xff\xff\xffWAVEfmt " + struct.pack("<I", len(fmt)) + fmt + b"data\xff\xff\xff\xff"
    found = sniff(head)
    assert found is not None
    assert (found.encoding, found.sample_rate, found.channels) == ("linear16", 48000, 2)


def test_streams_without_their_header(encoded: Callable[..., bytes]) -> None:
    webm = encoded("opus.webm", "-c:a", "libopus")
    cluster = webm.index(b"\x1f\x43\xb6\x75")
    block = webm.index(b"\xa3", cluster)
    ogg = encoded("opus.ogg", "-c:a", "libopus")
    fragmented = encoded("fragmented.mp4", "-c:a", "aac", "-movflags", "frag_keyframe+empty_moov")
    cases = {
        "webm": (webm[cluster:], webm[block:]),
        "ogg": (ogg[ogg.index(b"OggS", 1) :],),
        "mp4": (fragmented[fragmented.index(b"moof") - 4 :],),
    }
    for container, heads in cases.items():
        for head in heads:
            found = sniff(head[:65536])
            assert found is not None
            assert (found.container, found.headless) == (container, True)


@pytest.mark.parametrize(
    ("name", "options", "container"),
    [
        ("m.webm", ("-c:a", "libopus", "-cluster_time_limit", "500"), "webm"),
        ("m.ogg", ("-c:a", "libopus", "-page_duration", "200000"), "ogg"),
        ("m.mp4", ("-c:a", "aac", "-movflags", "frag_keyframe+empty_moov", "-frag_duration", "200000"), "mp4"),
    ],
)
def test_streams_cut_anywhere(name: str, options: tuple[str, ...], container: str, encoded: Callable[..., bytes]) -> None:
    whole = encoded(name, *options)
    for at in (len(whole) // 3, len(whole) // 2):
        found = sniff_middle(whole[at:])
        assert found is not None
        assert (found.container, found.headless) == (container, True)


def test_no_stream_is_found_in_any_bytes() -> None:
    assert sniff_middle(np.random.default_rng(0).integers(0, 256, 1 << 18).astype(np.uint8).tobytes()) is None
    assert sniff_middle(b"") is None


def test_text_in_place_of_audio(voice: Callable[..., np.ndarray[Any, Any]]) -> None:
    audio = voice(8000, 1).tobytes()
    media = json.dumps({"event": "media", "media": {"payload": base64.b64encode(audio[:160]).decode()}}).encode()
    for head, container in ((base64.b64encode(audio), "base64"), (media, "json"), (base64.encodebytes(audio), "base64")):
        found = sniff(head)
        assert found is not None
        assert found.container == container
        assert container in WRAPPINGS


@pytest.mark.parametrize("idle", [b"\xff", b"\x7f", b"\xd5", b"\x55", b"\x00"])
def test_silence_is_no_container(idle: bytes) -> None:
    assert sniff(idle * 65536) is None


def test_raw_audio_is_no_container(voice: Callable[..., np.ndarray[Any, Any]], ffmpeg: Callable[..., bytes]) -> None:
    for rate in (8000, 16000, 48000):
        samples = voice(rate, 2)
        for form in ("s16le", "mulaw", "alaw", "f32le", "s16be"):
            raw = ffmpeg(samples.tobytes(), "-f", "s16le", "-ar", str(rate), "-ac", "1", "-i", "-", "-f", form, "-")
            assert all(sniff(raw[start : start + 4096]) is None for start in range(0, len(raw) - 4096, 4096))


MAGICS = (
    b"RIFF....WAVE",
    b"OggS",
    b"\x1a\x45\xdf\xa3",
    b"fLaC",
    b"FORM....AIFF",
    b".snd",
    b"caff",
    b"....ftyp",
    b"ID3\x03",
    b"\xff\xfb",
)


@given(st.binary(max_size=300), st.sampled_from([*MAGICS, b"\xff\xf1", b"\xa3", b"{", b""]))
def test_any_bytes_are_taken(tail: bytes, magic: bytes) -> None:
    found = sniff(magic + tail)
    assert found is None or describe(found)


def test_rtp_needs_rising_numbers_and_one_source() -> None:
    packets = [struct.pack(">BBHII", 0x80, 0, (65530 + number) % 65536, number * 160, 7) for number in range(20)]
    found = sniff_rtp(packets)
    assert found is not None
    assert (found.container, found.encoding, found.sample_rate) == ("rtp", "mulaw", 8000)
    assert sniff_rtp([*packets[:5], *packets[6:]]) is None
    assert sniff_rtp(packets[:2]) is None
    assert sniff_rtp([b"\x80\x00"] * 20) is None


def test_headers_of_their_own_are_counted() -> None:
    assert repeated(Found("wav"), [b"RIFF12345678", b"RIFF12345679", b"abcdefghijkl"]) == 2
    assert repeated(Found("ogg"), [b"OggS12345678", b"OggS12345679"]) == 1


def test_description_names_what_is_known() -> None:
    assert describe(Found("wav", "linear16", 8000, 2)) == "WAV (linear16, 8000 Hz, 2 channels)"
    assert describe(Found("webm")) == "WebM"
