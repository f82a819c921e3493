"""Rule container-header-missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.model.finding import Confidence, Finding, Rank, Severity, Unjudged
from analyzer.rules import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.model.session import Session

_NAMES = {"ogg": "an Ogg", "webm": "a WebM", "mp4": "an MP4"}


@rule("container-header-missing", rank=Rank.FORMAT, generic="silent")
def container_header_missing(session: Session) -> Iterator[Finding | Unjudged]:
    """Container audio begins in the middle, its header was never sent.

    What it means
    WebM, Ogg and MP4 describe their audio once, at the beginning. A recorder that went on running while the connection was
    opened again, or a first chunk that was sent before the connection was open, leaves the service with data that it cannot
    decode.

    How it is found
    The audio of the session begins without a container's header, and a WebM cluster or blocks, an Ogg page that is not a
    stream's first, or an MP4 fragment is among its first bytes. Raw audio that was declared is not searched for them.

    When it stays silent
    Where the beginning of the session or bytes of the client are not in the capture.

    What to do
    Start a new recorder for every new connection, after it is open, or keep the first chunk and send it again first.

    References
    Matroska (RFC 9559) section 4.5; Ogg (RFC 3533) section 6, the flag for the beginning of a stream.

    Example
    0.0 client GET /v1/listen?model=nova-3
    0.02 server 101
    0.1 client binary hex:1f43b67501ffffffffffffffe78100a3408181000080
    0.2 client audio 3200 x20 every 0.1
    2.3 client text {"type":"CloseStream"}
    2.32 server text {"type":"Metadata","duration":0.0,"channels":0}
    2.4 server close 1000
    2.41 client close 1000
    2.5 server fin
    2.5 client fin
    verdict: container-header-missing
    """
    track = session.client_audio
    if track is None or not session.accepted:
        return
    if track.headless is None:
        return
    if session.opened != "handshake" or session.client.missing:
        yield Unjudged("the beginning of the audio may not be in the capture")
        return
    first = session.client.moment(int(session.audio_rows[0]))
    name = _NAMES.get(track.headless, f"a {track.headless}")
    yield Finding(
        Severity.ERROR,
        f"The audio of the client begins in the middle of {name} stream: its header was never sent, and it cannot be decoded.",
        packets=session.client.packets(session.audio_rows[:1]),
        time_s=session.seconds(first.time),
        side=session.client.side.word,
        confidence=Confidence.CERTAIN,
        values={"container": track.headless},
    )
