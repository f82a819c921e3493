"""The second opinion as text and as JSON: what agrees, what there was nothing of, and how faults of tshark were worked around."""

import json

import numpy as np
import pytest

from analyzer.model.opinion import Agreement, Difference, Opinion, SecondOpinion, no_frames
from analyzer.model.places import Endpoint
from analyzer.reports.verify import FORMATS, lines

ENDS = Endpoint("192.0.2.1", 50000), Endpoint("198.51.100.1", 8443)


def opinion(verdict: Agreement, count: int = 0, faults: dict[str, int] | None = None, **more: dict[str, str]) -> Opinion:
    """A session of which the sides have so many frames."""
    counts = {side: {"ours": count, "wireshark": count, "agree": count} for side in ("client", "server")}
    each = Difference("ours", "client", 7, "only we see a text frame of 3 bytes", "out-of-order")
    found = sum((faults or {}).values())
    return Opinion(1, 0, *ENDS, verdict, counts, faults or {}, {"ours": found} if found else {}, (each,) * found, "", **more)


def said(*sessions: Opinion, form: str = "text") -> str:
    return "".join(lines(SecondOpinion({"name": "analyzer"}, "a.pcap", "4.0.17", sessions), form))


def test_of_a_session_without_frames_nothing_is_claimed() -> None:
    text = said(opinion(Agreement.NOTHING), opinion(Agreement.AGREES, 3))
    assert "> 198.51.100.1:8443: no frames to compare\n" in text
    assert text.endswith("2 sessions: 1 no frames to compare, 1 agrees\n")


@pytest.mark.parametrize(
    ("count", "option", "expected"),
    [
        (0, "-d tcp.port==8443,http", "worked around for this comparison by: tshark -d tcp.port==8443,http"),
        (2, "-d tcp.port==8443,http", "2 differences, worked around for this comparison by: tshark -d tcp.port==8443,http"),
        (2, None, "2 differences"),
        (0, None, "worked around for this comparison"),
    ],
)
def test_how_a_fault_was_worked_around_is_said(count: int, option: str | None, expected: str) -> None:
    one = opinion(Agreement.KNOWN_FAULT, 3, {"odd-port": count}, workarounds={"odd-port": option} if option else {})
    assert f"  known fault odd-port: {expected}\n" in said(one)


def test_json_has_the_same() -> None:
    one = opinion(Agreement.KNOWN_FAULT, 3, {"out-of-order": 1}, workarounds={"out-of-order": "-o x:TRUE"})
    told = json.loads(said(one, form="json"))
    assert (told["schema"], told["sound"]) == ("analyzer-verify/1", True)
    (session,) = told["sessions"]
    assert session["client"] == {"ip": "192.0.2.1", "port": 50000}
    assert session["known_faults"] == {"out-of-order": 1}
    assert session["workarounds"] == {"out-of-order": "-o x:TRUE"}
    assert [each["known_fault"] for each in session["first_differences"]] == ["out-of-order"]


@pytest.mark.parametrize("form", FORMATS)
def test_without_sessions_there_is_no_verdict(form: str) -> None:
    assert ("No WebSocket session" in said(form=form)) is (form == "text")
    assert all(len(column) == 0 and isinstance(column, np.ndarray) for column in no_frames().values())
