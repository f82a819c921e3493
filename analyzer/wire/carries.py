"""What a connection carries, by the first bytes of either side, or by what is found in the middle of it. Pure functions over bytes;
"not yet" is UNDECIDED, or None.
"""

from collections.abc import Sequence
from enum import StrEnum

from analyzer.model.http2 import PREFACE
from analyzer.model.schema import Side
from analyzer.model.streams import Data, Gap
from analyzer.wire import http1
from analyzer.wire.http2_frames import begins_http2, begins_http2_answer
from analyzer.wire.http2_search import find_header, is_behind_data
from analyzer.wire.resync import find_frame

TLS_RECORDS = (b"\x16\x03", b"\x17\x03")
"""Handshake and application data (RFC 8446 section 5.1): what a TLS connection starts with, and goes on with."""
TLS_BEGINS = {record[:1] for record in TLS_RECORDS}
STRAY = 64
"""Bytes in which a first line begins: few clients send line ends before it, none sends many."""
DECIDING = 8
"""Bytes that tell HTTP from anything else."""
DOUBT = 16
"""Bits more that must speak for frames where the handshake is not there: few connections are WebSockets, and other protocols may
have a message that looks like one frame.
"""


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


def in_http2(sides: Sequence[Sequence[Data | Gap]], *, final: bool) -> bool:
    """Whether frames of HTTP/2 chain in what either side sent."""
    return any(find_header(pieces, None, final=final) is not None for pieces in sides)


def client_midway(sides: Sequence[Sequence[Data | Gap]], client: int | None, reach: int, *, final: bool) -> int | None:
    """Where a WebSocket was running already, the table side of its client; `client` is it where it is known, None for nothing."""
    for side in (client or 0, 1 - (client or 0)):
        for masked, who in ((side, Side.CLIENT), (1 - side, Side.SERVER)):
            if client in (None, masked):
                found = find_frame(sides[side], who, final=final, reach=reach, doubt=DOUBT)
                if found is not None and not is_behind_data(sides[side], found):
                    return masked
    return None
