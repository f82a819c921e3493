"""Whatever HTTP comes before an upgrade, in whatever pieces, with whatever missing: the attempt is told, and where frames begin."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest

from analyzer.model.anomalies import Sightings
from analyzer.model.limits import DEFAULT, Limits
from analyzer.model.streams import Data, Gap, Origins, Piece
from analyzer.wire.handshake import USUAL_HEAD, Handshake
from analyzer.wire.intake import Intake

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
ASK = f"GET /v1/listen HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nSec-WebSocket-Key: {KEY}\r\n\r\n".encode()
GRANT = f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {ACCEPT}\r\n\r\n".encode()
GET, POST = b"GET /x HTTP/1.1\r\n\r\n", b"POST /x HTTP/1.1\r\nContent-Length: 7\r\n\r\nGET / H"
UPLOAD = b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nGET /\r\n0\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHTTP/"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nHTTP/1.1 \r\n0\r\n\r\n"
REFUSE = b'HTTP/1.1 401 Unauthorized\r\ndg-error: no\r\nContent-Length: 8\r\n\r\n{"a":12}'
REFUSE_CHUNKED = b'HTTP/1.1 401 Unauthorized\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{"a\r\n5\r\n":12}\r\n0\r\n\r\n'
REFUSE_OPEN = b'HTTP/1.1 401 Unauthorized\r\n\r\n{"a":12}'
FRAMES = b"\x82\x03abc\x81\x02{}" * 4
MASKED = b"".join(b"\x82\x83" + bytes([number, 2, 3, 4]) + b"abc" for number in range(6))


def piece(start: int, content: bytes) -> Data:
    place = (np.array([value], np.int64) for value in (start, start + 1, start + 1000))
    return Data(start, np.frombuffer(content, np.uint8), Origins(*place))


class Told(NamedTuple):
    """What became of a connection: an entry per step, and the bytes left for frames."""

    steps: list[tuple[str, int | None]]
    bodies: list[bytes]
    client: bytes
    server: bytes
    gave_up: bool


def left(intake: Intake) -> bytes:
    return b"".join(
        b"-" * one.length if isinstance(one, Gap) else one.bytes.tobytes() for one in intake.drain() if not isinstance(one, End)
    )


End = type(None)


def follow(moves: list[tuple[int, Piece]], limits: Limits = DEFAULT, *, together: bool = False) -> Told:
    """Feed pieces of the client (0) and the server (1), one by one or `together`, as a connection does."""
    intakes = Intake(1 << 16), Intake(1 << 16)
    handshake = Handshake(*intakes, limits, Sightings(5))
    steps: list[tuple[str, int | None]] = []
    bodies: list[bytes] = []

    def settle(*, final: bool) -> bool:
        nonlocal handshake
        while handshake.advance(final=final) or handshake.tunnel:
            if handshake.tunnel:
                handshake = Handshake(*intakes, limits, Sightings(5))
                continue
            request, response = handshake.request, handshake.response
            path = request.path if request else ""
            if handshake.presumed:
                steps.append((path, None))
                return True
            if response is None:
                continue
            steps.append((path, response.status))
            bodies.append(response.body)
            if response.status == 101:
                return True
            handshake.next_exchange()
        return False

    done = False
    for side, one in moves:
        intakes[side].add(one)
        if not together and not done:
            done = settle(final=False)
    if not done:
        settle(final=True)
    return Told(steps, bodies, left(intakes[0]), left(intakes[1]), handshake.gave_up)


def talk(*parts: tuple[int, bytes], step: int = 10**6) -> list[tuple[int, Piece]]:
    """The parts in packets of up to `step` bytes."""
    at, moves = [0, 0], []
    for side, content in parts:
        for low in range(0, len(content), step):
            moves.append((side, piece(at[side], content[low : low + step])))
            at[side] += len(content[low : low + step])
    return moves


GRANTED = [("/v1/listen", 101)]
TABLE: dict[str, tuple[list[tuple[int, bytes]], list[tuple[str, int | None]]]] = {
    "at once": ([(0, ASK), (1, GRANT)], GRANTED),
    "after a request": ([(0, GET), (1, OK), (0, ASK), (1, GRANT)], GRANTED),
    "after chunks": ([(0, GET), (1, CHUNKED), (0, ASK), (1, GRANT)], GRANTED),
    "after uploads": ([(0, POST), (1, OK), (0, UPLOAD), (1, OK), (0, ASK), (1, GRANT)], GRANTED),
    "pipelined": ([(0, GET + POST + UPLOAD + ASK), (1, OK + CHUNKED + OK + GRANT)], GRANTED),
    "continue": ([(0, ASK), (1, b"HTTP/1.1 100 Continue\r\n\r\n" + GRANT)], GRANTED),
    "after HEAD": ([(0, b"HEAD" + GET[3:]), (1, OK[:-5]), (0, ASK), (1, GRANT)], GRANTED),
    "in a tunnel": ([(0, b"CONNECT h:80 HTTP/1.1\r\n\r\n"), (1, b"HTTP/1.1 200 OK\r\n\r\n"), (0, ASK), (1, GRANT)], GRANTED),
    "after empty lines": ([(0, b"\r\n\r\n" + ASK), (1, GRANT)], GRANTED),
    "refused, then granted": ([(0, ASK), (1, REFUSE), (0, ASK), (1, GRANT)], [("/v1/listen", 401), *GRANTED]),
    "refused in chunks": ([(0, ASK), (1, REFUSE_CHUNKED), (0, ASK), (1, GRANT)], [("/v1/listen", 401), *GRANTED]),
    "without request": ([(1, GRANT)], [("", 101)]),
}


@pytest.mark.parametrize("case", TABLE)
@pytest.mark.parametrize("step", [1, 2, 7, 10**6])
def test_every_way_to_a_websocket(case: str, step: int) -> None:
    parts, steps = TABLE[case]
    for together in (False, True):
        moves = talk(*parts, (0, b"frames of the client"), (1, b"frames of the server"), step=step)
        told = follow(moves, together=together)
        assert told.steps == steps
        assert (told.client, told.server) == (b"frames of the client", b"frames of the server")
        assert told.bodies == [b'{"a":12}'] * (len(steps) - 1) + [b""]
        assert not told.gave_up


@pytest.mark.parametrize("cut", range(1, len(ASK + GRANT)))
def test_split_at_every_byte(cut: int) -> None:
    client = [ASK[:cut], ASK[cut:]] if cut < len(ASK) else [ASK]
    server = [GRANT] if cut <= len(ASK) else [GRANT[: cut - len(ASK)], GRANT[cut - len(ASK) :]]
    told = follow(talk(*((0, part) for part in client), *((1, part) for part in server)))
    assert told.steps == GRANTED


@pytest.mark.parametrize("answer", [REFUSE, REFUSE_CHUNKED, REFUSE_OPEN])
@pytest.mark.parametrize("step", [1, 10**6])
def test_a_refusal_has_its_body(answer: bytes, step: int) -> None:
    told = follow(talk((0, ASK), (1, answer), step=step))
    assert (told.steps, told.bodies) == ([("/v1/listen", 401)], [b'{"a":12}'])


def test_a_body_cut_short_is_told_as_far_as_it_goes() -> None:
    told = follow(talk((0, ASK), (1, REFUSE[:-3])))
    assert (told.steps, told.bodies) == ([("/v1/listen", 401)], [b'{"a":'])


def test_a_long_body_is_kept_in_part() -> None:
    body = b"HTTP/1.1 503 Busy\r\nContent-Length: 9000\r\n\r\n" + b"x" * 9000
    told = follow(talk((0, ASK), (1, body), (0, ASK), (1, GRANT), step=1000), replace(DEFAULT, http_body=500))
    assert told.steps == [("/v1/listen", 503), *GRANTED]
    assert told.bodies[0] == b"x" * 500


@pytest.mark.parametrize("size", [10, USUAL_HEAD - 200, USUAL_HEAD - 150, USUAL_HEAD - 100, USUAL_HEAD, 40_000, 70_000])
def test_a_head_may_be_long_up_to_the_limit(size: int) -> None:
    cookie = b"Cookie: " + b"x" * size + b"\r\n\r\n"
    told = follow([(0, piece(0, ASK[:-2] + cookie + MASKED)), (1, piece(0, GRANT[:-2] + cookie + FRAMES))])
    if size < DEFAULT.http_head:
        assert (told.steps[-1], told.client, told.server) == (("/v1/listen", 101), MASKED, FRAMES)
    else:
        assert ("/v1/listen", 101) not in told.steps


def test_no_answer_is_no_step() -> None:
    assert follow(talk((0, ASK))).steps == []


@pytest.mark.parametrize("known", [True, False])
def test_frames_behind_a_missing_answer_say_that_it_was_granted(*, known: bool) -> None:
    """As far as the answer is a hole; nothing that follows is taken for HTTP."""
    client = MASKED + b"\x82\x84kkkk\r\n\r\n" + MASKED
    moves = [*talk((0, (ASK if known else b"") + client)), (1, Gap(0, 200, 1, 1)), (1, piece(200, FRAMES))]
    told = follow(moves)
    assert told.steps == [("/v1/listen" if known else "", None)]
    assert (told.client, told.server) == (client, FRAMES)


def test_frames_that_hold_empty_lines_wait_for_the_answer() -> None:
    """The request is missing, the answer comes: what the client sent are frames, not a broken head."""
    client = b"\x82\x90kkkk\r\n\r\nGET / HTTP/1"
    told = follow([(0, Gap(0, 150, 1, 1)), (0, piece(150, client)), *talk((1, GRANT))])
    assert told.steps == [("", 101)]
    assert told.client == b"-" * 150 + client


@pytest.mark.parametrize("begin", range(0, len(ASK), 5))
def test_a_hole_in_the_request_hides_only_what_is_in_it(begin: int) -> None:
    rest = ASK[begin + 9 :]
    moves = [*talk((0, ASK[:begin])), (0, Gap(begin, 9, 1, 1)), *([(0, piece(begin + 9, rest))] if rest else []), *talk((1, GRANT))]
    told = follow(moves)
    assert [status for _, status in told.steps] == [101]


@pytest.mark.parametrize("begin", range(0, len(GRANT), 5))
def test_a_hole_in_the_answer(begin: int) -> None:
    """Where the status is still there the attempt was granted; where it is not, frames of the client say so."""
    rest = GRANT[begin + 9 :] + FRAMES
    moves = [*talk((0, ASK + MASKED), (1, GRANT[:begin])), (1, Gap(begin, 9, 1, 1)), (1, piece(begin + 9, rest))]
    ((path, status),) = follow(moves).steps
    assert path == "/v1/listen"
    assert status in (101, None)


def test_a_hole_in_a_body_is_stepped_over() -> None:
    moves = [*talk((0, GET + ASK), (1, OK[:-3])), (1, Gap(len(OK) - 3, 3, 1, 1)), (1, piece(len(OK), GRANT))]
    assert follow(moves).steps == GRANTED
    moves = [*talk((0, POST[:-3])), (0, Gap(len(POST) - 3, 3, 1, 1)), (0, piece(len(POST), ASK)), *talk((1, OK + GRANT))]
    assert follow(moves).steps == GRANTED


def test_a_hole_of_a_length_not_known_in_a_body_loses_the_step_until_the_next_answer() -> None:
    body = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + b"x" * 400
    rest = piece(len(body) + 7, b"y" * 90 + GRANT)
    moves = [*talk((0, GET + ASK), (1, body)), (1, Gap(len(body), 7, 1, 1, exact=False)), (1, rest)]
    assert follow(moves).steps == GRANTED


def test_a_hole_in_chunks_loses_the_step_until_the_next_answer() -> None:
    hole = CHUNKED.index(b"9\r\n") + 4
    moves = [*talk((0, GET + ASK), (1, CHUNKED[:hole])), (1, Gap(hole, 3, 1, 1)), (1, piece(hole + 3, CHUNKED[hole + 3 :] + GRANT))]
    assert follow(moves).steps == GRANTED


@pytest.mark.parametrize("protocol", ["h2c", "TLS/1.0"])
def test_another_protocol_is_no_websocket(protocol: str) -> None:
    ask = f"GET / HTTP/1.1\r\nUpgrade: {protocol}\r\n\r\n".encode()
    grant = f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: {protocol}\r\n\r\n".encode()
    told = follow(talk((0, ask), (1, grant), (1, b"PRI * HTTP/2.0\r\n\r\n")))
    assert told.gave_up
    assert told.steps == []


def test_exchanges_are_bounded() -> None:
    limits = replace(DEFAULT, exchanges=20)
    assert follow(talk((0, GET * 25 + ASK), (1, OK * 25 + GRANT)), limits).gave_up
    assert follow(talk((0, GET * 1000)), limits).gave_up
    assert follow(talk((0, GET * 18 + ASK), (1, OK * 18 + GRANT)), limits).steps == GRANTED


@pytest.mark.parametrize("side", [0, 1])
def test_what_waits_is_bounded(side: int) -> None:
    """Bytes that are neither HTTP nor frames end the matter, also in tiny pieces with holes."""
    limits = replace(DEFAULT, undecided=5000)
    intakes = Intake(1 << 16), Intake(1 << 16)
    handshake = Handshake(*intakes, limits, Sightings(5))
    for one in (piece(0, ASK),):
        intakes[0].add(one)
    at = len(ASK)
    for number in range(100):
        intakes[side].add(piece(at, bytes([number + 1]) * 50))
        intakes[side].add(Gap(at + 50, 7, 1, 1))
        at += 57
        handshake.advance(final=False)
        if handshake.gave_up:
            break
    assert handshake.gave_up
    assert intakes[side].held < 8000
