"""Rule net-0000."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.model.finding import Finding, Rank, Unjudged
from analyzer.rules import rule
from analyzer.rules._evidence import closed_with

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.model.session import Session


@rule("net-0000", rank=Rank.ENDING, generic="silent")
def net_0000(session: Session) -> Iterator[Finding | Unjudged]:
    """Server closed with NET-0000.

    What it means
    At /v1/listen the service sent no text message within its window: it may have an internal issue, or it did not receive
    enough audio, or none that it could decode, to transcribe anything. At /v1/speak the same code is an internal error of
    the service.

    How it is found
    The server's close frame names NET-0000, as such or as an address that ends in net0000, or has the words that stand for
    it.

    When it stays silent
    With other codes, see net-0001, data-0000 and closed-with-error, and in a session of no known service.

    What to do
    Check first that audio in the declared format was sent, as the other findings say; then the status page of the service,
    https://status.deepgram.com.

    If all systems are operational, contact support and include the error received, the request id, a sample of your audio,
    and any related code you are able to share.

    References
    Deepgram, WebSocket DATA and NET errors, "Troubleshooting 1011 - NET-0000".

    Example
    0.0 client GET /v1/listen?encoding=linear16&sample_rate=16000
    0.02 server 101
    0.1 client audio 3200 x120 every 0.1
    12.1 server close 1011 "Deepgram did not provide a response message within the timeout window. See https://dpgr.am/net0000"
    12.11 client close 1011
    12.2 server fin
    12.2 client fin
    verdict: net-0000
    """
    return closed_with(session, "NET-0000")
