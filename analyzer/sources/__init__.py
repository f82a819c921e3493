"""One file per way to get packets. In: paths and who shall read them. Out: an opened source, found by its first bytes, and its
packets in order of time.
"""

import io
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

from analyzer.model.capture import Problem, Source
from analyzer.model.errors import AnalyzerError, MissingDependencyError, UnusableInputError, UsageError
from analyzer.model.limits import Limits
from analyzer.model.settings import Settings

if TYPE_CHECKING:
    from analyzer.sources.compressed import Inflating
    from analyzer.sources.runs import Plain
    from analyzer.sources.window import Readable

STANDARD_INPUT = "-"
PCAPNG = b"\x0a\x0d\x0d\x0a"
WHOLE_FILE = "give the file itself rather than a pipe"
UNPACKED = "unpack the file first"
_JSON_HEAD = 64
"""Bytes in which JSON begins."""
SORT_FIRST = "put the file in order with Wireshark's reordercap first"


def is_har(path: str) -> bool:
    """Whether a file begins like JSON: `sources/har.py` reads it, as messages. A pipe is read once only, and is none."""
    if path != STANDARD_INPUT and not Path(path).is_file():
        return False
    try:
        with _opened(path) as file:
            return file.peek(_JSON_HEAD)[:_JSON_HEAD].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")
    except (AnalyzerError, OSError):
        return False  # said when it is opened to be read


@contextmanager
def open_source(path: str, settings: Settings) -> Iterator[Source]:
    """Open a capture (`-`: standard input) in the order of the file, for as long as the context lasts.

    Raises UnusableInputError, MissingDependencyError or UsageError, each one sentence.
    """
    with _reading(path, settings) as opened:
        yield opened.source


@contextmanager
def open_capture(paths: Sequence[str], settings: Settings, *, disordered: bool = False) -> Iterator[Source]:
    """Open a capture, or several as one, with its packets in order of time.

    A plain file is taken for being in order: it raises OutOfOrderError where it turns out not to be, and must then be opened again
    as `disordered`. Raises what `open_source` does.
    """
    from analyzer.sources.order import InOrder  # noqa: PLC0415 - numpy comes with it

    limits = settings.limits
    if len(paths) > 1:
        from analyzer.sources.reorder import Reordered  # noqa: PLC0415 - not for files that are in order
        from analyzer.sources.several import Several  # noqa: PLC0415 - as above

        yield Reordered(Several(paths, settings), limits, limits.reorder, SORT_FIRST)
        return
    with _reading(paths[0], settings) as opened:
        if opened.again is None:
            from analyzer.sources.reorder import Reordered  # noqa: PLC0415 - not for files that are in order

            yield Reordered(opened.source, limits, limits.reorder, opened.advice)
        elif not disordered:
            yield InOrder(opened.source, limits)
        else:
            yield _sorted(opened.again, limits)


def _sorted(again: "_Again", limits: Limits) -> Source:
    """A plain file that is not in order of time, put into it."""
    from analyzer.sources.reorder import Reordered  # noqa: PLC0415 - not for files that are in order
    from analyzer.sources.runs import in_runs  # noqa: PLC0415 - as above

    runs = in_runs(again.file, again.open, limits)
    if runs is not None:
        return runs
    again.file.seek(0)
    window = limits.reorder if os.fstat(again.file.fileno()).st_size > limits.sorted_whole else None
    # In such a file smaller dips are no accident either, and no clock was set back so often.
    return Reordered(again.open(again.file, limits), replace(limits, disorder=0, runs=0), window, SORT_FIRST)


class _Again(NamedTuple):
    """How a plain file is read once more, or in parts."""

    file: io.BufferedReader
    open: "Callable[[Readable, Limits], Plain]"


class _Opened(NamedTuple):
    """A source, the layer that inflates it, for a plain file the way to read it again, and for others what helps to get one."""

    source: Source
    layer: "Inflating | None" = None
    again: _Again | None = None
    advice: str = SORT_FIRST


@contextmanager
def _reading(path: str, settings: Settings) -> Iterator[_Opened]:
    """Open a capture, whoever reads it."""
    if settings.source in ("auto", "native"):
        with _opened(path) as file:
            opened = _native(file, path, settings)
            yield opened
        log, layer = opened.source.log, opened.layer
        if layer is not None and layer.problem is not None:
            log.problems.insert(0, Problem(layer.problem, log.packets))
        return
    if path != STANDARD_INPUT:
        with _opened(path):
            pass  # so that what cannot be opened is said the same way whoever reads
    if settings.source == "scapy":
        from analyzer.sources.scapy import ScapySource  # noqa: PLC0415 - the slowest import there is

        yield _Opened(ScapySource(path, settings.limits))
    elif settings.source == "pyshark":
        from analyzer.sources.pyshark import PysharkSource  # noqa: PLC0415 - needs tshark

        yield _Opened(PysharkSource(path, settings.limits))
    else:
        raise UsageError(f"There is no source called {settings.source}; choose auto, native, scapy or pyshark.")


def _opened(path: str) -> AbstractContextManager[io.BufferedReader]:
    """The file, or standard input, which stays open. Raises UnusableInputError for what cannot be a capture file."""
    if path == STANDARD_INPUT:
        return nullcontext(cast("io.BufferedReader", sys.stdin.buffer))
    if Path(path).is_dir():
        raise UnusableInputError(f"{path} is a folder; name a capture file in it.")
    try:
        return Path(path).open("rb")
    except OSError as error:
        raise UnusableInputError(f"{path} cannot be opened: {(error.strerror or str(error)).lower()}.") from None


def _native(file: io.BufferedReader, path: str, settings: Settings) -> _Opened:
    """A pcap or pcapng file; or one with compression on top, and the layer that inflates it; or what tshark makes of it."""
    limits, name = settings.limits, "standard input" if path == STANDARD_INPUT else path
    if not file.peek(1):
        raise UnusableInputError(f"{name} is empty; record again and check that packets were captured.")
    from analyzer.sources.compressed import TSHARK_KNOWS, unpacked  # noqa: PLC0415 - see below

    layer = unpacked(file, name, limits)
    stream, inside = layer or (file, None)
    from analyzer.sources.pcap import PcapSource, magic_of  # noqa: PLC0415 - numpy comes with it
    from analyzer.sources.pcapng import PcapngSource  # noqa: PLC0415 - as above

    head = stream.peek(4)[:4]
    kind = PcapngSource if head == PCAPNG else PcapSource if magic_of(head) is not None else None
    if kind is not None:

        def open_plain(stream: "Readable", limits: Limits) -> "Plain":
            return kind(stream, name, limits)

        source = open_plain(stream, limits)
        if path == STANDARD_INPUT or not Path(path).is_file():
            return _Opened(source, inside, advice=WHOLE_FILE)
        return _Opened(source, inside, advice=UNPACKED) if inside is not None else _Opened(source, again=_Again(file, open_plain))
    unknown = f"{name} is not a capture that the native reader knows (it starts with {head.hex(' ')})"
    if settings.source == "native":
        raise UnusableInputError(f"{unknown}; save it as pcapng in Wireshark, or try --source pyshark.")
    if path == STANDARD_INPUT:
        raise UnusableInputError(
            f"{unknown}; tshark may know it, but reads files only: save it to a file first, then name that file."
        )
    if inside is not None and inside.magic not in TSHARK_KNOWS:
        raise UnusableInputError(f"{unknown}; tshark may know it, but not in this compression: unpack it first.")
    from analyzer.sources.pyshark import PysharkSource  # noqa: PLC0415 - needs tshark

    try:
        return _Opened(PysharkSource(path, limits, guessed=True))
    except MissingDependencyError as error:
        raise UnusableInputError(f"{unknown}; save it as pcapng in Wireshark, or let tshark read it. {error}") from error
