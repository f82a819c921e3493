"""What real libraries said is what the report says: frames, messages and audio, whatever the extension, the segments and the path.

The byte streams come from `websockets` and `wsproto` (see peers.py); what was said is known from the script. Inflating is proven by
the hash of the audio and by the service's own words.
"""

import hashlib
import itertools
import json
import random
from pathlib import Path as File

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from peers import BINARY, CLIENT, LIBRARIES, PING, SERVER, STRAIGHT, TEXT, Deflate, Path, Said, Talk, frames, pcap

import analyzer
from analyzer.model.limits import DEFAULT
from analyzer.model.report import SessionReport
from analyzer.model.schema import Opcode, Side, opcode_word

WINDOWS = range(9, 16)
"""zlib cannot make raw deflate with a window of 2**8 bytes, so that no library sends it."""
COLUMNS = ("offset", "opcode", "fin", "rsv", "masked", "length")


def speech(size: int, seed: int = 1) -> bytes:
    """Bytes that deflate finds something in, also from one message to the next, and not too much."""
    chance = random.Random(seed)  # noqa: S311 - the same bytes each time are wanted
    words = [chance.randbytes(24) for _ in range(12)]
    return b"".join(chance.choice(words) + chance.randbytes(8) for _ in range(size // 32 + 1))[:size]


def result(number: int) -> bytes:
    return json.dumps({"type": "Results", "start": float(number), "duration": 1.0, "is_final": True, "channel": {}}).encode()


def conversation() -> list[Said]:
    """Short, long and huge messages, in one frame and in many, with pings in between, from both sides."""
    audio = [speech(size, size) for size in (1, 125, 126, 3200, 65535, 65536, 200_000)]
    script = [Said(CLIENT, BINARY, (part,)) for part in audio]
    script += [Said(CLIENT, BINARY, tuple(speech(900, part) for part in range(4)), between=True), Said(CLIENT, PING, (b"hello",))]
    script += [
        Said(SERVER, TEXT, (result(0),)),
        Said(SERVER, PING, (b"",)),
        Said(SERVER, TEXT, (result(1)[:20], result(1)[20:]), between=True),
    ]
    script += [
        Said(CLIENT, BINARY, (speech(3200, 9),)),
        Said(SERVER, TEXT, (result(2),)),
        Said(CLIENT, TEXT, (b'{"type":"CloseStream"}',)),
    ]
    return script


def report(folder: File, talk: Talk, path: Path = STRAIGHT) -> SessionReport:
    capture = folder / "talk.pcap"
    capture.write_bytes(pcap(talk, path))
    (session,) = analyzer.analyze(str(capture), frames=True).sessions
    return session


def assert_heard(session: SessionReport, talk: Talk, script: list[Said]) -> None:
    """The report holds the frames of both streams, and the messages and the audio of the script."""
    assert session.frame_table is not None
    table = session.frame_table.columns()
    for side in Side:
        rows = table["side"] == side
        got = sorted(
            zip(*(table[name][rows].tolist() for name in COLUMNS), strict=True)
        )  # by offset: they come in order of capture
        assert got == [tuple(getattr(frame, name) for name in COLUMNS) for frame in frames(talk.stream(side))], side
        counts = {opcode_word(code): 0 for code in Opcode if code != Opcode.CONTINUATION}
        for frame in frames(talk.stream(side)):
            if frame.opcode >= Opcode.CLOSE:
                counts[opcode_word(frame.opcode)] += 1
        for said in script:
            if said.side == side and said.opcode != PING:
                counts[opcode_word(said.opcode)] += 1
        assert dict(session.message_counts[side.word]) == counts
    audio = b"".join(said.payload for said in script if said.side == CLIENT and said.opcode == BINARY)
    empty = sum(not said.payload for said in script if said.side == CLIENT and said.opcode == BINARY)
    assert session.empty_binary["client"] == empty
    if audio:
        assert session.audio["client"]["bytes"] == len(audio)
        assert session.audio["client"]["sha256"] == hashlib.sha256(audio).hexdigest()
    else:
        assert session.audio["client"] is None
    assert session.service["results"] == sum(b'"Results"' in said.payload for said in script if said.side == SERVER)
    assert session.coverage["client"]["missing"] == session.coverage["server"]["missing"] == 0
    assert session.close is not None
    assert (session.close["by"], session.close["code"]) == ("client", 1000)
    assert "protocol-violation" not in {finding.rule for finding in session.findings}


@pytest.mark.parametrize("library", LIBRARIES)
def test_without_extension(library: str, tmp_path: File) -> None:
    script = conversation()
    talk = LIBRARIES[library](script, None)
    assert_heard(report(tmp_path, talk), talk, script)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("fresh", list(itertools.product((False, True), repeat=2)), ids=str)
@pytest.mark.parametrize("bits", WINDOWS)
def test_deflate(library: str, fresh: tuple[bool, bool], bits: int, tmp_path: File) -> None:
    script = conversation()
    deflate = Deflate(client_bits=bits, server_bits=WINDOWS[-1] - (bits - WINDOWS[0]), client_fresh=fresh[0], server_fresh=fresh[1])
    talk = LIBRARIES[library](script, deflate)
    session = report(tmp_path, talk)
    assert "permessage-deflate" in session.upgrade["extensions"]
    assert_heard(session, talk, script)


@pytest.mark.parametrize(
    "path",
    [
        Path(segments=(1,)),
        Path(segments=(1, 2, 3, 1460)),
        Path(segments=(60_000,)),
        Path(exchanged=30, seed=1),
        Path(repeated=40, seed=2),
        Path(exchanged=20, repeated=20, late=15, seed=3),
        Path(exchanged=20, repeated=20, late=15, seed=4, sequence=(0xFFFFF000, 0xFFFFFFF0)),
    ],
    ids=str,
)
@pytest.mark.parametrize("deflate", [None, Deflate()], ids=["plain", "deflate"])
def test_whatever_the_path(path: Path, deflate: Deflate | None, tmp_path: File) -> None:
    script = [said for said in conversation() if len(said.payload) < 10_000 or path.segments[0] > 1]
    talk = LIBRARIES["websockets"](script, deflate)
    assert_heard(report(tmp_path, talk, path), talk, script)


PIECES = st.lists(st.binary(max_size=300), min_size=1, max_size=4).map(tuple)
SAYINGS = st.one_of(
    st.builds(Said, st.just(CLIENT), st.just(BINARY), PIECES, st.booleans()),
    st.builds(Said, st.just(SERVER), st.just(TEXT), st.integers(0, 99).map(lambda number: (result(number),))),
    st.builds(Said, st.sampled_from((CLIENT, SERVER)), st.just(PING), st.binary(max_size=125).map(lambda data: (data,))),
)
PATHS = st.builds(
    Path,
    segments=st.lists(st.integers(1, 1500), min_size=1, max_size=4).map(tuple),
    exchanged=st.integers(0, 30),
    repeated=st.integers(0, 30),
    late=st.integers(0, 20),
    seed=st.integers(0, 1000),
    sequence=st.tuples(st.integers(0, 0xFFFFFFFF), st.integers(0, 0xFFFFFFFF)),
)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(script=st.lists(SAYINGS, max_size=12), library=st.sampled_from(sorted(LIBRARIES)), deflated=st.booleans(), path=PATHS)
def test_any_conversation_on_any_path(tmp_path: File, script: list[Said], library: str, deflated: bool, path: Path) -> None:
    talk = LIBRARIES[library](script, Deflate() if deflated else None)
    assert_heard(report(tmp_path, talk, path), talk, script)


@pytest.mark.parametrize("deflate", [None, Deflate()], ids=["plain", "deflate"])
def test_a_frame_of_megabytes(deflate: Deflate | None, tmp_path: File) -> None:
    """Longer than what is kept of one frame: it goes through in parts."""
    size = 5 * DEFAULT.whole // 2
    script = [Said(CLIENT, BINARY, (speech(size),)), Said(CLIENT, BINARY, (speech(100), speech(size, 3), b""), between=True)]
    talk = LIBRARIES["websockets"](script, deflate)
    assert_heard(report(tmp_path, talk, Path(segments=(60_000,), exchanged=5, repeated=5, seed=5)), talk, script)
