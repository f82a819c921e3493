"""The order of severities and ranks is the order of weight."""

from analyzer.model.finding import Rank, Severity


def test_errors_weigh_most() -> None:
    assert sorted(Severity, key=lambda severity: severity.weight) == [Severity.ERROR, Severity.WARNING, Severity.NOTE]


def test_causes_come_before_consequences() -> None:
    assert sorted(Rank) == [Rank.HANDSHAKE, Rank.MISUSE, Rank.FORMAT, Rank.PATH, Rank.IDLE, Rank.SIGNAL, Rank.ENDING, Rank.QUALITY]
