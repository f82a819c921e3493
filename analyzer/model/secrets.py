"""TLS secrets by the client random of their connection: what sources find, and what decrypts. They never reach any output."""

from collections.abc import Iterable, Mapping
from dataclasses import field

from analyzer.model.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class TlsSecret:
    """One line of a key log (RFC 9850): what it is for, the client random (or what else names the connection), the secret."""

    label: str
    random: bytes = field(repr=False)
    value: bytes = field(repr=False)


class TlsSecrets:
    """All secrets at hand. `more` is asked for further ones when those of a connection are missing: a key log may still grow."""

    def __init__(self) -> None:
        self._by_random: dict[bytes, dict[str, bytes]] = {}

    def __len__(self) -> int:
        """Connections that there are secrets for."""
        return len(self._by_random)

    def add(self, secrets: Iterable[TlsSecret]) -> None:
        """Take more of them. One that is there already stays as it is."""
        for one in secrets:
            self._by_random.setdefault(one.random, {}).setdefault(one.label, one.value)

    def of(self, random: bytes) -> Mapping[str, bytes]:
        """Secrets by label; empty for none."""
        return self._by_random.get(random, {})
