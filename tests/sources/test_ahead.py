"""One item is made while the one before it is used, no more; what is raised comes where the item was asked for."""

import threading
from collections.abc import Iterator

import pytest

from analyzer.sources.ahead import ahead


def counted(made: list[int], stop: int, error: BaseException | None = None) -> Iterator[int]:
    for number in range(stop):
        made.append(number)
        yield number
    if error is not None:
        raise error


@pytest.mark.parametrize("stop", [0, 1, 2, 50])
def test_all_items_come_in_order(stop: int) -> None:
    assert list(ahead(counted([], stop))) == list(range(stop))


def test_no_more_than_one_is_made_ahead() -> None:
    made: list[int] = []
    for item in ahead(counted(made, 30)):
        assert len(made) <= item + 2


@pytest.mark.parametrize("stop", [0, 1, 3])
def test_an_exception_comes_behind_the_items(stop: int) -> None:
    items = ahead(counted([], stop, OSError("the disk is gone")))
    assert [next(items) for _ in range(stop)] == list(range(stop))
    with pytest.raises(OSError, match="the disk is gone"):
        next(items)


def test_who_stops_early_leaves_no_thread() -> None:
    before = threading.active_count()
    for item in ahead(counted([], 100)):
        if item == 5:
            break
    for thread in threading.enumerate():
        if thread.daemon:
            thread.join(5)
    assert threading.active_count() <= before
