"""Where things are: ends of a connection, places in a capture, what lies between two of them. Times are ns since the epoch."""

from analyzer.model.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One end of a TCP connection; `ip` as text."""

    ip: str
    port: int

    def __str__(self) -> str:
        """IP address and port, with brackets around IPv6; the address alone where no port is known."""
        if not self.port:
            return self.ip
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"


@dataclass(frozen=True, slots=True)
class Moment:
    """A place in the capture: packet number as Wireshark shows it, time in ns since the epoch."""

    packet: int
    time: int


@dataclass(frozen=True, slots=True)
class Hole:
    """Stream bytes that are not in the capture, between two packets of their direction."""

    start: int
    length: int
    before: Moment
    after: Moment


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time of one direction, between two packets."""

    begin: Moment
    end: Moment
