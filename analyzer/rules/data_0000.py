"""Rule data-0000."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.model.finding import Finding, Rank, Unjudged
from analyzer.rules import rule
from analyzer.rules._evidence import closed_with

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.model.session import Session


@rule("data-0000", rank=Rank.ENDING, generic="silent")
def data_0000(session: Session) -> Iterator[Finding | Unjudged]:
    """Server closed with DATA-0000.

    What it means
    At /v1/listen the payload cannot be decoded as audio: it is no audio, not the declared encoding, or a codec that the
    service does not support. At /v1/speak the same code says that a message is no known command.

    How it is found
    The server's close frame names DATA-0000, as such or as an address that ends in data0000, or has the words that stand
    for it.

    When it stays silent
    With other codes, see net-0000, net-0001 and closed-with-error, and in a session of no known service.

    What to do
    Write the audio data to a file where it is sent and check that it contains the expected audio and can be played back; if
    it is raw audio, declare its encoding and sample rate exactly.

    The command analyzer audio writes what was sent, as the capture holds it.

    References
    Deepgram, WebSocket DATA and NET errors, "Troubleshooting 1008 - DATA-0000".

    Example
    0.0 client GET /v1/listen?encoding=linear16&sample_rate=16000
    0.02 server 101
    0.1 client audio 3200 x10 every 0.1
    1.2 server close 1008 "DATA-0000"
    1.21 client close 1008
    1.3 server fin
    1.3 client fin
    verdict: data-0000
    """
    return closed_with(session, "DATA-0000")
