"""Audio under a wrong label, through the public API: what was declared, what was sent, and what it is found to be."""

import base64
import io
import json
import struct
import wave
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from load import ACK, FIN, START, Packet, _Talk, write_pcap

import analyzer
from analyzer.audio.actual import judge, undeclared
from analyzer.audio.clock import Clocks
from analyzer.audio.codecs import RAW
from analyzer.cli import main
from analyzer.model.settings import Dump, Settings
from analyzer.model.track import AudioFormat

Signal = np.ndarray[Any, Any]
Voice = Callable[..., Signal]
SECOND = 1_000_000_000
HEAD = 262_144


def companded(samples: Signal, law: str) -> bytes:
    """The nearest code for every sample."""
    levels = RAW[law].table.astype(int)  # type: ignore[attr-defined]
    order = np.argsort(levels, kind="stable")
    between = (levels[order][1:] + levels[order][:-1]) / 2
    return order[np.searchsorted(between, samples)].astype(np.uint8).tobytes()


def wav_of(samples: bytes, rate: int, channels: int = 1) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((channels, 2, rate, 0, "NONE", ""))
        writer.writeframes(samples)
    return file.getvalue()


RAW_OF: dict[str, Callable[[Signal], bytes]] = {
    "linear16": lambda samples: samples.astype("<i2").tobytes(),
    "mulaw": lambda samples: companded(samples, "mulaw"),
    "alaw": lambda samples: companded(samples, "alaw"),
    "linear32": lambda samples: (samples / 32768 + 1e-6).astype("<f4").tobytes(),
    "pcm_f64le": lambda samples: (samples / 32771).astype("<f8").tobytes(),
    "pcm_s16be": lambda samples: samples.astype(">i2").tobytes(),
    "pcm_s24le": lambda samples: wide(samples)[:, 1:].tobytes(),
    "pcm_s24be": lambda samples: wide(samples)[:, :0:-1].tobytes(),
    "pcm_s32le": lambda samples: wide(samples).tobytes(),
    "pcm_u8": lambda samples: ((samples >> 8) + 128).astype(np.uint8).tobytes(),
}


def wide(samples: Signal) -> Signal:
    """32-bit little-endian integers whose lower half is not empty, a row of bytes each."""
    low = np.random.default_rng(5).integers(0, 1 << 16, len(samples))
    return ((samples.astype(np.int64) << 16) + low).astype("<i4").view(np.uint8).reshape(-1, 4)


def chunks(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def rtp(payloads: Sequence[bytes], kind: int, *, extended: bool = False) -> list[bytes]:
    """RTP packets, with one contributing source, a header extension and padding if `extended`."""
    first, rest = (0xB1, b"\0\0\0\7\xbe\xde\0\1\x10\xff\0\0") if extended else (0x80, b"")
    end = b"\0\0\0\4" if extended else b""
    return [
        struct.pack(">BBHII", first, kind, 65530 + number & 0xFFFF, number * 160, 0x1234) + rest + payload + end
        for number, payload in enumerate(payloads)
    ]


def ogg_packets(data: bytes) -> Iterator[bytes]:
    """The packets of an Ogg stream (RFC 3533), without the two headers of Opus."""
    at, held, count = 0, b"", 0
    while at < len(data):
        table = data[at + 27 : at + 27 + data[at + 26]]
        at += 27 + len(table)
        for size in table:
            held += data[at : at + size]
            at += size
            if size < 255:
                count += 1
                if count > 2:
                    yield held
                held = b""


def capture(path: Path, query: str, messages: Sequence[bytes], interval_s: float, counted_s: float | None = None) -> Path:
    """One session that sends so many messages, one every `interval_s`."""

    def packets() -> Iterator[Packet]:
        talk = _Talk((bytes([10, 1, 0, 1]), 40_000), START)
        yield from talk.open(f"/v1/listen?{query}")
        for number, message in enumerate(messages, 1):
            talk.time = max(talk.time, START + round(number * interval_s * SECOND))
            yield from talk.say(0, 2, message, b"\x11\x22\x33\x44")
        yield from talk.say(0, 1, b'{"type":"CloseStream"}', b"\x11\x22\x33\x44")
        if counted_s is not None:
            yield from talk.say(1, 1, json.dumps({"type": "Metadata", "duration": counted_s, "channels": 1}).encode())
        yield from talk.say(1, 8, b"\x03\xe8")
        yield from talk.say(0, 8, b"\x03\xe8", b"\x11\x22\x33\x44")
        yield talk.packet(1, FIN | ACK)
        yield talk.packet(0, FIN | ACK)

    write_pcap(path, packets())
    return path


class Sent(NamedTuple):
    """What stands in the query, the messages and the time between two, and what they really are."""

    query: str
    messages: Sequence[bytes]
    interval_s: float
    encoding: str | None
    sample_rate: int | None
    channels: int | None = 1
    container: str | None = None


def streamed(query: str, really: str, samples: Signal, rate: int, *, channels: int = 1, ms: int = 100, drop: int = 0) -> Sent:
    """Raw audio in real time."""
    size = rate * ms // 1000 * RAW[really](channels).width
    return Sent(query, chunks(RAW_OF[really](samples)[drop:], size), ms / 1000, really, rate, channels)


def declared(encoding: str, rate: int = 16000, channels: int = 0) -> str:
    return f"encoding={encoding}&sample_rate={rate}" + (f"&channels={channels}" if channels else "")


RAW_ERRORS = [
    ("linear16", "linear32", 16000),
    ("linear32", "linear16", 16000),
    ("linear16", "mulaw", 8000),
    ("linear16", "alaw", 8000),
    ("mulaw", "linear16", 8000),
    ("alaw", "linear16", 8000),
    ("mulaw", "alaw", 8000),
    ("alaw", "mulaw", 8000),
    ("linear16", "pcm_s16be", 16000),
    ("linear16", "pcm_s24le", 16000),
    ("linear16", "pcm_s24be", 16000),
    ("linear16", "pcm_u8", 16000),
    ("mulaw", "pcm_u8", 8000),
    ("linear16", "pcm_s32le", 16000),
    ("linear32", "pcm_s32le", 16000),
    ("linear32", "pcm_f64le", 16000),
    ("linear16", "pcm_f64le", 16000),
]
RATE_ERRORS = [(16000, 48000), (16000, 8000), (8000, 16000), (48000, 44100)]


@pytest.fixture(scope="session")
def table(voice: Voice, encoded: Callable[..., bytes]) -> dict[str, Sent]:
    """Every label error by its name."""

    def spoken(rate: int, pitch: float = 115.0, seconds: float = 5) -> Signal:
        """With a pause in it, as in speech."""
        signal = voice(rate, seconds, pitch)
        signal[rate : rate * 3 // 2] //= 200
        return signal

    made = {
        f"{really} as {stated}": streamed(
            declared(stated, rate), really, spoken(rate, 100 + 7 * number), rate, ms=20 if rate == 8000 else 100
        )
        for number, (stated, really, rate) in enumerate(RAW_ERRORS)
    }
    for stated, really in RATE_ERRORS:
        made[f"{really} Hz as {stated} Hz"] = streamed(declared("linear16", stated), "linear16", spoken(really), really)
    both = np.stack([spoken(16000), spoken(16000, 190)], 1).reshape(-1)
    made["stereo as mono"] = streamed(declared("linear16"), "linear16", both, 16000, channels=2)
    made["mono as stereo"] = streamed(declared("linear16", 16000, 2), "linear16", spoken(16000), 16000)
    made["a byte lost"] = streamed(declared("linear16"), "linear16", spoken(16000), 16000, drop=1)
    whole = chunks(RAW_OF["linear16"](spoken(16000)), 3200)
    torn = [*whole[:20], whole[20][:-1], *whole[21:]]
    made["a byte lost in mid-stream"] = Sent(declared("linear16"), torn, 0.1, "linear16", 16000)
    made["undeclared linear16"] = streamed("model=nova-3", "linear16", spoken(16000), 16000)
    made["undeclared stereo"] = streamed("model=nova-3", "linear16", both, 16000, channels=2)
    made["undeclared mulaw"] = streamed("model=nova-3", "mulaw", spoken(8000), 8000, ms=20)

    law = chunks(RAW_OF["mulaw"](spoken(8000)), 160)
    texts = [base64.b64encode(one) for one in law]
    made["base64 as mulaw"] = Sent(declared("mulaw", 8000), texts, 0.02, "mulaw", 8000, 1, "base64")
    media = [json.dumps({"event": "media", "media": {"payload": text.decode()}}).encode() for text in texts]
    made["Twilio JSON as mulaw"] = Sent(declared("mulaw", 8000), media, 0.02, "mulaw", 8000, 1, "json")
    form = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
    start = json.dumps({"event": "start", "start": {"streamSid": "MZ" + "0" * 32, "mediaFormat": form}}).encode()
    made["Twilio JSON with its start as linear16"] = Sent(declared("linear16"), [start, *media], 0.02, "mulaw", 8000, 1, "json")
    made["RTP as mulaw"] = Sent(declared("mulaw", 8000), rtp(law, 0), 0.02, "mulaw", 8000, 1, "rtp")
    european = chunks(RAW_OF["alaw"](spoken(8000)), 160)
    dynamic = rtp(european, 96, extended=True)
    made["RTP of a dynamic type as mulaw"] = Sent(declared("mulaw", 8000), dynamic, 0.02, "alaw", 8000, 1, "rtp")

    file = wav_of(RAW_OF["linear16"](spoken(8000)), 8000)
    made["WAV as mulaw"] = Sent(declared("mulaw", 8000), chunks(file, 1600), 0.1, "linear16", 8000, 1, "wav")
    each = [wav_of(one, 16000) for one in whole]
    made["a WAV per chunk as linear16"] = Sent(declared("linear16"), each, 0.1, "linear16", 16000, 1, "wav")
    amid = [*whole[:9], wav_of(b"".join(whole[9:12]), 16000), *whole[12:]]
    made["a WAV header amid linear16"] = Sent(declared("linear16"), amid, 0.1, "linear16", 16000, 1, "wav")
    ogg = encoded("opus.ogg", "-c:a", "libopus")
    made["Ogg Opus as linear16"] = Sent(declared("linear16"), chunks(ogg, 800), 0.1, "opus", 48000, 1, "ogg")
    webm = encoded("opus.webm", "-c:a", "libopus")
    made["WebM as opus"] = Sent(declared("opus", 48000), chunks(webm, 800), 0.1, "opus", 48000, 1, "webm")
    mp3 = encoded("a.mp3", "-c:a", "libmp3lame")
    made["MP3 as linear16"] = Sent(declared("linear16"), chunks(mp3, 800), 0.1, "mp3", 16000, 1, "mp3")
    packets = list(ogg_packets(ogg))
    made["bare Opus as ogg-opus"] = Sent(declared("ogg-opus", 48000), packets, 0.02, "opus", 48000)
    made["bare Opus as linear16"] = Sent(declared("linear16"), packets, 0.02, "opus", 48000)
    return made


NAMES = [
    *(f"{really} as {stated}" for stated, really, _ in RAW_ERRORS),
    *(f"{really} Hz as {stated} Hz" for stated, really in RATE_ERRORS),
    *(
        "stereo as mono",
        "mono as stereo",
        "a byte lost",
        "a byte lost in mid-stream",
        "undeclared linear16",
        "undeclared stereo",
        "undeclared mulaw",
    ),
    *("base64 as mulaw", "Twilio JSON as mulaw", "Twilio JSON with its start as linear16"),
    *("RTP as mulaw", "RTP of a dynamic type as mulaw"),
    *("WAV as mulaw", "a WAV per chunk as linear16", "a WAV header amid linear16"),
    *("Ogg Opus as linear16", "WebM as opus", "MP3 as linear16", "bare Opus as ogg-opus", "bare Opus as linear16"),
]
CERTAIN = {
    *("Twilio JSON with its start as linear16", "RTP as mulaw", "WAV as mulaw", "a WAV per chunk as linear16"),
    *("Ogg Opus as linear16", "WebM as opus", "MP3 as linear16"),
}
"""What a header states."""


@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_label_is_seen_through(name: str, table: dict[str, Sent], tmp_path: Path) -> None:
    sent = table[name]
    path = capture(tmp_path / "wrong.pcap", sent.query, sent.messages, sent.interval_s)
    (session,) = analyzer.analyze(path, settings=Settings(dump=Dump(tmp_path, guess=True))).sessions
    track = session.audio["client"]
    assert track is not None
    found = track["format"]["actual"]
    assert found is not None
    got = tuple(found[key] for key in ("encoding", "sample_rate", "channels", "container"))
    assert got == (sent.encoding, sent.sample_rate, sent.channels or 1, sent.container), found["evidence"]
    assert found["confidence"] == ("certain" if name in CERTAIN else "likely")
    assert any(character.isdigit() for character in found["evidence"])
    duration = len(sent.messages) * sent.interval_s
    assert track["guess_s"] == pytest.approx(duration, rel=0.05) or sent.container in ("ogg", "webm", "mp3")
    assert Path(track["files"]["guess"]).stat().st_size > 10_000


@settings(max_examples=60)
@given(
    encoding=st.sampled_from(["linear16", "mulaw", "alaw", "linear32", "pcm_s16be", "pcm_s24le", "pcm_u8"]),
    rate=st.sampled_from([8000, 16000, 44100]),
    channels=st.integers(1, 2),
    kind=st.sampled_from(["voice", "chord", "tone", "noise", "clicks", "silence", "voice and noise", "hum"]),
    level=st.floats(0.0005, 1.4),
    seed=st.integers(0, 99),
)
def test_healthy_audio_is_never_something_else(
    voice: Voice, encoding: str, rate: int, channels: int, kind: str, level: float, seed: int
) -> None:
    """Of any kind, at any level up to clipping, under any encoding that is its own."""
    random = np.random.default_rng(seed)
    time = np.arange(rate * 3) / rate
    signal = {
        "voice": lambda: voice(rate, 3, 80 + 2.0 * seed) / 14000,
        "chord": lambda: sum(np.sin(2 * np.pi * (110 + seed) * ratio * time) for ratio in (1, 1.26, 1.5, 2, 3)) / 5,
        "tone": lambda: np.sin(2 * np.pi * rate * 0.49 * seed / 100 * time),
        "noise": lambda: random.normal(0, 0.3, len(time)),
        "clicks": lambda: (random.random(len(time)) < 0.002) * random.choice([-1.0, 1.0], len(time)),
        "silence": lambda: np.zeros(len(time)),
        "voice and noise": lambda: voice(rate, 3) / 14000 + random.normal(0, 0.2 * seed / 100, len(time)),
        "hum": lambda: np.sin(2 * np.pi * 50 * time) * 0.2 + random.normal(0, 0.0005, len(time)) + 0.01,
    }[kind]()
    both = np.stack([signal, signal[::-1]][:channels], 1).reshape(-1)
    samples = np.clip(both * level * 32767, -32768, 32767).astype(np.int64)
    head = RAW_OF[encoding](samples)
    found = judge(head[:HEAD], AudioFormat(None, encoding, rate, channels), Clocks())
    assert found is None, found.evidence
    guessed = undeclared(head[:HEAD])
    assert guessed is None or guessed.encoding == encoding or guessed.confidence == "hint"


def test_the_service_counted_more_than_was_sent(voice: Voice, tmp_path: Path) -> None:
    """All of a file at once, so that no pace tells; but the service took it for another rate."""
    messages = chunks(voice(8000, 4).tobytes(), 3200)
    found = {}
    for counted_s in (4.0, 2.0, 1.0, 0.0, None, 3.1):
        path = capture(tmp_path / "counted.pcap", declared("linear16"), messages, 0.0, counted_s)
        (session,) = analyzer.analyze(path, frames=False).sessions
        found[counted_s] = (session.audio["client"] or {})["format"]["actual"]
    assert {counted_s for counted_s, actual in found.items() if actual is not None} == {4.0}
    assert (found[4.0]["encoding"], found[4.0]["sample_rate"], found[4.0]["confidence"]) == ("linear16", 8000, "hint")
    assert "2.00 s as declared the service counted as 4.00 s" in found[4.0]["evidence"]


def test_the_command_says_what_the_guess_is(voice: Voice, tmp_path: Path) -> None:
    path = capture(tmp_path / "wrong.pcap", declared("linear16"), chunks(RAW_OF["alaw"](voice(8000, 3)), 160), 0.02)
    result = CliRunner().invoke(main, ["audio", str(path), "-o", str(tmp_path / "out"), "--guess"])
    assert result.exit_code == 0, result.output
    assert {file.name for file in (tmp_path / "out").iterdir()} == {"session-1-client.wav", "session-1-client.guess.wav"}
    assert "3 s decoded as alaw, 8000 Hz" in " ".join(result.output.split())
    with wave.open(str(tmp_path / "out" / "session-1-client.guess.wav")) as file:
        assert (file.getframerate(), file.getnframes()) == (8000, 24000)
