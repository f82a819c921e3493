"""Rule encoding-not-declared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.model.finding import Finding, Rank, Severity, Unjudged
from analyzer.rules import rule
from analyzer.rules._evidence import close_token, packets_of, server_close

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.model.session import Session
    from analyzer.model.track import ActualFormat, Track

_UNDECODABLE = {"DATA-0000", "NET-0000"}


@rule("encoding-not-declared", rank=Rank.FORMAT, generic="silent")
def encoding_not_declared(session: Session) -> Iterator[Finding | Unjudged]:
    """Raw audio is sent without encoding and sample rate.

    What it means
    Raw audio does not say what it is. The service needs both encoding and sample_rate for it, and neither for audio in a
    container, where it reads them from the header. Without them it gets bytes that it cannot decode: often nothing comes
    back but a summary with duration 0 and channels 0, or the session closes with DATA-0000 or NET-0000.

    How it is found
    The request declares no encoding and the first audio is no known container, or the request has one of encoding and
    sample_rate without the other. It is an error when nothing came back or the server closed for it, else a warning. Where
    the signal shows what raw bytes are, the finding says so, with the rate and channels that a steady sender gives away.

    When it stays silent
    Where the handshake or the first audio is not in the capture, at endpoints with a default format, and in a session of no
    known service. A container whose header was never sent has a rule of its own, container-header-missing.

    What to do
    Add encoding and sample_rate to the address as the source really delivers them, for instance encoding=linear16 and
    sample_rate=16000, and channels when there is more than one; leave out both for WAV, Ogg, WebM and other containers.

    References
    Deepgram, WebSocket DATA and NET errors, "Troubleshooting 1008 - DATA-0000"; the pages on encoding and sample rate.

    Example
    0.0 client GET /v1/listen?model=nova-3
    0.02 server 101
    0.1 client audio 3200 x20 every 0.1
    2.2 client text {"type":"CloseStream"}
    2.22 server text {"type":"Metadata","duration":0.0,"channels":0}
    2.3 server close 1000
    2.31 client close 1000
    2.4 server fin
    2.4 client fin
    verdict: encoding-not-declared
    """
    provider, request, track = session.provider, session.upgrade.request, session.client_audio
    names = provider.parameters
    if not session.accepted or not provider.client_audio or not provider.containers or names.source != "query" or track is None:
        return
    if request is None:
        yield Unjudged("the handshake is not in the capture")
        return
    encoding, rate = request.query.get(names.encoding), request.query.get(names.sample_rate)
    if encoding and rate:
        return
    if request.partial:
        yield Unjudged("part of the upgrade request is not in the capture")
        return
    if not encoding and not rate:
        if track.format.container or (track.actual and track.actual.container) or track.headless:
            return
        if not track.head:
            yield Unjudged("the first audio is not in the capture")
            return
        what = f"sent raw audio and declared neither {names.encoding} nor {names.sample_rate}"
    else:
        there, lacking = (names.encoding, names.sample_rate) if encoding else (names.sample_rate, names.encoding)
        what = f"declared {there} without {lacking}"
    closed = server_close(session)
    token = close_token(session, closed) if closed else None
    refused = token is not None and token.token in _UNDECODABLE
    silent = not session.service.results and session.ended and not session.server.missing
    outcome = " Nothing came back but the end of the session." if silent else ""
    first = session.client.moment(int(session.audio_rows[0]))
    yield Finding(
        Severity.ERROR if refused or silent else Severity.WARNING,
        f"The client {what}.{outcome}{_guess(track, encoding)}",
        packets=packets_of(request.at, first),
        time_s=session.seconds(first.time),
        side=session.client.side.word,
        values={
            "encoding": encoding,
            "sample_rate": rate,
            "results": session.service.results,
            "looks_like": _looks(track.actual) if not encoding else None,
        },
    )


def _looks(actual: ActualFormat | None) -> dict[str, object] | None:
    """What the bytes probably are, as plain values."""
    if actual is None:
        return None
    return {"encoding": actual.encoding, "sample_rate": actual.sample_rate, "channels": actual.channels}


def _guess(track: Track, encoding: str | None) -> str:
    """Say what the bytes probably are, where the signal tells."""
    actual = track.actual
    if actual is None or encoding or not actual.encoding:
        return ""
    rate = f" at {actual.sample_rate} Hz" if actual.sample_rate else ""
    channels = f" with {actual.channels} channels" if actual.channels and actual.channels > 1 else ""
    return f" {actual.evidence} The bytes look like {actual.encoding}{rate}{channels}."
