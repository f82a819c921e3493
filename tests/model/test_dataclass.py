"""Our `dataclass` against the standard library's: nobody who uses the classes can tell them apart, but for an assignment."""

import copy
import dataclasses
import pickle

import pytest

from analyzer.model.dataclass import dataclass
from analyzer.model.places import Moment


def definition() -> type:
    """Give a class with every kind of field there is in the package."""

    class Point:
        """A place."""

        x: int
        y: float = 1.5
        names: tuple[str, ...] = dataclasses.field(default_factory=tuple)
        note: str = dataclasses.field(default="", compare=False, repr=False)

    return Point


@pytest.mark.parametrize("slots", [True, False])
def test_instances_behave_as_those_of_the_standard_library(slots: bool) -> None:
    ours, theirs = dataclass(frozen=True, slots=slots)(definition()), dataclasses.dataclass(frozen=True, slots=slots)(definition())
    for arguments in ((1,), (1, 2.0), (1, 2.0, ("a",), "b")):
        one, other = ours(*arguments), theirs(*arguments)
        assert repr(one) == repr(other)
        assert hash(one) == hash(other)
        assert dataclasses.asdict(one) == dataclasses.asdict(other)
        assert one == ours(*arguments)
        assert one == dataclasses.replace(one, note="not compared")
        assert one != dataclasses.replace(one, x=9)
        assert one != other
        assert one != arguments
    assert hasattr(ours(1), "__dict__") is not slots
    assert ours.__match_args__ == theirs.__match_args__
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'x'"):
        ours()


def test_what_can_change_has_no_hash() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(dataclass(slots=True)(definition())(1))


def test_methods_of_the_class_are_kept() -> None:
    @dataclass(frozen=True, slots=True)
    class Loud:
        """Shows itself."""

        x: int

        def __repr__(self) -> str:
            return "LOUD"

    assert repr(Loud(1)) == "LOUD"
    assert Loud(1) == Loud(1)


def test_instances_can_be_copied_and_sent() -> None:
    moment = Moment(3, 5)
    assert pickle.loads(pickle.dumps(moment)) == copy.deepcopy(moment) == moment  # noqa: S301 - our own bytes
