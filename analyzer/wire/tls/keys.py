"""The keys of one direction as they follow one another, and the sequence number of the next record (RFC 8446 sections 5.3 and 7).

TLS 1.3 goes from early data through the handshake to application data, each with a secret of its own, and from there on to updated
ones; TLS 1.2 has one epoch. A record opens under one key and one number only, so that behind a loss both are found by trying.
"""

from collections.abc import Iterator

from analyzer.model.dataclass import dataclass
from analyzer.wire.tls.protection import Protection, next_secret, traffic_protection
from analyzer.wire.tls.records import HEADER, LONGEST, Records
from analyzer.wire.tls.suites import Suite

EARLY, HANDSHAKE, APPLICATION = "early", "handshake", "application"
SHORTEST = HEADER + 17
"""Bytes of a record with one byte of plaintext."""
FIRST_TRIES, TRIES_PER_RECORD = 4096, 16
"""How often a key and a number may be tried: some at first, more as records open. Each try costs some 30 us."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """A key and what it is for; `protection` is None where its secret is not at hand."""

    name: str
    protection: Protection | None
    secret: bytes = b""


class Keys:
    """State of one direction. `epochs` in order of use; `suite` where secrets can be updated (TLS 1.3)."""

    def __init__(self, epochs: list[Epoch], suite: Suite | None) -> None:
        self._epochs = epochs
        self._suite = suite
        self._tries = FIRST_TRIES
        self.sequence = 0
        self.started = False
        """Whether a record opened under the present key."""

    @property
    def epoch(self) -> Epoch:
        """The present key."""
        return self._epochs[0]

    @property
    def tls13(self) -> bool:
        """Whether the records are those of TLS 1.3."""
        return self._suite is not None

    def open(self, records: Records, rows: range) -> list[bytes]:
        """Plaintext of the leading rows that open under the present key and number."""
        protection = self.epoch.protection
        found = protection.open(records, rows, self.sequence) if protection is not None else []
        self.sequence += len(found)
        self._tries += TRIES_PER_RECORD * len(found)
        self.started |= bool(found)
        return found

    def advance(self) -> None:
        """Take the next key, if there is one."""
        if len(self._epochs) > 1:
            self._epochs = self._epochs[1:]
            self.sequence, self.started = 0, False

    def update(self) -> None:
        """Take the next secret (RFC 8446 section 7.2)."""
        self._epochs = [self._updated()]
        self.sequence, self.started = 0, False

    def pass_over(self, count: int) -> int:
        """So many records could not be opened. Gives how many of them count under the present key."""
        passed = count if self.started else 0
        self.sequence += passed
        return passed

    @property
    def useless(self) -> bool:
        """Whether nothing more will open: there is no key, or too much was tried in vain."""
        return self._tries <= 0 or all(epoch.protection is None for epoch in self._epochs)

    def recover(self, records: Records, row: int, lost: int, *, missing: bool) -> tuple[int, bool] | None:
        """Find the key and the number under which a record opens, when `missing` records stand before it, `lost` bytes of which are
        not there. Gives how many numbers were left out under that key, and whether it is another one; None when nothing opens it.
        """
        most, least = lost // SHORTEST, lost // (LONGEST + HEADER)
        for step, epoch in enumerate(self._candidates(missing=missing)):
            if epoch.protection is None:
                continue
            begin = self.sequence if step == 0 else 0
            skipped = least if step == 0 and self.started else 0
            for number in range(begin + skipped, begin + most + 1):
                if self._tries <= 0:
                    return None
                self._tries -= 1
                if epoch.protection.open(records, range(row, row + 1), number):
                    if step:
                        self._epochs = [epoch] if step >= len(self._epochs) else self._epochs[step:]
                    self.sequence = number
                    return number - begin, step > 0
        return None

    def _candidates(self, *, missing: bool) -> Iterator[Epoch]:
        """The present key, those that follow, and where records are missing the one after an update."""
        yield from self._epochs
        if missing and self._suite is not None and len(self._epochs) == 1 and self.epoch.secret:
            yield self._updated()

    def _updated(self) -> Epoch:
        assert self._suite is not None
        secret = next_secret(self.epoch.secret, self._suite)
        return Epoch(APPLICATION, traffic_protection(secret, self._suite), secret)
