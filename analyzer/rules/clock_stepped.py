"""Rule clock-stepped: of the capture file alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.model.finding import Finding, Rank, Severity
from analyzer.model.limits import SECOND
from analyzer.rules import file_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.model.capture import Capture


@file_rule("clock-stepped", rank=Rank.QUALITY)
def clock_stepped(capture: Capture) -> Iterator[Finding]:
    """Clock of the capturing machine was set back while it captured.

    What it means
    The times in the file fall back although the packets are in the right order. Times after that place are counted on from
    the last packet before it, so that the session keeps its order; how long the pause in between really was is not known.
    Gaps, pacing and durations across that place may be wrong by as much.

    How it is found
    Times fall back by more than a second, and most connections that have packets on both sides of the place go on across
    it: their TCP sequence numbers rise.

    When it stays silent
    Where sequence numbers fall back with the times, or no connection goes on: then packets are out of place, as in captures
    that were put behind one another, and are read in order of time. Where the clock was set forward, which looks like a pause.

    What to do
    Let the capturing machine keep its time in small steps (chrony or ntpd slew it), and do not set the clock while it captures.

    References
    ntpd manual page, stepping and slewing. RFC 9293 section 3.4, sequence numbers.

    Example
    0.0 client GET /v1/listen?encoding=linear16&sample_rate=16000
    0.1 server 101
    0.2 client audio 3200 x30 every 0.1
    1.65 client clock -5
    3.4 server text {"type":"Results","is_final":true,"start":0,"duration":3.0,"channel":{"alternatives":[{"transcript":"a"}]}}
    3.6 client close 1000
    3.61 server close 1000
    3.7 server fin
    3.7 client fin
    verdict: no-close-stream
    """
    for step in capture.log.clock_steps:
        yield Finding(
            Severity.WARNING,
            f"After packet {step.packet} the clock went back by about {step.step / SECOND:.3f} s; "
            "times after it are counted on from there.",
            packets=(step.packet, step.packet + 1),
            values={"after_packet": step.packet, "step_s": step.step / SECOND},
        )
