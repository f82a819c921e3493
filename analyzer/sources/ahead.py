"""Makes the next item of an iterator while the one before it is used: reading and walking let go of the interpreter lock.

In: an iterator. Out: its items in order, and its exceptions where they belong. One item is made ahead, no more: what an item refers
to may be overwritten when the next but one is made.
"""

from collections.abc import Iterator
from queue import SimpleQueue
from threading import Thread
from typing import TypeVar

Item = TypeVar("Item")
Outcome = tuple[bool, Item | None, BaseException | None]
"""Whether there is an item, the item, and what was raised instead."""


def ahead(items: Iterator[Item]) -> Iterator[Item]:
    """Yield `items`. The iterator runs in a thread of its own from the second item on; the last item asked for may be left
    unused.
    """
    wanted: SimpleQueue[bool] = SimpleQueue()
    made: SimpleQueue[Outcome[Item]] = SimpleQueue()

    def work() -> None:
        while wanted.get():
            made.put(_next(items))

    there, item, error = _next(items)
    if there:
        Thread(target=work, daemon=True).start()
    try:
        while there:
            wanted.put(True)
            assert item is not None
            yield item
            there, item, error = made.get()
    finally:
        wanted.put(False)
    if error is not None:
        raise error


def _next(items: Iterator[Item]) -> "Outcome[Item]":
    try:
        return True, next(items), None
    except StopIteration:
        return False, None, None
    except BaseException as error:  # noqa: BLE001 - raised again where the item was asked for
        return False, None, error
