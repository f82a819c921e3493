"""`analyzer bundle CAPTURE... -o FILE.zip`: all that support asks for, and nothing that it must not have."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from analyzer.cli.options import captures_argument, input_options, output_option, settings, transcripts_option
from analyzer.cli.progress import progress
from analyzer.cli.spool import on_disk
from analyzer.cli.whole import whole
from analyzer.model.errors import UsageError

_NO_CODE = (
    "Put the code here that opens the WebSocket and sends audio and control messages, without its keys,\n"
    "or name it when the bundle is made: analyzer bundle CAPTURE --code client.py -o FILE.zip\n"
)


@click.command(short_help="Pack report, audio and a sanitised capture for support.")
@captures_argument
@output_option("the zip", "FILE.zip", required=True)
@click.option("--no-audio", is_flag=True, help="Leave the audio out; in the capture it becomes noise.")
@transcripts_option
@click.option("--replace-addresses", is_flag=True, help="Put addresses of documentation in place of the real ones.")
@click.option(
    "--code",
    "code_files",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    metavar="FILE",
    help="A file of the related code; keys in it are redacted.",
)
@input_options
def bundle(
    captures: tuple[str, ...],
    output: Path,
    no_audio: bool,
    transcripts: bool,
    replace_addresses: bool,
    code_files: tuple[Path, ...],
    **chosen: Any,  # noqa: ANN401 - options
) -> None:
    """Pack what support asks for: the error received, the request ID, a sample of the audio, the related code.

    In the zip are the report (HTML, Markdown, JSON), the audio, and of each session a capture of its own: other traffic and TLS
    keys are dropped, credentials overwritten. Without --session the worst sessions are taken, five at most. Look through the zip
    before you send it: what people said is in it.
    """
    from analyzer.bundle import Maker, redacted, reports, shown, worst  # noqa: PLC0415 - numpy and all steps
    from analyzer.pipeline import analyze  # noqa: PLC0415 - as above
    from analyzer.reports.bundle import Bundle, cover_page  # noqa: PLC0415 - not for --help

    wanted = settings(contents=True, transcripts=transcripts, **chosen)
    with on_disk(captures, wanted.limits.spooled) as paths, TemporaryDirectory(prefix="analyzer-") as folder:
        with progress() as show:
            report = analyze(*paths, settings=replace(wanted, contents=False), frames=False, progress=show)
        maker = Maker(wanted, Path(folder), audio=not no_audio, replace_addresses=replace_addresses)
        made = [maker.part(capture, session, number) for number, (capture, session) in enumerate(worst(report), 1)]
        if not made:
            msg = f"There is no WebSocket session in {' and '.join(captures)}."
            raise UsageError(msg)
        parts = [part for part, _ in made]
        told = replace(report, captures=tuple(capture for _, capture in made), settings=shown(report.settings))
        if len({path.name for path in code_files}) < len(code_files):
            msg = "Two files of code have the same name; give one of them another."
            raise UsageError(msg)
        code = {f"code/{path.name}": [redacted(path)] for path in code_files} or {"code/README.txt": [_NO_CODE]}
        page = cover_page(parts, [name for name in code if code_files], audio=not no_audio, transcripts=transcripts)
        members = [
            ("README.md", "what support asks for", page),
            *reports(told, parts),
            *(
                (name, "packets" if name.endswith(".pcapng") else "audio", path)
                for part in parts
                for name, path in part.files.items()
            ),
            *((name, "code", text) for name, text in code.items()),
        ]
        head = {"tool": report.tool, "sessions": [dict(part.facts) for part in parts]}
        with whole(output) as file:
            Bundle(file).write(members, head)
    for part in parts:
        click.echo(f"Session {part.session.id}: {part.session.verdict.rule or 'ok'}; {part.note}")
    click.echo(f"{output}: {len(parts)} session{'s' * (len(parts) > 1)}. Look through it before you send it.")
