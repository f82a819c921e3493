"""What a user can set for an analysis. One object travels through the pipeline; its defaults are the contract's."""

from dataclasses import dataclass
from pathlib import Path

from analyzer.model.limits import DEFAULT, SECOND, Limits
from analyzer.model.places import Endpoint
from analyzer.model.schema import Side


@dataclass(frozen=True, slots=True)
class Dump:
    """`analyzer audio`: where audio is written, of which sides, and what besides: the bytes as sent, the best guess, the audio on
    the clock with its labels, a picture.
    """

    folder: Path
    sides: frozenset[Side] = frozenset({Side.CLIENT})
    raw: bool = False
    guess: bool = False
    timeline: bool = False
    picture: bool = False
    speech: bool = True
    """Tell how much of it is speech, which takes several times as long as all else."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Options of one analysis. Times are in ns."""

    gap: int = 10 * SECOND
    """`--gap`: silence longer than this is reported."""
    provider: str | None = None
    """`--provider`: the name of a provider, instead of recognising one."""
    path: str | None = None
    """`--path`: treat every session as one of this endpoint."""
    session: str | None = None
    """`--session`: only this session number or request id."""
    hosts: tuple[str, ...] = ()
    """`--host`: only connections with one of these IP addresses or host names on either end."""
    ports: tuple[int, ...] = ()
    """`--port`: only connections with one of these TCP ports on either end."""
    endpoints: tuple[tuple[str, int | None], ...] = ()
    """`--endpoint HOST[:PORT]`: a server whose refused or encrypted connections count as attempts."""
    since: int | None = None
    """`--since`: leave out packets before this time (ns since the epoch)."""
    until: int | None = None
    """`--until`: leave out packets after this time (ns since the epoch)."""
    encoding: str | None = None
    """`--encoding`: what the audio is declared as, instead of what the session says."""
    sample_rate: int | None = None
    channels: int | None = None
    merge: bool = False
    """`--merge`: read all captures as one, in order of time. Files of a rotated set are merged without it."""
    key_logs: tuple[str, ...] = ()
    """`--keylog`: files with TLS secrets, as SSLKEYLOGFILE has them written."""
    source: str = "auto"
    """`--source auto|native|scapy|pyshark`: who reads the packets; `auto` is native, and tshark for formats that it alone knows."""
    dump: Dump | None = None
    contents: bool = False
    """Keep what every message said, for reports that show it (`SessionReport.conversation`)."""
    transcripts: bool = True
    """`--no-transcripts`: False where words that the service recognised must not be shown."""
    limits: Limits = DEFAULT

    def wants(self, ends: tuple[Endpoint, Endpoint]) -> bool:
        """Whether `--host` and `--port` let a connection between these ends through."""
        return (not self.hosts or any(end.ip in self.hosts for end in ends)) and (
            not self.ports or any(end.port in self.ports for end in ends)
        )
