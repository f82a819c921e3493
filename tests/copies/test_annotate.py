"""A copy is what the capture was, block by block, save what is said to change; whatever the capture is."""

import io
import re
import struct
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pcapng_files import FILES, KEY, OLD_PACKET, PACKET, SECRETS, SECTION, SIMPLE, Block, blocks, comments

from analyzer.copies.annotate import Clock, convert, copy, pcap_clock, survey
from analyzer.copies.edits import Clean, Editor
from analyzer.copies.notes import Notes
from analyzer.model.errors import UnusableInputError
from analyzer.model.limits import Limits
from analyzer.sources.pcap import PcapSource
from analyzer.sources.pcapng import PcapngSource

TEXTS = st.dictionaries(st.integers(1, 12), st.lists(st.sampled_from(("analyzer: one", "analyzer: zwö")), min_size=1, max_size=2))
LINES = st.lists(st.tuples(st.integers(0, 14), st.sampled_from(("session 1", "session 2"))), max_size=4)
Packet = tuple[int, int, int, int, bytes]


def without(text: bytes) -> tuple[bytes, int]:
    """Take the keys out."""
    return re.subn(re.escape(KEY), b"", text)


def annotated(data: bytes, notes: Notes, limits: Limits, clean: Clean | None) -> tuple[bytes, Editor, str | None]:
    """Give the copy, what counts, and what was wrong."""
    out, editor = io.BytesIO(), Editor(clean)
    sections = survey(io.BytesIO(data), notes, limits)
    problem = copy(io.BytesIO(data), out, notes, sections, editor, limits)
    return out.getvalue(), editor, problem


def read(data: bytes, *, pcap: bool = False) -> list[Packet]:
    """Give the packets that our reader finds; none in what it does not take."""
    found: list[Packet] = []
    try:
        source = (PcapSource if pcap else PcapngSource)(io.BytesIO(data), "capture", Limits())
    except UnusableInputError:
        return found
    for batch in source.batches():
        columns = (batch.records[name].tolist() for name in ("time", "interface", "on_wire", "captured", "offset"))
        found += [
            (time, which, wire, size, batch.data[at : at + size].tobytes())
            for time, which, wire, size, at in zip(*columns, strict=True)
        ]
    return found


@given(FILES, TEXTS, LINES, st.sampled_from((64, 300, 1 << 16)), st.booleans())
def test_only_what_is_said_to_change_does(
    data: bytes, texts: Mapping[int, list[str]], lines: list[tuple[int, str]], batch: int, keep: bool
) -> None:
    notes = Notes("analyzer: head", dict(texts), lines)
    written, editor, problem = annotated(data, notes, Limits(batch=batch), None if keep else without)
    assert problem is None
    before, after = list(blocks(data)), list(blocks(written))
    secrets = [one for one in before if one[1] == SECRETS]
    assert editor.tally.secrets == (0 if keep else len(secrets))
    if not keep:
        assert KEY not in written
        before = [one for one in before if one[1] != SECRETS]
    assert len(after) == len(before)
    number, said = 0, []
    for old, new in zip(before, after, strict=True):
        assert new[:2] == old[:2]
        number += old[1] in (PACKET, OLD_PACKET, SIMPLE)
        wanted = texts.get(number, []) if old[1] in (PACKET, OLD_PACKET) else []
        if old[1] in (SECTION, PACKET, OLD_PACKET):
            stayed = comments(old) if keep else [text.replace(f"{KEY.decode()}", "") for text in comments(old)]
            ours = [text for text in comments(new) if text.startswith("analyzer: ")]
            assert [text for text in comments(new) if text not in ours] == stayed
        if old[1] == SECTION:
            said += [line for text in ours for line in text.split("\n")[1:]]
            assert new[2][8:16] == b"\xff" * 8
        elif old[1] in (PACKET, OLD_PACKET):
            assert ours == wanted
            if not wanted and KEY not in old[2]:
                assert new == old
        elif KEY not in old[2]:
            assert new == old
    bare = [f"packet {at}: {text}" for at in simple(before) for text in texts.get(at, [])]
    assert sorted(said) == sorted([*(line for _, line in lines), *bare])
    assert read(written) == read(data)


def simple(found: list[Block]) -> list[int]:
    """Give the numbers of packets whose blocks take no options."""
    packets = [one for one in found if one[1] in (PACKET, OLD_PACKET, SIMPLE)]
    return [number for number, one in enumerate(packets, 1) if one[1] == SIMPLE]


@given(FILES, TEXTS)
def test_another_run_changes_nothing(data: bytes, texts: Mapping[int, list[str]]) -> None:
    notes = Notes("analyzer: head", dict(texts), [(1, "session 1")])
    once, first, _ = annotated(data, notes, Limits(), None)
    twice, second, _ = annotated(once, notes, Limits(), None)
    assert twice == once
    assert second.tally.former == first.tally.comments == second.tally.comments


@given(FILES, TEXTS, st.data())
def test_damage_ends_the_copy_where_it_ends_the_reading(data: bytes, texts: Mapping[int, list[str]], drawn: st.DataObject) -> None:
    broken = bytearray(data[: drawn.draw(st.integers(40, len(data)))])
    for _ in range(drawn.draw(st.integers(0, 3))):
        broken[drawn.draw(st.integers(0, len(broken) - 1))] = drawn.draw(st.integers(0, 255))
    notes = Notes("analyzer: head", dict(texts), [(1, "session 1")])
    written, _, problem = annotated(bytes(broken), notes, Limits(batch=300), None)
    assert read(written) == read(bytes(broken))
    if problem is None and len(broken) == len(data):
        assert len(list(blocks(written))) >= 1


def test_a_session_is_told_of_in_its_own_section() -> None:
    one = struct.pack("<IIIHHqI", SECTION, 28, 0x1A2B3C4D, 1, 0, -1, 28) + struct.pack("<IIHHII", 1, 20, 1, 0, 0, 20)
    packet = struct.pack("<IIIIIIII", PACKET, 32, 0, 0, 0, 0, 0, 32)
    notes = Notes("analyzer: head", {}, [(0, "capture"), (2, "session 1"), (4, "session 2"), (9, "session 3")])
    written, editor, _ = annotated(one + one + packet * 2 + one + packet + one + packet, notes, Limits(), None)
    told = [comments(found) for found in blocks(written) if found[1] == SECTION]
    head = "analyzer: head\n"
    assert told == [[head + "capture"], [head + "session 1"], [], [head + "session 2\nsession 3"]]
    assert editor.tally.sections == 3


def test_the_lines_of_a_section_are_parted_and_end_at_the_limit() -> None:
    notes = Notes("analyzer: head", {}, [])
    texts = notes.section([f"line {number} {'x' * 100}" for number in range(5000)], 150_000)
    assert len(texts) == 3
    assert all(text.startswith("analyzer: head\nline ") and len(text) < 0xFFFF for text in texts)
    assert texts[-1].endswith("more lines are left out here; `analyzer report` has them.")
    assert notes.section([], 9) == []


PACKETS = st.lists(st.tuples(st.integers(0, 1 << 31), st.integers(0, 999_999), st.binary(max_size=30)), max_size=20)


@given(PACKETS, TEXTS, st.sampled_from((0xA1B2C3D4, 0xA1B23C4D)), st.sampled_from("<>"), st.sampled_from((40, 200, 1 << 16)))
def test_a_pcap_file_becomes_pcapng(
    packets: list[tuple[int, int, bytes]], texts: Mapping[int, list[str]], magic: int, order: str, batch: int
) -> None:
    head = struct.pack(f"{order}IHHIIII", magic, 2, 4, 0, 0, 65535, 0x24000001)
    records = (struct.pack(f"{order}IIII", at, part, len(data), len(data) + 1) + data for at, part, data in packets)
    data = head + b"".join(records)
    clock = pcap_clock(head)
    assert clock == Clock(1 if magic == 0xA1B23C4D else 1000, 32)
    out, editor = io.BytesIO(), Editor(None)
    limits = Limits(batch=batch)
    notes = Notes("analyzer: head", dict(texts), [(0, "line")])
    convert(PcapSource(io.BytesIO(data), "capture", limits), out, notes, editor, limits, clock)
    assert read(out.getvalue()) == read(data, pcap=True)
    section, interface, *rest = blocks(out.getvalue())
    assert comments(section) == ["analyzer: head\nline"]
    assert interface[2][:8] == struct.pack("<HHI", 1, 0, 65535)
    assert struct.pack("<HHI", 13, 1, 32) in interface[2]
    assert struct.pack("<HHI", 9, 1, 6 if clock.tick == 1000 else 9) in interface[2]
    assert [comments(one) for one in rest] == [texts.get(number, []) for number in range(1, len(packets) + 1)]
    sizes = [struct.unpack_from("<I", one[2], 12)[0] for one in rest]
    assert all(not any(one[2][20 + size : 20 + (size + 3 & ~3)]) for size, one in zip(sizes, rest, strict=True))  # padding


@pytest.mark.parametrize("order", ["little", "big"])
def test_options_that_cannot_be_stay_as_they_are(order: str) -> None:
    big = order == "big"
    form = ">" if big else "<"
    tail = struct.pack(f"{form}HH", 2988, 900) + b"cut!"
    body = struct.pack(f"{form}IIIII", 0, 0, 0, 0, 0) + tail
    length = struct.pack(f"{form}I", len(body) + 12)
    old = struct.pack(f"{form}I", PACKET) + length + body + length
    new = Editor(None).packet(old, ["analyzer: x"], big=big)
    ((_, _, found),) = [(big, PACKET, new[8:-4])]
    assert found.endswith(tail)
    assert b"analyzer: x" in found
    assert struct.unpack_from(f"{form}I", new, 4)[0] == len(new)
