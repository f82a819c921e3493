"""How TCP carried a connection: what was lost, copied or overtaken, who waited for an acknowledgement or for a window.

In: PACKETS columns of a batch, both sides' rows. Out: `Health` per side. "Not yet" is a wait that goes on: `settle` counts it up to
the connection's last packet. What is kept is one array of fixed size.
"""

from array import array

from analyzer.model.places import Moment
from analyzer.model.streams import Columns
from analyzer.model.tcp import Health
from analyzer.wire import tcp_kernels
from analyzer.wire.tcp_kernels import SIDE, STATE

OBSERVED = ("number", "time", "seq", "ack", "flags", "window", "length", "ident")
"""Columns of PACKETS that `tcp_kernels.observe` reads."""
_UNKNOWN = ("top", "acknowledged", "since", "closed", "syn", "waited", "fin", "again_packet", "overtaken_packet", "copy_packet")
_FRESH = array("q", ([-1 if name in _UNKNOWN else 0 for name in STATE] + [0] * (SIDE - len(STATE))) * 2)
_UNREAD, _CLOSED, _LEFT = 2, 4, 8
"""Bits of `reset`."""


class TcpHealth:
    """State of one connection, from its first packet on."""

    def __init__(self) -> None:
        self._state = _FRESH[:]
        self._settled: tuple[Health, Health] | None = None

    def feed(self, columns: Columns, sides: tuple[tuple[int, int], tuple[int, int]]) -> None:
        """Take each side's rows of a batch's PACKETS."""
        views = [memoryview(columns[name]) for name in OBSERVED]
        tcp_kernels.observe(*views, *sides[0], *sides[1], memoryview(self._state))

    def settle(self, now: int) -> tuple[Health, Health]:
        """Both sides' health at the time (ns) of the connection's last packet."""
        return self._settled or (_health(self._state[:SIDE], now), _health(self._state[SIDE:], now))

    def finish(self, now: int) -> None:
        """No packet follows: keep the result alone."""
        self._settled = self.settle(now)
        self._state = _FRESH


def _health(state: "array[int]", now: int) -> Health:
    """One side's health. A wait that has not ended counts up to `now`."""
    top, acknowledged, since, since_packet, closed, closed_packet, _, waited, fin, *rest = state[: len(STATE)]
    packets, size, again, again_bytes, late, overtaken, copies, keepalives, zeros, *rest = rest
    zero_total, zero, zero_packet, zero_time, stall, stall_packet, stall_time, retries, reset, *firsts = rest
    stall_from, zero_from = _moment(stall_packet, stall_time), _moment(zero_packet, zero_time)
    waiting = _moment(since_packet, since) if since >= 0 else None
    if waiting is not None and now - since > stall:
        stall, stall_from = now - since, waiting
    if closed >= 0:
        still = max(now - closed, 0)
        zero_total += still
        if still >= zero:
            zero, zero_from = still, _moment(closed_packet, closed)
    return Health(
        packets=packets,
        bytes=size,
        retransmissions=again,
        retransmitted_bytes=again_bytes,
        late=late,
        out_of_order=overtaken,
        duplicates=copies,
        keepalives=keepalives,
        zero_windows=zeros,
        zero_total=zero_total,
        zero=zero,
        stall=stall,
        unacknowledged=max(top - (fin == top) - acknowledged, 0) if acknowledged >= 0 else None,  # a FIN takes a number
        syn_retries=retries,
        waited=waited if waited >= 0 else None,
        reset_unread=bool(reset & _UNREAD),
        reset_closed=bool(reset & _CLOSED),
        reset_left=bool(reset & _LEFT),
        zero_from=zero_from,
        stall_from=stall_from,
        waiting_from=waiting,
        first_resent=_moment(firsts[0], firsts[1]),
        first_overtaken=_moment(firsts[2], firsts[3]),
        first_duplicate=_moment(firsts[4], firsts[5]),
    )


def _moment(packet: int, time: int) -> Moment | None:
    """A place in the capture; packets are numbered from 1."""
    return Moment(packet, time) if packet > 0 else None
