"""Rule base64-audio."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.model.finding import Finding, Rank, Severity, Unjudged
from analyzer.model.schema import Kind
from analyzer.rules import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.model.session import Session


@rule("base64-audio", rank=Rank.MISUSE, generic="silent")
def base64_audio(session: Session) -> Iterator[Finding | Unjudged]:
    """Audio is sent as base64 text where the service wants binary.

    What it means
    The service takes audio as the bytes themselves, in binary messages. Base64 in a text message, bare or inside JSON as
    telephony services send it, is read as a control message and refused or ignored: no audio arrives.

    How it is found
    Text messages of the client that hold base64 long enough to be audio: bare, in lines, as a data URI or in a JSON field.

    When it stays silent
    With services that want base64 in JSON, and with services that are not known.

    What to do
    Decode the base64 before sending and send the bytes as binary messages; from a Twilio media event decode media.payload
    and forward nothing else.

    References
    Deepgram, WebSocket DATA and NET errors. Twilio, Media Streams WebSocket messages. RFC 4648 section 4.

    Example
    0.0 client GET /v1/listen?encoding=linear16&sample_rate=16000
    0.02 server 101
    0.1 client base64 3200 x100 every 0.1
    10.5 server close 1011 "Deepgram did not provide a response message within the timeout window. See https://dpgr.am/net0000"
    10.51 client close 1011
    10.6 server fin
    10.6 client fin
    verdict: base64-audio
    """
    provider, client = session.provider, session.client
    rows = client.rows(Kind.BASE64)
    if not rows.size or not provider.client_audio or provider.text_audio_field:
        return
    first, last = (client.moment(int(row)) for row in (rows[0], rows[-1]))
    size = int(client.messages.column("size")[rows].sum())
    yield Finding(
        Severity.ERROR,
        f"The client sent audio as base64 in {len(rows)} text messages ({size} bytes) from {session.seconds(first.time):.2f} s on, "
        "where the service takes audio in binary messages only.",
        packets=client.packets(rows),
        time_s=session.seconds(first.time),
        until_s=session.seconds(last.time),
        side=client.side.word,
        count=len(rows),
        values={"text_bytes": size, "binary_audio_messages": int(session.audio_rows.size)},
    )
