"""Faults of tshark that are known, each with what speaks for it. In: a difference's evidence. Out: the name of the fault, or none.

They were found by measuring tshark 4.0 against WebSocket libraries; other versions may be without some of them.
"""

from analyzer.model.dataclass import dataclass

MEANINGS = {
    "max-unmasked-length": "tshark unmasks 256 KiB of a masked frame and leaves out the rest (preference max_unmasked_len of "
    "newer versions), without a word.",
    "fragmented-deflate": "tshark never inflates a compressed message that was sent in several frames; it shows compressed bytes.",
    "poisoned-takeover": "tshark cut a compressed message, so that later ones of that side, which refer back to it, inflate to "
    "garbage.",
    "out-of-order": "tshark loses frames, shows them in other packets, or takes one connection for two, where packets stand in the "
    "capture in another order than they were sent; tcp.reassemble_out_of_order helps with some.",
    "lost-segment": "tshark stalls behind bytes that are not in the capture, or takes payload for headers and invents frames, "
    "often close frames.",
    "mid-stream": "tshark sees no WebSocket whose handshake is not in the capture, unless it is told by Decode As.",
    "odd-port": "tshark did not take this port for one of HTTP, unless it is told by Decode As.",
    "snap-length": "tshark shows no frame of which the snap length cut bytes.",
    "unfinished-frame": "tshark shows a frame when all of it is there; the capture ends, or has a hole, inside this one.",
    "http2": "tshark does not dissect WebSockets inside HTTP/2 (RFC 8441).",
    "connect-tunnel": "tshark finds no WebSocket handshake behind the CONNECT request of a proxy.",
    "keys-in-comment": "tshark did not decrypt what we did: it takes keys from key logs and secrets blocks, never from comments.",
    "repeated-packet": "tshark loses or invents frames where bytes were sent again together with new ones; "
    "tcp.reassemble_out_of_order helps.",
}
CUT = 256 << 10
"""Bytes that tshark unmasks."""


@dataclass(frozen=True, slots=True)
class Setting:
    """How tshark was run: whether it waited for packets out of order, and as what it was told to decode which ports."""

    reordering: bool = False
    decode_as: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is known of a session that may explain a difference."""

    midstream: bool
    http2: bool
    tunnelled: bool
    """Whether it goes through a proxy that was asked for it with CONNECT."""
    decrypted: bool
    """Whether we had keys for its TLS."""
    cut: bool
    """Whether a snap length cut packets of the capture."""
    disordered: dict[str, bool]
    """Whether packets of a side came in another order than they were sent."""
    repeated: dict[str, bool]
    """Whether packets of a side were sent again or captured twice."""


def explained(kind: str, side: str, known: Circumstances, *, complete: bool, seen: bool, lost: bool) -> str | None:
    """The fault that a difference comes from. `complete`: all of our frame is in the capture; `seen`: tshark shows frames of the
    session at all; `lost`: bytes are missing right there or right before.
    """
    sides = (side,) if seen else tuple(known.disordered)
    speaks = {
        "http2": known.http2,
        "mid-stream": known.midstream and not seen,
        "connect-tunnel": known.tunnelled and not seen,
        "keys-in-comment": known.decrypted and not seen,
        "snap-length": known.cut and lost,
        "lost-segment": lost,
        "unfinished-frame": kind == "ours" and not complete,
        "out-of-order": any(known.disordered[one] for one in sides),
        "repeated-packet": known.repeated[side],
    }
    return next((fault for fault, there in speaks.items() if there), None)
