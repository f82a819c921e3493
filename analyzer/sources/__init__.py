"""One file per way to get packets. In: a path and who shall read it. Out: an opened source, found by its first bytes."""

import io
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, cast

from analyzer.model.capture import Problem, Source
from analyzer.model.errors import UnusableInputError, UsageError
from analyzer.model.settings import Settings

if TYPE_CHECKING:
    from analyzer.sources.compressed import Inflating

STANDARD_INPUT = "-"
PCAPNG = b"\x0a\x0d\x0d\x0a"


@contextmanager
def open_source(path: str, settings: Settings) -> Iterator[Source]:
    """Open a capture (`-`: standard input) for as long as the context lasts.

    Raises UnusableInputError, MissingDependencyError or UsageError, each one sentence.
    """
    if settings.source == "native":
        with _opened(path) as file:
            source, layer = _native(file, "standard input" if path == STANDARD_INPUT else path, settings)
            yield source
        if layer is not None and layer.problem is not None:
            source.log.problems.insert(0, Problem(layer.problem, source.log.packets))
        return
    if path != STANDARD_INPUT:
        with _opened(path):
            pass  # so that what cannot be opened is said the same way whoever reads
    if settings.source == "scapy":
        from analyzer.sources.scapy import ScapySource  # noqa: PLC0415 - the slowest import there is

        yield ScapySource(path, settings.limits)
    elif settings.source == "pyshark":
        from analyzer.sources.pyshark import PysharkSource  # noqa: PLC0415 - needs tshark

        yield PysharkSource(path, settings.limits)
    else:
        raise UsageError(f"There is no source called {settings.source}; choose native, scapy or pyshark.")


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


def _native(file: io.BufferedReader, name: str, settings: Settings) -> tuple[Source, "Inflating | None"]:
    """A pcap or pcapng file; or one in gzip or zstd, and the layer that inflates it."""
    limits = settings.limits
    if not file.peek(1):
        raise UnusableInputError(f"{name} is empty; record again and check that packets were captured.")
    from analyzer.sources.compressed import unpacked  # noqa: PLC0415 - see below

    layer = unpacked(file, name, limits)
    stream, inside = layer or (file, None)
    from analyzer.sources.pcap import PcapSource, magic_of  # noqa: PLC0415 - numpy comes with it
    from analyzer.sources.pcapng import PcapngSource  # noqa: PLC0415 - as above

    head = stream.peek(4)[:4]
    if head == PCAPNG:
        return PcapngSource(stream, name, limits), inside
    if magic_of(head) is not None:
        return PcapSource(stream, name, limits), inside
    raise UnusableInputError(
        f"{name} is not a capture that the native reader knows (it starts with {head.hex(' ')}); save it as pcapng in Wireshark,"
        " or try --source pyshark."
    )
