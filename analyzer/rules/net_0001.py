"""Rule net-0001."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.model.finding import Finding, Rank, Unjudged
from analyzer.rules import rule
from analyzer.rules._evidence import closed_with

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.model.session import Session


@rule("net-0001", rank=Rank.ENDING, generic="silent")
def net_0001(session: Session) -> Iterator[Finding | Unjudged]:
    """Server closed with NET-0001.

    What it means
    At /v1/listen the service received neither binary nor text from the client within its window, documented as 10 s and
    about 12 s in practice. Mostly the data that was meant to be sent was not sent: the source started late or stopped, all
    audio was sent and no CloseStream behind it, or the network lost the connection. It may also be an internal issue. At
    /v1/speak the same code says that the service failed to receive a message.

    How it is found
    The server's close frame names NET-0001, as such or as an address that ends in net0001, or has the words that stand for
    it.

    When it stays silent
    With other codes, see net-0000, data-0000 and closed-with-error, and in a session of no known service.

    What to do
    Send audio within 10 seconds after opening, {"type":"KeepAlive"} as text every 3 to 5 seconds in pauses, and
    {"type":"CloseStream"} when all audio is sent.

    When the client did all that, test your network by making a cURL request that transcribes audio hosted by the service;
    if that fails, something in your network prevents the connection.

    References
    Deepgram, WebSocket DATA and NET errors, "Troubleshooting 1011 - NET-0001".

    Example
    0.0 client GET /v1/listen?encoding=linear16&sample_rate=16000
    0.02 server 101
    12.1 server close 1011 "Deepgram did not receive audio data or a text message within the timeout window. See https://dpgr.am/net0001"
    12.11 client close 1011
    12.2 server fin
    12.2 client fin
    verdict: silence-gap
    """
    return closed_with(session, "NET-0001")
