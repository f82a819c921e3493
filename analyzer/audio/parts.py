"""Containers that follow one another in one stream, as when each message is a complete WAV file, and the audio of all of them.

In: a `Store` that begins with a container. Out: a file for each of them, and one `Sound` of several.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import IO, Any, cast

import numpy.typing as npt

from analyzer.audio.codecs import Sound, UndecodableError
from analyzer.audio.headers import wav_data
from analyzer.audio.part import Part
from analyzer.audio.sniff import sniff
from analyzer.audio.store import Store

_MAGICS: dict[str, tuple[int, tuple[bytes, ...]]] = {
    "wav": (0, (b"RIFF", b"RF64", b"BW64", b"RIFX")),
    "ogg": (0, (b"OggS",)),
    "webm": (0, (b"\x1a\x45\xdf\xa3",)),
    "matroska": (0, (b"\x1a\x45\xdf\xa3",)),
    "flac": (0, (b"fLaC",)),
    "mp4": (4, (b"ftyp",)),
    "aiff": (0, (b"FORM",)),
    "au": (0, (b".snd",)),
    "caf": (0, (b"caff",)),
    "mp3": (0, (b"ID3",)),
}
"""Where the magic of a container stands. AAC and bare MP3 have none, and need none."""
_CHUNK = re.compile(rb"[A-Za-z0-9_ ]{4}")
_WAV_HEAD = 4096
"""Bytes in which the samples of a WAV begin."""
_HEAD = 128
"""Bytes that tell a container from a chance likeness."""


def files(store: Store, container: str, most: int) -> list[IO[bytes]]:
    """The containers that begin at the first byte, and in messages that begin with the same magic; no more than `most`."""
    stretches = pairwise([*_starts(store, container, most), store.size])
    return [
        cast("IO[bytes]", Part(store.file, begin, end, _plain(store, begin) if container == "wav" else b""))
        for begin, end in stretches
    ]


def _plain(store: Store, at: int) -> bytes:
    """An RF64 header of unknown sizes as the plain one, of which decoders know that a stream has no sizes."""
    head = store.read(at, _WAV_HEAD)
    data = wav_data(head) if head[:4] in (b"RF64", b"BW64") else None
    if data is None or data[1] is not None:
        return b""
    return b"RIFF" + head[4:12] + b"JUNK" + head[16 : data[0] - 4] + b"\xff" * 4


def left_over(store: Store) -> int:
    """Bytes behind the samples of a WAV, as its header states them, that are no further chunks: audio that no decoder plays."""
    data = wav_data(store.read(0, _WAV_HEAD))
    if data is None or data[1] is None:
        return 0
    end = data[0] + data[1] + data[1] % 2
    chunk = store.read(end, 8)
    more = len(chunk) == 8 and _CHUNK.fullmatch(chunk[:4]) and end + 8 + int.from_bytes(chunk[4:], "little") <= store.size + 1  # noqa: PLR2004 - name and size
    return 0 if more else max(store.size - end, 0)


def _starts(store: Store, container: str, most: int) -> list[int]:
    place, magics = _MAGICS.get(container, (0, ()))
    found = [0]
    headers = 0  # Ogg: where the run of pages that begin a stream, one for each of its tracks, ends
    for at in sorted(at for magic in magics for at in store.starts(magic, place)):
        store.file.seek(at)
        head = store.file.read(_HEAD)
        begins = container in {"mp3", "mp4"} or (
            (here := sniff(head)) is not None and here.container == container and not here.headless
        )
        if container == "ogg" and begins:
            after_another, headers = at == headers, at + _page(head)
            begins = not after_another
        if begins and at:
            found.append(at)
            if len(found) == most:
                break
    return found


def _page(head: bytes) -> int:
    """Bytes of an Ogg page (RFC 3533 section 6); its head may be cut."""
    return 27 + sum(head[26:27]) + sum(head[27 : 27 + sum(head[26:27])])


def chained(parts: Sequence[IO[bytes]], opener: Callable[[IO[bytes]], Sound]) -> Sound:
    """The audio of all parts, as long as its format stays. Raises UndecodableError when none of them has any."""
    reason: UndecodableError | None = None
    for number, part in enumerate(parts):
        try:
            first = opener(part)
        except UndecodableError as error:
            reason = reason or error
            continue
        if number + 1 == len(parts):
            return first
        sound = Sound(first.sample_rate, first.channels, first.bits, first.encoding, iter(()))
        sound.blocks = _chain(first, parts[number + 1 :], opener, sound, number)
        return sound
    raise reason or UndecodableError("there is nothing in it")


def _chain(
    first: Sound, others: Sequence[IO[bytes]], opener: Callable[[IO[bytes]], Sound], whole: Sound, failed: int
) -> Iterator[npt.NDArray[Any]]:
    """Blocks of one after the other; the remarks of all, each once."""
    count, frames, one, form = failed + 1 + len(others), 0, first, (first.sample_rate, first.channels, first.bits, first.encoding)
    for number in range(len(others) + 1):
        if number:
            one_more = None
            with suppress(UndecodableError):
                one_more = opener(others[number - 1])
            if one_more is None:
                failed += 1
                continue
            one = one_more
        if (one.sample_rate, one.channels, one.bits, one.encoding) != form:
            new = f"{one.encoding or 'other samples'} at {one.sample_rate} Hz with {one.channels} channel{'s'[: one.channels - 1]}"
            at = frames / first.sample_rate
            whole.remarks.append(f"the format changes after {at:.2f} s to {new}, and what follows was left out")
            break
        for block in one.blocks:
            frames += len(block)
            yield block
        whole.packets, whole.failed = whole.packets + one.packets, whole.failed + one.failed
        whole.remarks += [remark for remark in one.remarks if remark not in whole.remarks]
    if failed:
        whole.remarks.append(f"{failed} of {count} containers hold no audio")
