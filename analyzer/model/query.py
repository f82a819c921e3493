"""The query of a request's target, as parameters. In: what stands behind the question mark. Out: names and values, decoded."""

from urllib.parse import parse_qsl

MOST_PARAMETERS = 1000


def pairs(query: str) -> list[tuple[str, str]]:
    """All of them in order; none at all of a query that only wants to cost time."""
    try:
        return parse_qsl(query, keep_blank_values=True, max_num_fields=MOST_PARAMETERS)
    except ValueError:
        return []


def parameters(query: str) -> dict[str, str]:
    """By name; of those that stand twice the first."""
    values: dict[str, str] = {}
    for name, value in pairs(query):
        values.setdefault(name, value)
    return values
