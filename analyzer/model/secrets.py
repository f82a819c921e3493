"""TLS secrets by the client random of their connection: what sources find, and what decrypts. They never reach any output."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field

from analyzer.model.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class TlsSecret:
    """One line of a key log (RFC 9850): what it is for, the client random (or what else names the connection), the secret."""

    label: str
    random: bytes = field(repr=False)
    value: bytes = field(repr=False)


class TlsSecrets:
    """All secrets at hand, at most `limit` of them. Each of `more` is asked for further ones when those of a connection are
    missing: a key log may still grow.
    """

    def __init__(self, limit: int, more: Sequence[Callable[[], Iterable[TlsSecret]]] = ()) -> None:
        self._limit = limit
        self._more = more
        self._by_random: dict[bytes, dict[str, bytes]] = {}
        self._count = 0

    def add(self, secrets: Iterable[TlsSecret]) -> None:
        """Take more of them. The last one of its kind counts: a line that was cut off stands in a key log again."""
        for one in secrets:
            self._count += 1
            if self._count > self._limit:
                return
            self._by_random.setdefault(one.random, {})[one.label] = one.value

    def of(self, random: bytes) -> Mapping[str, bytes]:
        """Secrets by label, for a client random or what else names a connection; empty for none."""
        if random not in self._by_random:
            for ask in self._more:
                self.add(ask())
        return self._by_random.get(random, {})
