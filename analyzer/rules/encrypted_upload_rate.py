"""Rule encrypted-upload-rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.model.finding import Confidence, Finding, Rank, Severity
from analyzer.rules import rule
from analyzer.rules._evidence import FASTEST, packets_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.model.session import Session

# Bytes per second of the raw format that takes most among those in use: 16-bit stereo at 48 kHz.
_MOST = 192_000
# So much of it must have come: two seconds.
_ENOUGH = 2 * _MOST


@rule("encrypted-upload-rate", rank=Rank.SIGNAL)
def encrypted_upload_rate(session: Session) -> Iterator[Finding]:
    """Client uploads faster than any usual audio in real time, in a connection without keys.

    What it means
    Whatever the format, live audio takes no more than 192,000 bytes a second (16-bit stereo at 48 kHz). What comes faster is a
    recording that was sent without waiting; a service slows such a session down or ends it (see pacing-fast, which judges
    the same where keys are at hand). A file that is sent by HTTP looks the same.

    How it is found
    Bytes of the client behind the upgrade request over time, pauses of more than 1 s taken out, at more than 1.25 times that
    rate, for at least two seconds' worth of it. A hint, and a note.

    When it stays silent
    With slower uploads: without keys the format is not known, and so neither how fast it should be.

    What to do
    Send audio as it comes, or wait after each message for as long as its audio lasts. To be sure, record the keys of the
    connection.

    References
    Deepgram, "Measuring streaming latency".

    Example
    0.0 client tls api.deepgram.com
    0.03 server tls
    0.05 client finished
    0.06 client record 400
    0.1 server record 150
    0.2 client record 8008 x100 every 0.01
    1.3 client record 28
    1.5 server record 4
    1.5 client record 8
    1.6 server fin
    1.6 client fin
    verdict: tls-not-decrypted
    """
    found = session.estimate
    upload = found.upload if found is not None else None
    if not session.encrypted or found is None or upload is None or upload.rate <= FASTEST * _MOST or upload.bytes < _ENOUGH:
        return
    begin = found.first[0] or session.first
    yield Finding(
        Severity.NOTE,
        f"The client uploaded {upload.bytes} bytes at {upload.rate:.0f} bytes per second, {upload.rate / _MOST:.1f} times what any "
        "usual raw audio takes in real time.",
        packets=packets_of(begin),
        time_s=session.seconds(begin.time),
        side=session.client.side.word,
        confidence=Confidence.HINT,
        values={"bytes": upload.bytes, "records": upload.records, "span_s": upload.span_s, "bytes_per_second": upload.rate},
    )
