"""By what a finding is known again: what it is in kind, and neither when nor how much."""

import json
from typing import Any

import pytest

from analyzer.model.finding import Severity
from analyzer.model.recognition import KINDS, Key, key_of


def key(values: dict[str, Any]) -> Key:
    return key_of("rejected-upgrade", Severity.ERROR, "server", "/v1/listen", values)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_what_it_is_makes_another_one(name: str) -> None:
    assert key({name: "one"}) != key({name: "other"}) != key({})


def test_how_much_does_not() -> None:
    assert key({"status": 401, "seconds": 3, "packets": [1]}) == key({"seconds": 4, "status": 401})
    assert key({"client": {"unmasked": 3}}) == key({"client": {"unmasked": 9}}) != key({"client": {"reserved": 3}})
    assert key({"words": ["b", "a", "b"]}) == key({"words": ("a", "b")})


@pytest.mark.parametrize("values", [{"status": 401, "words": ("b", "a")}, {"client": {"unmasked": 1}}, {}])
def test_json_gives_back_the_same(values: dict[str, Any]) -> None:
    assert key(json.loads(json.dumps(values))) == key(values)
