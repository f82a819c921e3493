"""`analyzer verify CAPTURE`: a second opinion, our frames against those of Wireshark's dissector."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from analyzer.cli.options import captures_argument, input_options, output_option, settings
from analyzer.cli.output import write
from analyzer.cli.progress import progress
from analyzer.cli.spool import on_disk
from analyzer.model.errors import UsageError

if TYPE_CHECKING:
    from analyzer.compare.faults import Setting
    from analyzer.model.opinion import Opinion, SecondOpinion
    from analyzer.model.report import CaptureReport, SessionReport
    from analyzer.model.settings import Settings
    from analyzer.model.tables import Array

    Frames = Mapping[int, Mapping[str, Array]]

_SECOND = 1_000_000_000
_BY_DECODE_AS, _BY_WAITING = ("mid-stream", "odd-port"), ("out-of-order", "repeated-packet")
"""Faults that can be worked around, by what."""
_WAITING = "-o tcp.reassemble_out_of_order:TRUE"


@click.command(short_help="Compare our frames with Wireshark's.")
@captures_argument
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How to write the comparison."
)
@output_option("the comparison")
@input_options
def verify(captures: tuple[str, ...], form: str, output: Path | None, **chosen: Any) -> int:  # noqa: ANN401 - options
    """Compare every WebSocket frame of a capture with what Wireshark's dissector makes of it, by way of pyshark.

    Per session it tells how many frames agree, and lists what differs. Differences that come from a known fault of tshark are told
    as such. Exit status: 1 when a session differs by more than known faults, 0 otherwise.
    """
    from analyzer.reports.verify import lines  # noqa: PLC0415 - not for --help

    if len(captures) > 1:
        msg = "One capture is verified at a time: name one, or make one of several with mergecap first."
        raise UsageError(msg)
    wanted = settings(**chosen)
    with on_disk(captures, wanted.limits.spooled) as (path,):
        opinion = _opinion(path, captures[0], wanted)
    write(lines(opinion, form), output)
    return int(not opinion.sound)


def _opinion(path: str, name: str, wanted: "Settings") -> "SecondOpinion":
    """Analyse, have tshark dissect, compare; once more under other settings of tshark where the two differ."""
    from analyzer.compare.dissection import only_theirs  # noqa: PLC0415 - as above
    from analyzer.compare.faults import MEANINGS, Setting  # noqa: PLC0415 - as above
    from analyzer.model.opinion import SecondOpinion  # noqa: PLC0415 - numpy
    from analyzer.pipeline import analyze  # noqa: PLC0415 - numpy and all steps

    with progress() as show:
        report = analyze(path, settings=wanted, frames=True, progress=show)
    (capture,) = report.captures
    if capture.format == "har":
        msg = f"{name} is a HAR, which holds no packets that Wireshark could read."
        raise UsageError(msg)
    by_stream = _by_stream(capture.sessions)
    with _merged_keys(wanted.key_logs) as keys:
        version, frames = _dissected(path, Setting(), keys, wanted)
        best = _compared(capture, by_stream, frames, Setting())
        seen_with = dict.fromkeys(best, Setting())
        for setting in _settings(best, by_stream):
            _, others = _dissected(path, setting, keys, wanted, [stream for stream, one in best.items() if one.kinds])
            for stream, one in _compared(capture, by_stream, others, setting).items():
                if sum(one.kinds.values()) < sum(best[stream].kinds.values()):
                    best[stream], seen_with[stream] = one, setting
    told = [_told(best[stream], seen_with[stream]) for stream in by_stream]
    if not (wanted.session or wanted.hosts or wanted.ports):
        told += [only_theirs(stream, table, capture.sessions) for stream, table in frames.items() if stream not in by_stream]
    named = {fault for one in told for fault in one.faults}
    meanings = {fault: text for fault, text in MEANINGS.items() if fault in named}
    return SecondOpinion(report.tool, name, version, tuple(told), meanings)


def _by_stream(sessions: Sequence["SessionReport"]) -> dict[int, "SessionReport"]:
    """The session of each connection; where there are several, the one with frames."""
    found: dict[int, SessionReport] = {}
    for session in sessions:
        stream = session.tcp_stream
        if stream is not None and (stream not in found or (session.frames and len(session.frames["side"]))):
            found[stream] = session
    return dict(sorted(found.items(), key=lambda each: each[1].id))


def _compared(
    capture: "CaptureReport", by_stream: Mapping[int, "SessionReport"], frames: "Frames", setting: "Setting"
) -> dict[int, "Opinion"]:
    """Every session against one reading of tshark's."""
    from analyzer.compare.dissection import compared  # noqa: PLC0415 - as above
    from analyzer.model.opinion import no_frames  # noqa: PLC0415 - numpy

    cut = any("cut_packets" in finding.values for finding in capture.findings)
    return {stream: compared(session, frames.get(stream, no_frames()), setting, cut=cut) for stream, session in by_stream.items()}


def _told(opinion: "Opinion", setting: "Setting") -> "Opinion":
    """The comparison with the options of tshark that it took, and honest about one of nothing."""
    from analyzer.model.opinion import Agreement  # noqa: PLC0415 - numpy

    port = opinion.server.port if opinion.server is not None else None
    rules = [f"-d {criterion},{protocol}" for criterion, protocol in setting.decode_as if criterion.endswith(f"=={port}")]
    options = dict.fromkeys(_BY_DECODE_AS, " ".join(rules)) | (dict.fromkeys(_BY_WAITING, _WAITING) if setting.reordering else {})
    empty = not any(counts["ours"] or counts["wireshark"] for counts in opinion.frames.values())
    return replace(
        opinion,
        verdict=Agreement.NOTHING if empty and opinion.verdict is Agreement.AGREES else opinion.verdict,
        workarounds={fault: options[fault] for fault in opinion.faults if options.get(fault)},
    )


def _settings(opinions: Mapping[int, "Opinion"], by_stream: Mapping[int, "SessionReport"]) -> Iterator["Setting"]:
    """Under which settings tshark may see more of the sessions that differ."""
    from analyzer.compare.faults import Setting  # noqa: PLC0415 - numpy comes with its floor

    blind: set[tuple[str, str]] = set()
    differing = False
    for stream, one in opinions.items():
        session = by_stream[stream]
        sees = any(counts["wireshark"] for counts in one.frames.values())
        if one.kinds and not sees and session.upgrade.get("stream_id") is None:
            layer = "tls" if session.tls else "tcp"
            blind.add((f"{layer}.port=={session.server.port}", "websocket" if session.opened == "midstream" else "http"))
        differing |= bool(set(one.kinds) - {"payload"})
    if differing:
        yield Setting(reordering=True)
    for protocol in ("websocket", "http"):
        ports = tuple(sorted(each for each in blind if each[1] == protocol))
        if ports:
            yield Setting(decode_as=ports)
            yield Setting(reordering=True, decode_as=ports)


def _dissected(
    path: str, setting: "Setting", keys: Path | None, wanted: "Settings", streams: Sequence[int] = ()
) -> tuple[str, "Frames"]:
    """What tshark makes of the capture under a setting; of some connections only, if they are named."""
    from analyzer.sources.dissector import Reading, dissected  # noqa: PLC0415 - needs tshark

    display = ["websocket"]
    if streams:
        display.append(f"tcp.stream in {{{', '.join(map(str, streams))}}}")
    for sign, bound in ((">=", wanted.since), ("<=", wanted.until)):
        if bound is not None:
            display.append(f"frame.time_epoch {sign} {bound // _SECOND}.{bound % _SECOND:09d}")
    preferences = [("tcp.reassemble_out_of_order", str(setting.reordering).upper())]
    if keys is not None:
        preferences.append(("tls.keylog_file", str(keys)))
    return dissected(path, Reading(" && ".join(display), setting.decode_as, tuple(preferences)))


@contextmanager
def _merged_keys(paths: Sequence[str]) -> Iterator[Path | None]:
    """One key log of all that were named; tshark takes no more than one."""
    if len(paths) <= 1:
        yield Path(paths[0]).absolute() if paths else None
        return
    with tempfile.TemporaryDirectory(prefix="analyzer-") as folder:
        whole = Path(folder) / "keys.log"
        with whole.open("wb") as file:
            whole.chmod(0o600)
            for path in paths:
                file.write(Path(path).read_bytes() + b"\n")
        yield whole
