"""`analyzer audio CAPTURE... -o DIR`: what was sent, to be listened to, with a verdict whether it decodes."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click

from analyzer.cli.options import captures_argument, input_options, settings
from analyzer.cli.output import write
from analyzer.cli.progress import progress
from analyzer.model.errors import UsageError
from analyzer.model.schema import Side
from analyzer.model.settings import Dump

_SIDES = {"client": frozenset({Side.CLIENT}), "server": frozenset({Side.SERVER}), "both": frozenset(Side)}

_UNFINISHED = ".analyzer-*"
"""Names that files have until they are whole."""


@click.command(short_help="Write the audio of each session as WAV.")
@captures_argument
@click.option(
    "-o",
    "--output",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    required=True,
    help="Write the files into this folder; it is made if need be.",
)
@click.option("--raw", is_flag=True, help="Write the bytes as sent, too.")
@click.option("--guess", is_flag=True, help="Write the audio as what it really is, too, where that is not what was declared.")
@click.option("--timeline", is_flag=True, help="Write the audio on the clock, too: silence where none was sent, labels.")
@click.option("--picture", is_flag=True, help="Draw waveform and spectrogram with findings and results (needs analyzer[picture]).")
@click.option("--side", type=click.Choice(list(_SIDES)), default="client", show_default=True, help="Whose audio to write.")
@input_options
def audio(captures: tuple[str, ...], folder: Path, side: str, **chosen: Any) -> None:  # noqa: ANN401 - options
    """Write the audio of each session as WAV, and say whether it decodes under the format that was declared.

    --encoding, --sample-rate and --channels decode it as something else. The file of --timeline begins with the session, so
    that its seconds are those of the report; its labels are cue points in it, and a text file that Audacity imports.
    """
    dump = Dump(folder, _SIDES[side], **{name: chosen.pop(name) for name in ("raw", "guess", "timeline", "picture")})
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"Cannot make the folder {folder}: {error.strerror}."
        raise UsageError(msg) from error

    from analyzer.pipeline import analyze  # noqa: PLC0415 - numpy and all steps
    from analyzer.reports.audio import lines  # noqa: PLC0415 - not for --help

    with _swept(folder), progress() as show:
        report = analyze(*captures, settings=settings(dump=dump, **chosen), frames=False, progress=show)
    write(lines(report))


@contextmanager
def _swept(folder: Path) -> Iterator[None]:
    """Where the work fails or is interrupted, remove the files that are not whole yet."""
    before = set(folder.glob(_UNFINISHED))
    try:
        yield
    except BaseException:
        for path in set(folder.glob(_UNFINISHED)) - before:
            with suppress(OSError):
                path.unlink()
        raise
