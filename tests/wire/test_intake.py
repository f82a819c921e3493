"""The queue in front of a decision: bytes join, holes stay visible, nothing is free."""

import numpy as np

from analyzer.model.streams import Data, Gap, Origins
from analyzer.wire.intake import PIECE, Intake


def data(start: int, content: bytes) -> Data:
    place = (np.array([value], np.int64) for value in (start, start + 1, start + 2))
    return Data(start, np.frombuffer(content, np.uint8), Origins(*place))


def test_bytes_join_and_know_their_packets() -> None:
    intake = Intake(1 << 16)
    assert intake.front is intake.data is intake.ahead is None
    intake.add(data(5, b"abc"))
    intake.add(data(8, b"def"))
    assert intake.data is not None
    assert (intake.data.bytes.tobytes(), intake.data.place(7)[0], intake.data.place(8)[0]) == (b"abcdef", 6, 9)
    assert intake.held == 6 + PIECE
    assert not intake.cut
    intake.skip(4)
    assert (intake.data.start, intake.data.bytes.tobytes(), intake.held) == (9, b"ef", 2 + PIECE)
    intake.skip(2)
    assert (intake.front, intake.held) == (None, 0)


def test_a_hole_stays_where_it_is() -> None:
    intake, gap = Intake(1 << 16), Gap(3, 2, 1, 1)
    pieces = [data(0, b"abc"), gap, data(5, b"de")]
    for piece in pieces:
        intake.add(piece)
    assert intake.cut
    assert intake.drop_gap() is None
    intake.skip(3)
    assert intake.front is gap
    assert intake.data is None
    assert intake.ahead is pieces[2]
    assert intake.drop_gap() is gap
    assert intake.data is pieces[2]
    assert intake.drain() == pieces[2:]
    assert intake.held == 0


def test_pieces_without_bytes_count_too() -> None:
    intake = Intake(1 << 16)
    for number in range(100):
        intake.add(data(2 * number, b"x"))
        intake.add(Gap(2 * number + 1, 1, 1, 1))
    assert intake.held == 100 + 200 * PIECE
