"""What TCP did in one direction of a connection."""

from dataclasses import field

from analyzer.model.dataclass import dataclass
from analyzer.model.places import Moment


@dataclass(frozen=True, slots=True)
class Health:
    """How TCP carried what one side sent, by the packets of both. Counts are packets, durations ns; of packets that the capture has
    several times, as from a mirror port, all but the first count as `duplicates` and nowhere else.
    """

    packets: int = 0
    bytes: int = 0
    """Payload bytes, those sent again included."""
    retransmissions: int = 0
    """Sent again although the capture has it already."""
    retransmitted_bytes: int = 0
    late: int = 0
    """Sent again because the first one was lost before the place of capture."""
    out_of_order: int = 0
    """Overtaken by later ones, and there sooner than it could have been sent again."""
    duplicates: int = 0
    keepalives: int = 0
    """Keep-alive and window probes."""
    zero_windows: int = 0
    """How often this side closed its receive window."""
    zero_total: int = 0
    zero: int = 0
    """The longest time its window stayed closed."""
    stall: int = 0
    """The longest time in which bytes of this side were under way and no new acknowledgement came. A closed window ends it."""
    unacknowledged: int | None = None
    """Bytes that the peer had not acknowledged at the end; None where no acknowledgement is in the capture."""
    syn_retries: int = 0
    waited: int | None = None
    """From this side's SYN (the last one) to the peer's answer."""
    reset_unread: bool = False
    """When this side sent its RST, it had not acknowledged all that the peer had sent ..."""
    reset_closed: bool = False
    """... it had sent its FIN ..."""
    reset_left: bool = False
    """... or the peer had sent its."""
    zero_from: Moment | None = None
    """Where the longest time with a closed window began."""
    stall_from: Moment | None = None
    waiting_from: Moment | None = None
    """Since when acknowledgements were missing at the end; None when nothing was."""
    first_resent: Moment | None = None
    first_overtaken: Moment | None = None
    first_duplicate: Moment | None = None

    @property
    def resent(self) -> int:
        """Packets that had to be sent again, wherever the first one was lost."""
        return self.retransmissions + self.late


@dataclass(frozen=True, slots=True)
class Tcp:
    """What TCP did in one direction. `syn`, `fin` and `rst` are the first of each."""

    packets: int = 0
    syn: Moment | None = None
    fin: Moment | None = None
    rst: Moment | None = None
    last: Moment | None = None
    truncated: int = 0
    """Packets whose payload the snap length cut."""
    health: Health = field(default_factory=Health)
