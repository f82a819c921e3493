"""What a connection carries, by the first bytes of either side. Pure functions over bytes; "not yet" is UNDECIDED."""

from collections.abc import Sequence
from enum import StrEnum

from analyzer.wire import http1
from analyzer.wire.http2_frames import PREFACE, begins_http2, begins_http2_answer

TLS_RECORDS = (b"\x16\x03", b"\x17\x03")
"""Handshake and application data (RFC 8446 section 5.1): what a TLS connection starts with, and goes on with."""
TLS_BEGINS = {record[:1] for record in TLS_RECORDS}
STRAY = 64
"""Bytes in which a first line begins: few clients send line ends before it, none sends many."""
DECIDING = 8
"""Bytes that tell HTTP from anything else."""


class Carries(StrEnum):
    """What a connection carries, as far as it is known."""

    UNDECIDED = "undecided"
    HTTP = "http"
    WEBSOCKET = "websocket"
    TLS = "tls"
    HTTP2 = "http2"
    UNKNOWN = "unknown"


def told_by(fronts: Sequence[bytes], client: int | None, *, final: bool) -> tuple[Carries, int]:
    """What the first STRAY bytes of both sides are, by table side, and of which side that is: HTTP of the client's, TLS of the
    sender's. `client` is the client's side where it is known, `final` says that no more comes. UNDECIDED waits for more, UNKNOWN
    is none of these.
    """
    for side in (client or 0, 1 - (client or 0)):
        found = _told_by_side(fronts[side], side, client, final=final)
        if found is not None:
            return found
    if client is not None and not fronts[client] and begins_http2_answer(fronts[1 - client]) and not final:
        return Carries.UNDECIDED, client  # a server of HTTP/2 may speak first
    return Carries.UNKNOWN, 0


def _told_by_side(front: bytes, side: int, client: int | None, *, final: bool) -> tuple[Carries, int] | None:
    head = front.lstrip(b"\r\n")[:DECIDING]  # RFC 9112 section 2.2
    if not head:
        return None
    enough = len(head) >= DECIDING or final
    if client in (None, side) and http1.looks_like_request(head):
        return Carries.HTTP if enough else Carries.UNDECIDED, side
    if client in (None, 1 - side) and http1.looks_like_response(head):
        return Carries.HTTP if enough else Carries.UNDECIDED, 1 - side
    if client in (None, side) and begins_http2(front, final=final):
        return Carries.HTTP2 if len(front) >= len(PREFACE) or final else Carries.UNDECIDED, side
    if head.startswith(TLS_RECORDS):
        return Carries.TLS, side
    return (Carries.UNDECIDED, side) if head in TLS_BEGINS and not final else None
