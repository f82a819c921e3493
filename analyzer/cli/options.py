"""The options that choose input and sessions: the same for every command that reads captures, from command line to Settings."""

import os
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from analyzer.model.limits import SECOND
from analyzer.model.settings import Dump, Settings

Command = TypeVar("Command", bound=Callable[..., Any])
_SERVER = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[^:\[\]]+|[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*)(?::(\d{1,5}))?")
_FRACTION = re.compile(r"[.,](\d+)")
_PORT_LIMIT = 65536


def instant(value: str) -> int:
    """Read a time as ISO 8601 (UTC where it names no zone) or seconds since 1970; gives integer ns, with all nine digits."""
    fraction = _FRACTION.search(value)
    nanoseconds = int(fraction[1][:9].ljust(9, "0")) if fraction else 0
    whole = _FRACTION.sub("", value, count=1)
    if re.fullmatch(r"\d{1,11}", whole):
        return int(whole) * SECOND + nanoseconds
    try:
        moment = datetime.fromisoformat(whole)
    except ValueError as error:
        msg = f"{value!r} is no time; write it like 2026-11-22T10:00:00Z or as seconds since 1970."
        raise click.BadParameter(msg) from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(moment.timestamp()) * SECOND + nanoseconds


def server(value: str) -> tuple[str, int | None]:
    """Read `HOST[:PORT]`, an IPv6 address with a port in brackets; gives host, and port or None."""
    found = _SERVER.fullmatch(value)
    if found is None or (found[2] and not 0 < int(found[2]) < _PORT_LIMIT):
        msg = f"{value!r} is no server; write it like api.example.com:443 or [2001:db8::1]:443."
        raise click.BadParameter(msg)
    return found[1].strip("[]"), int(found[2]) if found[2] else None


def captures_argument(command: Command) -> Command:
    """Take one capture or several. `-` is standard input."""
    return click.argument("captures", metavar="CAPTURE...", nargs=-1, required=True)(command)


_OPTIONS = (
    click.option(
        "--merge",
        is_flag=True,
        help="Read all captures as one, in order of time; packets are numbered as in `mergecap -w all.pcapng CAPTURE...`. "
        "Files of a rotated set (tcpdump -C, dumpcap -b) are merged without it.",
    ),
    click.option(
        "--keylog",
        "key_logs",
        type=click.Path(exists=True, dir_okay=False),
        metavar="FILE",
        multiple=True,
        help="TLS secrets, in the file that the client wrote because SSLKEYLOGFILE named it. Those inside a pcapng file are found "
        "without it.",
    ),
    click.option(
        "--keylog-env", is_flag=True, help="Take the key log that SSLKEYLOGFILE names in the environment of this command, too."
    ),
    click.option("--session", metavar="N|REQUEST-ID", help="Only this session, by number or request id."),
    click.option(
        "--host", "hosts", metavar="HOST", multiple=True, help="Only connections with this address or host name on either end."
    ),
    click.option("--port", "ports", type=click.IntRange(1, 65535), multiple=True, help="Only connections with this TCP port."),
    click.option(
        "--since", type=instant, metavar="TIME", help="Leave out packets before this time (ISO 8601, or seconds since 1970)."
    ),
    click.option("--until", type=instant, metavar="TIME", help="Leave out packets after this time."),
    click.option(
        "--provider", metavar="NAME", help="Treat every session as one of this provider, for instance deepgram-listen-v1."
    ),
    click.option("--path", metavar="PATH", help="Treat every session as one of this endpoint, for instance /v1/listen."),
    click.option(
        "--endpoint",
        "endpoints",
        type=server,
        metavar="HOST[:PORT]",
        multiple=True,
        help="A server whose refused or encrypted connections count as attempts.",
    ),
    click.option(
        "--gap",
        metavar="SECONDS",
        type=click.FloatRange(min=0, min_open=True),
        default=10.0,
        show_default=True,
        help="Report silence longer than this.",
    ),
    click.option("--encoding", metavar="NAME", help="The audio's encoding, instead of what the session declares."),
    click.option(
        "--sample-rate", type=click.IntRange(1), metavar="HZ", help="The audio's sample rate, instead of what the session declares."
    ),
    click.option(
        "--channels", type=click.IntRange(1, 256), metavar="N", help="The audio's channels, instead of what the session declares."
    ),
    click.option(
        "--source",
        type=click.Choice(["auto", "native", "scapy", "pyshark"]),
        default="auto",
        show_default=True,
        help="Who reads the packets; auto is native, and tshark (by way of pyshark) for formats that it alone knows.",
    ),
)


def input_options(command: Command) -> Command:
    """Add the options; the command receives them as keyword arguments for `settings`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def settings(
    *,
    gap: float,
    key_logs: tuple[str, ...] = (),
    keylog_env: bool = False,
    dump: Dump | None = None,
    **chosen: Any,  # noqa: ANN401 - one value per option above
) -> Settings:
    """Make Settings of what `input_options` received."""
    if keylog_env:
        named = os.environ.get("SSLKEYLOGFILE")
        if not named:
            msg = "SSLKEYLOGFILE is not set here; name the file with --keylog FILE."
            raise click.UsageError(msg)
        key_logs = (*key_logs, named)
    return Settings(gap=round(gap * SECOND), key_logs=key_logs, dump=dump, **chosen)


def output_option(what: str, metavar: str = "FILE", *, required: bool = False) -> Callable[[Command], Command]:
    """Add `-o FILE`."""
    kind = click.Path(dir_okay=False, path_type=Path)
    return click.option("-o", "--output", type=kind, metavar=metavar, required=required, help=f"Write {what} to this file.")


def transcripts_option(command: Command) -> Command:
    """Add `--no-transcripts`."""
    return click.option(
        "--no-transcripts", "transcripts", is_flag=True, flag_value=False, default=True, help="Hide the words that were recognised."
    )(command)
