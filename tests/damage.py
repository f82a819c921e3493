"""Damaged copies of a capture, and what must still be found in them: the frames none of whose packets was hit.

A capture is a list of packets. A variant drops, repeats, moves and cuts some of them at random, the same for the same seed, and
knows of each packet which one of the original it is. What a report says of the variant is held against the table of frames of the
undamaged capture.
"""

import json
import random
import struct
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from kinds import ENCODINGS

import analyzer
from analyzer.model.report import Report, SessionReport
from analyzer.model.settings import Settings
from analyzer.sources import open_source

SECOND = 1_000_000_000
CAPTURES = Path(__file__).parents[1] / "captures"
OUT_OF_ORDER = {"clock-set-back", "halves-swapped"}
HEALTHY = sorted(
    path.parent
    for path in CAPTURES.glob("*/expected.json")
    if (sessions := json.loads(path.read_text())["sessions"])
    and all(one["verdict"]["rule"] is None for one in sessions)
    and path.parent.name not in OUT_OF_ORDER | ENCODINGS
    and not any(one.get("tls") for one in sessions)
)
SECURED = [CAPTURES / name for name in ("tls12-secrets-in-comment", "tls13-embedded-secrets")]
"""Healthy, too, as long as the handshake is there; they are judged by `judge_secured`."""
LEAST_KEPT = 60
"""A snap length that keeps the headers of TCP in most captures, and little else."""


@dataclass(frozen=True)
class Packet:
    """One packet, `number` in the original capture; `data` may be less than `on_wire`."""

    number: int
    time: int
    link: int
    on_wire: int
    data: bytes


@dataclass(frozen=True)
class Variant:
    """A damaged capture: its packets in the order of the file, and which of the original were `hit` (removed or cut)."""

    name: str
    packets: tuple[Packet, ...]
    hit: frozenset[int]
    moved: bool = False
    """Whether only the order changed, and copies were added."""


def read(path: Path) -> list[Packet]:
    """All packets of a capture."""
    found: list[Packet] = []
    with open_source(str(path), Settings()) as source:
        for batch in source.batches():
            columns = [batch.records[name].tolist() for name in ("offset", "captured", "on_wire", "time", "interface")]
            for at, captured, on_wire, time, interface in zip(*columns, strict=True):
                link = source.log.interfaces[interface].link_type
                found.append(Packet(len(found) + 1, time, link, on_wire, batch.data[at : at + captured].tobytes()))
    return found


def keys_of(path: Path) -> bytes:
    """The TLS secrets in a capture, as a key log."""
    with open_source(str(path), Settings()) as source:
        for _ in source.batches():
            pass
        return b"".join(f"{one.label} {one.random.hex()} {one.value.hex()}\n".encode() for one in source.log.secrets)


def write(packets: Sequence[Packet], path: Path, keys: bytes = b"") -> Path:
    """A pcapng with one interface per link type, times in nanoseconds and the secrets of a key log."""
    links = sorted({packet.link for packet in packets})
    blocks = [(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))]
    blocks += [(1, struct.pack("<HHIHHBxxxHH", link, 0, 0, 9, 1, 9, 0, 0)) for link in links]
    if keys:
        blocks.append((10, struct.pack("<II", 0x544C534B, len(keys)) + keys + bytes(-len(keys) % 4)))
    for packet in packets:
        place = (links.index(packet.link), packet.time >> 32, packet.time & 0xFFFFFFFF, len(packet.data), packet.on_wire)
        blocks.append((6, struct.pack("<IIIII", *place) + packet.data + bytes(-len(packet.data) % 4)))
    sized = [(kind, struct.pack("<I", len(body) + 12), body) for kind, body in blocks]
    path.write_bytes(b"".join(struct.pack("<I", kind) + size + body + size for kind, size, body in sized))
    return path


Damage = Callable[[list[Packet], random.Random], list[Packet]]


def drop(packets: list[Packet], chance: random.Random) -> list[Packet]:
    """Up to a fifth of all packets, one by one."""
    share = chance.choice((0.005, 0.02, 0.05, 0.2))
    return [packet for packet in packets if chance.random() >= share]


def drop_bursts(packets: list[Packet], chance: random.Random) -> list[Packet]:
    """A few runs of packets."""
    for _ in range(chance.randint(1, 4)):
        begin = chance.randrange(len(packets))
        del packets[begin : begin + chance.randint(1, max(1, len(packets) // 12))]
    return packets


def repeat(packets: list[Packet], chance: random.Random) -> list[Packet]:
    """Copies of some packets, or of all, right behind them or a little later."""
    share, later = chance.choice((0.03, 0.3, 1.0)), chance.choice((0, 1, 5))
    placed = [(float(at), packet) for at, packet in enumerate(packets)]
    placed += [(at + 0.5 + chance.randint(0, later), packet) for at, packet in placed if chance.random() < share]
    return _timed([packet for _, packet in sorted(placed, key=lambda one: one[0])], packets)


def reorder(packets: list[Packet], chance: random.Random) -> list[Packet]:
    """Packets overtake one another on the way, by a few places."""
    share, far = chance.choice((0.03, 0.2, 0.6)), chance.choice((1.5, 4.5, 12.5))
    placed = [(at + (chance.uniform(0, far) if chance.random() < share else 0), packet) for at, packet in enumerate(packets)]
    return _timed([packet for _, packet in sorted(placed, key=lambda one: one[0])], packets)


def shuffle_file(packets: list[Packet], chance: random.Random) -> list[Packet]:
    """The file holds a few stretches of time in the wrong order."""
    cuts = sorted(chance.randrange(len(packets)) for _ in range(chance.randint(1, 4)))
    parts = [packets[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(packets)], strict=True)]
    chance.shuffle(parts)
    return [packet for part in parts for packet in part]


def cut_head(packets: list[Packet], chance: random.Random) -> list[Packet]:
    """The capture began late."""
    return packets[chance.randrange(1, max(2, len(packets) * 3 // 4)) :]


def cut_tail(packets: list[Packet], chance: random.Random) -> list[Packet]:
    """The capture ended early."""
    return packets[: chance.randrange(len(packets) // 4, len(packets))]


def snap(packets: list[Packet], chance: random.Random) -> list[Packet]:
    """A snap length."""
    return [_cut(packet, length) for length in (chance.choice((96, 128, 200, 400)),) for packet in packets]


def cut_some(packets: list[Packet], chance: random.Random) -> list[Packet]:
    """Some packets are cut anywhere."""
    return [
        _cut(packet, chance.randint(LEAST_KEPT, max(LEAST_KEPT, len(packet.data)))) if chance.random() < 0.05 else packet
        for packet in packets
    ]


DAMAGES: dict[str, tuple[Damage, ...]] = {
    "drop": (drop,),
    "bursts": (drop_bursts,),
    "repeat": (repeat,),
    "reorder": (reorder,),
    "repeat and reorder": (repeat, reorder),
    "shuffled file": (shuffle_file,),
    "late start": (cut_head,),
    "early end": (cut_tail,),
    "snap length": (snap,),
    "cut packets": (cut_some,),
    "drop and reorder": (drop, reorder),
    "late start and loss": (cut_head, drop),
    "snap length and loss": (snap, drop),
    "all at once": (cut_head, cut_tail, drop, cut_some, repeat, reorder),
}
MOVING = frozenset({"repeat", "reorder", "repeat and reorder", "shuffled file"})
"""What removes nothing."""


def variants(packets: Sequence[Packet], count: int, seed: int, first: int = 0) -> list[Variant]:
    """So many damaged copies, one kind after the other, from number `first` on."""
    made = []
    for number in range(first, first + count):
        name = list(DAMAGES)[number % len(DAMAGES)]
        chance = random.Random(f"{seed} {number}")  # noqa: S311 - the same damage each time is wanted
        damaged = list(packets)
        for damage in DAMAGES[name]:
            damaged = damage(damaged, chance) or damaged[:1]
        whole = {packet.number for packet in damaged if packet.data == packets[packet.number - 1].data}
        hit = frozenset(packet.number for packet in packets) - whole
        made.append(Variant(f"{name} {number}", tuple(damaged), hit, name in MOVING))
    return made


def _cut(packet: Packet, length: int) -> Packet:
    return replace(packet, data=packet.data[:length])


def _timed(packets: list[Packet], before: list[Packet]) -> list[Packet]:
    """The clock of the capture goes on whatever the order: the n-th packet has the time that the n-th had, or the last one's."""
    times = sorted(packet.time for packet in before)
    spread = [times[at * len(times) // len(packets)] for at in range(len(packets))]
    return [replace(packet, time=time) for packet, time in zip(packets, spread, strict=True)]


@dataclass(frozen=True)
class Frame:
    """A frame as a report lists it; packets are numbers of the original capture."""

    side: int
    offset: int
    opcode: int
    length: int
    packets: tuple[int, int]


@dataclass
class Outcome:
    """What was found of a variant: frames that nobody sent, and of the frames that were not hit how many there are."""

    invented: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    missed_of_moved: list[str] = field(default_factory=list)
    """Of these, the ones of a variant from which nothing was removed."""
    there: int = 0
    expected: int = 0

    def add(self, other: "Outcome") -> None:
        """Sum up."""
        self.invented += other.invented
        self.missed += other.missed
        self.missed_of_moved += other.missed_of_moved
        self.there, self.expected = self.there + other.there, self.expected + other.expected


Sessions = dict[tuple[object, ...], list[list[Frame]]]


def frames_of(report: Report, numbers: Sequence[int]) -> Sessions:
    """Frames by connection and session. `numbers`: of each packet of the file its number in the original."""
    sessions: Sessions = {}
    for session in report.sessions:
        ends = (session.client, session.server)
        sessions.setdefault(tuple(sorted(map(str, ends))), []).append(_frames(session, numbers))
    return sessions


def _frames(session: SessionReport, numbers: Sequence[int]) -> list[Frame]:
    assert session.frame_table is not None
    table = session.frame_table.columns()
    names = ("side", "offset", "opcode", "length", "first_packet", "last_packet")
    rows = zip(*(table[name].tolist() for name in names), strict=True)
    return [
        Frame(side, offset, opcode, length, (numbers[first - 1], numbers[last - 1]))
        for side, offset, opcode, length, first, last in rows
    ]


def analyse(path: Path, numbers: Sequence[int]) -> Sessions:
    """The frames of a capture file."""
    return frames_of(analyzer.analyze(str(path), frames=True), numbers)


def compare(undamaged: Sessions, found: Sessions, variant: Variant) -> Outcome:
    """Hold the frames of a variant against those of the capture that it was made of.

    Offsets count from the upgrade, or from the first byte seen where the capture lacks the upgrade: per side of a session they may
    differ by one and the same number.
    """
    outcome = Outcome()
    reported: set[tuple[tuple[object, ...], int, int, int]] = set()
    for ends, sessions in found.items():
        true = [(number, frame) for number, frames in enumerate(undamaged.get(ends, [])) for frame in frames]
        for frames in sessions:
            for side in (0, 1):
                _match(ends, [f for f in frames if f.side == side], [t for t in true if t[1].side == side], outcome, reported)
    for ends, sessions in undamaged.items():
        for number, frames in enumerate(sessions):
            for frame in frames:
                if any(packet in variant.hit for packet in range(frame.packets[0], frame.packets[1] + 1)):
                    continue
                outcome.expected += 1
                if (ends, number, frame.side, frame.offset) in reported:
                    outcome.there += 1
                else:
                    outcome.missed.append(f"{variant.name}: {frame}")
    outcome.invented = [f"{variant.name}: {text}" for text in outcome.invented]
    outcome.missed_of_moved = outcome.missed if variant.moved else []
    return outcome


def judge(folder: Path, count: int, scratch: Path, seed: int = 1) -> Outcome:
    """All variants of a capture together."""
    (capture,) = folder.glob("capture.pcap*")
    packets = read(capture)
    undamaged = analyse(capture, [packet.number for packet in packets])
    total = Outcome()
    for variant in variants(packets, count, seed):
        path = write(variant.packets, scratch / "variant.pcapng")
        total.add(compare(undamaged, analyse(path, [packet.number for packet in variant.packets]), variant))
    return total


Secured = tuple[int, int, int, int, int, int]
"""Side, opcode, length, mask key, first and last packet."""


def judge_secured(folder: Path, count: int, scratch: Path, seed: int = 1) -> Outcome:
    """The same for a capture in TLS. A hole takes whole records, so that offsets behind it may differ: a frame is known by what its
    header says, mask included, and by its packets. Frames of a variant that lacks a packet of the handshake are not expected.
    """
    (capture,) = folder.glob("capture.pcap*")
    packets, keys = read(capture), keys_of(capture)
    undamaged = _secured(capture, [packet.number for packet in packets])
    opened = min(first for *_, first, _ in undamaged)
    total = Outcome()
    for variant in variants(packets, count, seed):
        path = write(variant.packets, scratch / "variant.pcapng", keys)
        found = _secured(path, [packet.number for packet in variant.packets])
        total.invented += [f"{variant.name}: {frame}" for frame in found if not any(_one(frame, true) for true in undamaged)]
        if any(packet < opened for packet in variant.hit):
            continue
        whole = [frame for frame in undamaged if not any(number in variant.hit for number in range(frame[4] - 1, frame[5] + 2))]
        total.expected += len(whole)
        missed = [f"{variant.name}: {true}" for true in whole if not any(_one(frame, true) for frame in found)]
        total.there += len(whole) - len(missed)
        total.missed += missed
        total.missed_of_moved += missed if variant.moved else []
    return total


def _one(frame: Secured, true: Secured) -> bool:
    """Whether both are the same frame."""
    return frame[:4] == true[:4] and _meet(frame[4:], true[4:])


def _secured(path: Path, numbers: Sequence[int]) -> list[Secured]:
    frames: list[Secured] = []
    for session in analyzer.analyze(str(path), frames=True).sessions:
        assert session.frame_table is not None
        table = session.frame_table.columns()
        names = ("side", "opcode", "length", "key", "first_packet", "last_packet")
        rows = zip(*(table[name].tolist() for name in names), strict=True)
        frames += [(*head, numbers[first - 1], numbers[last - 1]) for *head, first, last in rows]  # type: ignore[misc]
    return frames


def _match(
    ends: tuple[object, ...],
    frames: list[Frame],
    true: list[tuple[int, Frame]],
    outcome: Outcome,
    reported: set[tuple[tuple[object, ...], int, int, int]],
) -> None:
    """The frames of one side of a reported session: all from one true session, all shifted by the same."""
    if not frames:
        return
    best: tuple[int, int, int, int] = (-1, -1, 0, 0)
    for number in {session for session, _ in true}:
        table = {frame.offset: frame for session, frame in true if session == number}
        for shift in _shifts(table, frames):
            pairs = [(table.get(frame.offset + shift), frame) for frame in frames]
            fits = sum(_same(true, frame) for true, frame in pairs)
            near = sum(true is not None and _meet(true.packets, frame.packets) for true, frame in pairs)
            best = max(best, (fits, near, number, shift), key=lambda one: (*one[:2], one[3] == 0))
            if fits == near == len(frames):
                break  # nothing fits better, and where it is 0 that was tried first
    _, _, number, shift = best
    table = {frame.offset: frame for session, frame in true if session == number}
    for frame in frames:
        if _same(table.get(frame.offset + shift), frame):
            reported.add((ends, number, frame.side, frame.offset + shift))
        else:
            outcome.invented.append(f"{frame} (shift {shift})")


def _shifts(table: dict[int, Frame], frames: list[Frame]) -> Iterator[int]:
    """By how much offsets may differ: not at all, or so that the first frame, or one in the middle, lies on one of the table. Those
    that put it where its packets are come first.
    """
    yield 0
    for frame in dict.fromkeys((frames[0], frames[len(frames) // 2])):
        order = sorted(table.values(), key=lambda true: not _meet(true.packets, frame.packets))
        yield from (true.offset - frame.offset for true in order if true.offset != frame.offset)


def _meet(one: tuple[int, int], two: tuple[int, int]) -> bool:
    return one[0] <= two[1] and two[0] <= one[1]


def _same(true: Frame | None, frame: Frame) -> bool:
    return true is not None and (true.opcode, true.length) == (frame.opcode, frame.length)


def main() -> None:
    """Print the share of each healthy capture; `damage.py [VARIANTS] [SEED]`."""
    count, seed = (*map(int, sys.argv[1:]), *(200, 1)[len(sys.argv) - 1 :])
    total = Outcome()
    with tempfile.TemporaryDirectory() as scratch:
        for folder in HEALTHY:
            found = judge(folder, count, Path(scratch), seed)
            total.add(found)
            sys.stdout.write(f"{folder.name:<28}{found.there:>8} of {found.expected:>8}  {found.there / found.expected:.4f}\n")
    sys.stdout.write(f"{'all':<28}{total.there:>8} of {total.expected:>8}  {total.there / total.expected:.4f}\n")
    sys.stdout.write(f"invented: {len(total.invented)}, missed where nothing was removed: {len(total.missed_of_moved)}\n")


if __name__ == "__main__":
    main()
