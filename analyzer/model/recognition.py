"""By what a finding is known again in another report: rule, severity, side, path of the request, and what it is in kind.

In: a finding's facts, as the analysis has them or as JSON gives them back. Out: a key, which is equal for the same. What says when,
where and how much is not in it: times, packet numbers, sizes and how often a thing happened are others in every capture.
"""

import json
from collections.abc import Mapping
from typing import Any

Key = tuple[str, str, str | None, str | None, str]
"""Rule, severity, side, path of the request, what it is in kind."""
KINDS = frozenset(
    {
        *("status", "closed_with", "code", "type", "variant"),  # what the server said
        *("alert", "certificate", "tcp_end", "ended_by"),
        *("declared", "actual", "decodable", "container", "looks_like"),
        *("words", "why"),
    }
)
"""Values of findings that say what it is, rather than how much, when, or in which words."""
SIDES = frozenset({"client", "server"})
"""Values by side, where they count violations by name: the names say what it is."""


def key_of(rule: str, severity: str, side: str | None, path: str | None, values: Mapping[str, Any]) -> Key:
    """The key of a finding."""
    return rule, str(severity), side, path, _kind(values)


def _kind(values: Mapping[str, Any]) -> str:
    """What a finding is in kind, as text; lists without order and repetition."""
    told: dict[str, Any] = {}
    for name in sorted(values):
        value = values[name]
        if name in SIDES and isinstance(value, Mapping):
            told[name] = sorted(value)
        elif name in KINDS:
            told[name] = sorted(set(map(str, value))) if isinstance(value, list | tuple) else value
    return json.dumps(told, sort_keys=True, default=str)
