"""Marks beside a WAV file: it stays a WAV file, and other programs read them."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from analyzer.audio.cues import Label, append, label_track

LABELS = [Label(0.25, 0.25, "KeepAlive"), Label(0.5, 1.25, "silence-gap:\tnothing\nfor 12 s ä")]
ORIGIN = 1_795_000_000_250_000_000


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_a_wav_keeps_its_samples_and_gets_its_marks(subtype: str, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    samples = np.random.default_rng(1).uniform(-1, 1, 15_999)
    soundfile.write(path, samples, 8000, subtype)
    before = soundfile.read(path)[0]
    assert append(path, LABELS, 8000, ORIGIN)
    assert np.array_equal(soundfile.read(path)[0], before)
    data = path.read_bytes()
    assert int.from_bytes(data[4:8], "little") == len(data) - 8
    assert data.count(b"cue ") == data.count(b"bext") == 1
    shown = subprocess.run(
        ["ffprobe", "-v", "error", "-show_format", "-show_streams", "-of", "json", str(path)], capture_output=True, check=True
    )
    told = json.loads(shown.stdout)
    assert told["streams"][0]["duration_ts"] == 15_999
    tags = {name.lower(): value for name, value in told["format"]["tags"].items()}
    assert (tags["date"], tags["creation_time"]) == ("2026-11-18", "11:06:40")
    assert int(tags["time_reference"]) == (11 * 3600 + 6 * 60 + 40) * 8000 + 2000


def test_cue_points_stand_where_the_labels_are(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros(16_000), 8000, "PCM_16")
    append(path, LABELS, 8000, ORIGIN)
    chunks, data, at = {}, path.read_bytes(), 12
    while at < len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        chunks[data[at : at + 4]] = data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    cue = np.frombuffer(chunks[b"cue "], "<u4")
    assert (cue[0], cue[1::6].tolist(), cue[6::6].tolist()) == (2, [1, 2], [2000, 4000])
    texts = chunks[b"LIST"]
    assert b"labl" in texts
    assert "silence-gap: nothing for 12 s ä\0".encode() in texts
    region = texts.index(b"ltxt")
    assert np.frombuffer(texts[region + 8 : region + 16], "<u4").tolist() == [2, 6000]


def test_a_label_track_has_a_line_for_each() -> None:
    assert label_track(LABELS) == "0.250000\t0.250000\tKeepAlive\n0.500000\t1.250000\tsilence-gap: nothing for 12 s ä\n"


def test_what_is_no_plain_wav_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros(100), 8000, "PCM_16", format="RF64")
    before = path.read_bytes()
    assert not append(path, LABELS, 8000, ORIGIN)
    assert path.read_bytes() == before
