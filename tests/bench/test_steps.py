"""How fast each step is: `pytest tests/bench`. What is timed must be right; how long it takes is shown, and judged by nobody.

Not part of the usual run. Each result has its rate (`bytes_per_second`, `rows_per_second`) among its extra information; with
`--benchmark-json FILE` it is written down, `--benchmark-compare` holds it against an earlier run.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import made_session
import numpy as np
import pytest
from load import Load, write_pcap, write_pcapng
from pytest_benchmark.fixture import BenchmarkFixture

import analyzer
from analyzer.audio.codecs import RAW
from analyzer.audio.meter import Measured, RawMeter
from analyzer.audio.track import TrackBuilder
from analyzer.model.capture import CaptureLog, PacketBatch
from analyzer.model.channel import MessageBatch, Sink
from analyzer.model.limits import DEFAULT
from analyzer.model.schema import Kind, Side
from analyzer.model.settings import Settings
from analyzer.model.streams import Bytes, Columns, Run
from analyzer.model.track import AudioFormat, Track
from analyzer.reports import render
from analyzer.rules import judge
from analyzer.sources import open_source
from analyzer.wire import bulk
from analyzer.wire.connection import Connection
from analyzer.wire.frames import FrameColumns
from analyzer.wire.reassembly import Reassembly
from analyzer.wire.tcp import FlowTable, Packets, Watch

LOADS = {
    "3200-byte messages": Load(sessions=6, seconds=30),
    "160-byte messages": Load(sessions=6, seconds=60, message=160, per_second=8000, encoding="mulaw"),
}
Timed = Callable[..., Any]


class Made(NamedTuple):
    """A load, its capture, and how many packets are in it."""

    load: Load
    path: Path
    packets: int


@pytest.fixture(scope="module", params=LOADS)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    load = LOADS[request.param]
    path = tmp_path_factory.mktemp("load") / "load.pcap"
    return Made(load, path, write_pcap(path, load.packets()))


@pytest.fixture
def timed(benchmark: BenchmarkFixture) -> Timed:
    """Time a function, and note what of it went through in a second. `fresh` makes the arguments of each round."""

    def run(
        function: Callable[..., Any], *, fresh: Callable[[], tuple[Any, ...]] | None = None, rounds: int = 10, **work: int
    ) -> Any:  # noqa: ANN401 - what the function gives
        setup = (lambda: (fresh(), {})) if fresh else None
        result = benchmark.pedantic(function, setup=setup, rounds=rounds, warmup_rounds=1)
        if benchmark.stats:
            for unit, amount in work.items():
                benchmark.extra_info[f"{unit}_per_second"] = round(amount / benchmark.stats["median"])
        return result

    return run


def whole(path: Path) -> tuple[PacketBatch, CaptureLog]:
    """A capture as one batch."""
    parts: list[Bytes] = []
    records: list[Columns] = []
    with open_source(str(path), Settings()) as source:
        for batch in source.batches():
            at = sum(map(len, parts))
            records.append({name: column + at if name == "offset" else column.copy() for name, column in batch.records.items()})
            parts.append(batch.data.copy())
    columns = {name: np.concatenate([one[name] for one in records]) for name in records[0]}
    return PacketBatch(np.concatenate(parts), columns, 1), source.log


def walk(path: Path) -> int:
    with open_source(str(path), Settings()) as source:
        return sum(len(batch.records["time"]) for batch in source.batches())


def test_records_of_pcap(timed: Timed, made: Made) -> None:
    assert timed(lambda: walk(made.path), bytes=made.path.stat().st_size, rows=made.packets) == made.packets


def test_records_of_pcapng(timed: Timed, made: Made, tmp_path: Path) -> None:
    path = tmp_path / "load.pcapng"
    packets = write_pcapng(path, made.load.packets())
    assert timed(lambda: walk(path), bytes=path.stat().st_size, rows=packets) == packets == made.packets


def test_decoding_to_connections(timed: Timed, made: Made) -> None:
    batch, log = whole(made.path)

    def decode() -> tuple[int, int]:
        packets = FlowTable().decode(batch, log, Watch())
        return len(packets.columns["time"]), len(packets.flows)

    assert timed(decode, bytes=made.path.stat().st_size, rows=made.packets) == (made.packets, made.load.sessions)


def decoded(made: Made) -> Packets:
    batch, log = whole(made.path)
    return FlowTable().decode(batch, log, Watch())


def test_reassembly_of_one_direction(timed: Timed, made: Made) -> None:
    packets = decoded(made)
    rows, index = next(packets.connections(Watch()))
    begin, end = rows.sides[0]
    size = int(packets.columns["length"][begin:end].sum())

    def reassemble(half: Reassembly) -> int:
        pieces = (*half.feed(packets.columns, begin, end, packets.data), *half.tail())
        return sum(piece.size for piece in pieces if isinstance(piece, Run))

    fresh = lambda: (Reassembly(packets.opening(index).initial[0], DEFAULT),)  # noqa: E731 - one use
    assert timed(reassemble, fresh=fresh, bytes=size, rows=end - begin) == size


class Counting(Sink):
    """Counts what the client said."""

    def __init__(self) -> None:
        self.frames_seen = self.content = 0

    def frames(self, side: Side, columns: Columns) -> None:
        """Count."""
        self.frames_seen += len(columns["length"]) if side is Side.CLIENT else 0

    def messages(self, side: Side, batch: MessageBatch) -> None:
        """Count."""
        self.content += int(batch.columns["part"].sum()) if side is Side.CLIENT else 0


def test_connections_to_messages(timed: Timed, made: Made) -> None:
    """Reassembly, handshake, frames, unmasking and messages of all connections."""
    packets, room = decoded(made), FrameColumns()
    connections = list(packets.connections(Watch()))
    audio = sum(len(made.load.audio(number)) for number in range(made.load.sessions))
    ends = made.load.sessions * len(b'{"type":"CloseStream"}\x03\xe8')

    def follow() -> tuple[int, int]:
        sink = Counting()
        for rows, index in connections:
            calls = (lambda *_: sink, lambda *_: False, lambda _: {})
            connection = Connection(rows.flow, packets.opening(index), DEFAULT, room, *calls)
            connection.feed(rows, packets.columns, packets.data)
            connection.finish()
        return sink.frames_seen, sink.content

    frames = made.load.sessions * (made.load.messages + 2)
    got = timed(follow, bytes=audio, rows=frames)
    assert got == (frames, audio + ends)


@pytest.fixture(params=[160, 3200])
def slices(request: pytest.FixtureRequest) -> tuple[Any, Any, Any, Any]:
    """8 MB of bytes, and slices of one size in it: starts, lengths, keys."""
    chance = np.random.default_rng(1)
    source = chance.integers(0, 256, 8_000_000, np.uint8)
    starts = np.arange(8, len(source) - request.param, request.param + 8)
    keys = chance.integers(0, 1 << 32, len(starts), np.uint32)
    return source, starts, np.full(len(starts), request.param), keys


def test_unmasking(timed: Timed, slices: tuple[Any, Any, Any, Any]) -> None:
    source, starts, lengths, keys = slices
    out = np.zeros(len(source), np.uint8)
    size = int(lengths.sum())
    assert timed(lambda: bulk.unmask(source, starts, lengths, keys, out), bytes=size, rows=len(starts)) == size
    last, length = int(starts[-1]), int(lengths[-1])
    key = np.frombuffer(int(keys[-1]).to_bytes(4, "big") * (length // 4), np.uint8)
    assert (out[size - length : size] == source[last : last + length] ^ key).all()


@pytest.mark.parametrize("encoding", ["linear16", "mulaw"])
def test_levels(timed: Timed, encoding: str) -> None:
    data = np.frombuffer(Load(seconds=100, encoding=encoding).audio(0), np.uint8)

    def measure() -> Measured:
        meter = RawMeter(RAW[encoding](1), 8000, DEFAULT, None)
        meter.feed(data)
        return meter.finish()

    measured = timed(measure, bytes=len(data))
    assert measured.duration_s == len(data) / RAW[encoding](1).width / 8000
    assert measured.peak_dbfs is not None


def test_a_track_with_its_hash(timed: Timed) -> None:
    load = Load(seconds=100)
    data = np.frombuffer(load.audio(0), np.uint8)
    lengths = np.full(load.messages, load.message, np.int64)

    def build() -> Track:
        declared = AudioFormat(encoding="linear16", sample_rate=16_000, channels=1)
        track = TrackBuilder(declared, DEFAULT, containers=True, side=Side.CLIENT, dump=None)
        track.feed(data, lengths)
        return track.finish(None, missing=False)

    assert timed(build, bytes=len(data)).sha256 == load.sha256(0)


def test_judging(timed: Timed) -> None:
    said = [*made_session.audio(0.1, 60.0), made_session.Said(60.1, Kind.CONTROL, "CloseStream")]
    client = made_session.direction(Side.CLIENT, said, [(60.2, 1000, "")])
    session = made_session.session(client, made_session.direction(Side.SERVER, [], [(60.3, 1000, "")]), pace=made_session.pace(1.0))
    assert timed(lambda: judge(session), rounds=50, sessions=1).verdict.severity == "ok"


def test_a_whole_report(timed: Timed, made: Made) -> None:
    text = timed(
        lambda: render(analyzer.analyze(made.path, frames=False), "json", width=None, colour=False),
        bytes=made.path.stat().st_size,
        sessions=made.load.sessions,
    )
    sessions = json.loads(text)["captures"][0]["sessions"]
    assert [one["verdict"]["severity"] for one in sessions] == ["ok"] * made.load.sessions
    assert {one["audio"]["client"]["sha256"] for one in sessions} == {made.load.sha256(n) for n in range(made.load.sessions)}
