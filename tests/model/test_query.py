"""Parameters of a query, as servers read them."""

import pytest

from analyzer.model.query import MOST_PARAMETERS, pairs, parameters


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {}),
        ("a=1&b=two%20words&c=", {"a": "1", "b": "two words", "c": ""}),
        ("a=1&a=2", {"a": "1"}),
        ("&".join(["a=1"] * MOST_PARAMETERS), {"a": "1"}),
        ("&".join(["a=1"] * (MOST_PARAMETERS + 1)), {}),
    ],
)
def test_parameters(query: str, expected: dict[str, str]) -> None:
    assert parameters(query) == expected


def test_pairs_are_all_of_them_in_order() -> None:
    assert pairs("tag=b&a=&tag=a%26") == [("tag", "b"), ("a", ""), ("tag", "a&")]
    assert pairs("&".join(["a=1"] * MOST_PARAMETERS)) == [("a", "1")] * MOST_PARAMETERS
    assert pairs("&".join(["a=1"] * (MOST_PARAMETERS + 1))) == []
