"""Pace of audio whose length only its decoder knows: containers, and base64 inside JSON."""

import base64
import json
from pathlib import Path

import pytest
from wire_script import write_capture

import analyzer

END = """
9.0 client text {"type":"CloseStream"}
9.02 server text {"type":"Metadata","duration":4.0,"channels":1}
9.1 server close 1000
9.11 client close 1000
9.2 server fin
9.2 client fin
"""


def rules(script: str, folder: Path) -> set[str]:
    return {finding.rule for finding in analyzer.analyze(str(write_capture(script, folder / "made.pcap"))).findings}


@pytest.mark.parametrize(("step", "found"), [(0.05, "pacing-fast"), (0.2, None), (0.4, "pacing-slow")])
def test_a_wav_is_paced_by_what_it_holds(step: float, found: str | None, tmp_path: Path) -> None:
    script = f"0.0 client GET /v1/listen?model=nova-3\n0.02 server 101\n0.1 client wav 3200 x20 every {step}\n{END}"
    assert {rule for rule in rules(script, tmp_path) if rule.startswith("pacing")} == ({found} if found else set())


def test_base64_in_json_is_paced_by_the_audio_inside(tmp_path: Path) -> None:
    start = {"event": "start", "start": {"mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}}}
    sound = base64.b64encode(bytes(range(160))).decode()
    media = json.dumps({"event": "media", "media": {"payload": sound}})
    script = (
        f"0.0 client GET /twilio\n0.02 server 101\n0.05 client text {json.dumps(start)}\n0.1 client text {media} x200 every 0.02\n"
        '4.2 client text {"event":"stop"}\n4.3 client close 1000\n4.31 server close 1000\n4.4 server fin\n4.4 client fin\n'
    )
    assert not {rule for rule in rules(script, tmp_path) if rule.startswith("pacing")}
