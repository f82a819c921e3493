"""What the command line becomes: times to the nanosecond, servers, settings."""

import click
import pytest

from analyzer.cli.options import instant, server, settings
from analyzer.model.settings import Settings


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("0", 0),
        ("1795356017", 1_795_356_017_000_000_000),
        ("1795356017.123456789", 1_795_356_017_123_456_789),
        ("2026-11-22T14:00:17Z", 1_795_356_017_000_000_000),
        ("2026-11-22T14:00:17.123456789Z", 1_795_356_017_123_456_789),
        ("2026-11-22 14:00:17.5", 1_795_356_017_500_000_000),
        ("2026-11-22T16:00:17+02:00", 1_795_356_017_000_000_000),
        ("2026-11-22", 1_795_305_600_000_000_000),
    ],
)
def test_times_keep_their_nanoseconds(text: str, ns: int) -> None:
    assert instant(text) == ns


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "-5", "12:00"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is no time"):
        instant(text)


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("api.example.com", ("api.example.com", None)),
        ("api.example.com:443", ("api.example.com", 443)),
        ("10.0.0.1:80", ("10.0.0.1", 80)),
        ("[2001:db8::1]:443", ("2001:db8::1", 443)),
        ("[2001:db8::1]", ("2001:db8::1", None)),
        ("2001:db8::1", ("2001:db8::1", None)),
    ],
)
def test_servers(text: str, parsed: tuple[str, int | None]) -> None:
    assert server(text) == parsed


@pytest.mark.parametrize("text", ["", ":80", "host:", "host:0", "host:99999", "host:x", "[::1"])
def test_what_is_no_server_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is no server"):
        server(text)


def test_the_defaults_are_those_of_the_model() -> None:
    assert settings(gap=10.0) == Settings()
    assert settings(gap=0.25, hosts=("10.0.0.1",)).gap == 250_000_000
