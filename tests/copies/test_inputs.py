"""A copy that makes one capture of several has what each of them said beside its packets."""

import io
import struct
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pcapng_files import (
    FILES,
    INTERFACE,
    NAMES,
    OLD_PACKET,
    PACKET,
    SECRETS,
    SECTION,
    SIMPLE,
    Block,
    block,
    blocks,
    comments,
    options,
    packed,
)

from analyzer.copies.annotate import convert
from analyzer.copies.edits import Editor
from analyzer.copies.inputs import Input, Inputs
from analyzer.copies.notes import Notes
from analyzer.model.limits import DEFAULT
from analyzer.model.settings import Settings
from analyzer.sources.several import Several

TEXTS = st.dictionaries(st.integers(1, 12), st.lists(st.sampled_from(("analyzer: one", "analyzer: zwö")), min_size=1, max_size=2))
PACKETS = (PACKET, OLD_PACKET, SIMPLE)


def merged(folder: Path, files: list[bytes], notes: Notes, part: int) -> tuple[bytes, Several, Editor, Inputs]:
    """Give the copy of all files."""
    limits = replace(DEFAULT, batch=part, part=part)
    paths = []
    for number, data in enumerate(files):
        paths.append(folder / f"{number}.pcapng")
        paths[-1].write_bytes(data)
    source = Several([str(path) for path in paths], Settings(limits=limits))
    opened = [Input(path.name, partial(lambda path: closing(path.open("rb")), path)) for path in paths]
    inputs, editor, out = Inputs(opened, source.owners, limits), Editor(None), io.BytesIO()
    convert(source, out, notes, editor, limits, inputs=inputs)
    return out.getvalue(), source, editor, inputs


def described(one: Block, at: int) -> list[tuple[int, bytes]]:
    """Give the options of a block whose options begin at this place of its body, in the order of a little-endian file."""
    big, kind, body = one
    found = []
    while at + 4 <= len(body):
        code, size = struct.unpack_from(">HH" if big else "<HH", body, at)
        if code == 0:
            break
        value = body[at + 4 : at + 4 + size]
        width = {2: 4, 4: 8}.get(code, 0) if kind in PACKETS else 0
        if big and code in (2988, 19372):
            value = value[:4][::-1] + value[4:]
        elif big and size == width:
            value = value[::-1]
        found.append((code, value))
        at += 4 + (size + 3 & ~3)
    return found


def packet_options(one: Block) -> list[tuple[int, bytes]]:
    big, kind, body = one
    return [] if kind == SIMPLE else described(one, 20 + (struct.unpack_from(">I" if big else "<I", body, 12)[0] + 3 & ~3))


@given(files=st.lists(FILES, min_size=2, max_size=3), texts=TEXTS, part=st.sampled_from((300, 1 << 16)))
def test_all_that_is_said_of_packets_interfaces_and_sections_is_kept(
    tmp_path_factory: pytest.TempPathFactory, files: list[bytes], texts: Mapping[int, list[str]], part: int
) -> None:
    notes = Notes("analyzer: head", dict(texts), [(1, "session 1")])
    copy, source, _, inputs = merged(tmp_path_factory.mktemp("inputs"), files, notes, part)
    head, *rest = blocks(copy)
    before = [list(blocks(data)) for data in files]
    # Packets: those of a file stay in order, and its interfaces tell which they are.
    waiting = [iter([packet_options(one) for one in found if one[1] in PACKETS]) for found in before]
    number = 0
    for one in rest:
        if one[1] == PACKET:
            number += 1
            which = struct.unpack_from("<I", one[2])[0]
            ours = [(1, text.encode()) for text in texts.get(number, [])]
            assert packet_options(one) == next(waiting[source.owners[which]]) + ours
    assert all(next(one, None) is None for one in waiting)
    assert number == sum(one[1] in PACKETS for found in before for one in found)
    # Interfaces, but for their clocks.
    interfaces = [described(one, 8) for one in rest if one[1] == INTERFACE]
    for place, found in enumerate(before):
        mine = [told[1:] for told, owner in zip(interfaces, source.owners, strict=True) if owner == place]
        assert mine == [described(one, 8) for one in found if one[1] == INTERFACE]
    # Sections, names, secrets.
    said = comments(head)
    assert said[:-2] == [text for found in before for one in found if one[1] == SECTION for text in comments(one)]
    assert said[-2].startswith("Merged from:\n0.pcapng")
    assert said[-1] == "analyzer: head\nsession 1"
    for kind in (NAMES, SECRETS):
        assert sum(one[1] == kind for one in rest) == sum(one[1] == kind for found in before for one in found)
    known = {SECTION, INTERFACE, NAMES, SECRETS, *PACKETS}
    assert inputs.lost == sum(one[1] not in known for found in before for one in found)


def file(facts: list[tuple[int, bytes]], *, big: bool = False, comment: bytes = b"") -> bytes:
    """Give a file with a packet at second 0."""
    head = packed("IHHq", 0x1A2B3C4D, 1, 0, -1, big=big) + options(facts, big=big)
    packet = packed("IIIII", 0, 0, 0, 4, 4, big=big) + b"data" + options([(1, comment)] if comment else [], big=big)
    described = packed("HHI", 1, 0, 0, big=big) + options(
        [(2, b"eth0"), (3, b"uplink"), (8, packed("Q", 9, big=big)), (9, b"\6")], big=big
    )
    return block(SECTION, head, big=big) + block(INTERFACE, described, big=big) + block(PACKET, packet, big=big)


def test_facts_that_differ_are_told_with_the_name_of_their_file(tmp_path: Path) -> None:
    files = [file([(3, b"Linux"), (4, b"Dumpcap")]), file([(2, b"x86"), (3, b"Linux"), (4, b"tcpdump")], big=True)]
    copy, *_ = merged(tmp_path, files, Notes("", {}, []), 1 << 16)
    head, *rest = blocks(copy)
    assert described(head, 16) == [
        (3, b"Linux"),
        (1, b"Merged from:\n0.pcapng, written by Dumpcap\n1.pcapng, hardware x86, written by tcpdump"),
    ]
    interfaces = [described(one, 8) for one in rest if one[1] == INTERFACE]
    assert interfaces == [[(9, b"\x09"), (2, b"eth0"), (3, b"uplink"), (8, struct.pack("<Q", 9))]] * 2


def test_comments_of_an_earlier_run_are_replaced(tmp_path: Path) -> None:
    files = [file([(1, b"analyzer: head\nold")], comment=b"analyzer: old"), file([(1, b"mine")], comment=b"mine")]
    copy, _, editor, _ = merged(tmp_path, files, Notes("analyzer: head", {2: ["analyzer: new"]}, []), 1 << 16)
    head, *rest = blocks(copy)
    assert comments(head) == ["mine", "Merged from:\n0.pcapng\n1.pcapng"]
    # Of packets at the same time mergecap takes that of the last file.
    assert [comments(one) for one in rest if one[1] == PACKET] == [["mine"], ["analyzer: new"]]
    assert editor.tally.former == 2


def test_what_is_no_pcapng_has_nothing_to_keep(tmp_path: Path) -> None:
    (tmp_path / "a.pcapng").write_bytes(file([], comment=b"mine"))
    (tmp_path / "b.pcap").write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 0, 1) + struct.pack("<IIII", 0, 0, 0, 0))
    paths = [tmp_path / "a.pcapng", tmp_path / "b.pcap"]
    source, out = Several([str(path) for path in paths], Settings()), io.BytesIO()
    files = [Input("a.pcapng", lambda: closing(paths[0].open("rb"))), Input("b.pcap", None)]
    convert(source, out, Notes("", {}, []), Editor(None), DEFAULT, inputs=Inputs(files, source.owners, DEFAULT))
    assert [comments(one) for one in blocks(out.getvalue()) if one[1] == PACKET] == [[], ["mine"]]


def test_what_is_too_much_to_hold_is_counted(tmp_path: Path) -> None:
    limits = replace(DEFAULT, block_options=400)
    path = tmp_path / "a.pcapng"
    path.write_bytes(file([(1, b"x" * 100)]) + file([(1, b"y" * 100)]))
    inputs = Inputs([Input("a", lambda: closing(path.open("rb")))], [0, 0], limits)
    assert inputs.lost == 2
    assert b"x" * 100 in inputs.section()
    assert b"y" not in inputs.section()
