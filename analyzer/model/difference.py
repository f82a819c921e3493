"""How two sessions differ, fact by fact: plain data between the comparison and its report."""

from analyzer.model.dataclass import dataclass
from analyzer.model.finding import Finding

FAR = 0.2
"""Share by which two numbers differ that are worth a word: two runs of one program are never equal."""
NEAR_S = 0.05
"""Seconds within which two times are the same."""
Value = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Fact:
    """One row. `unit` follows numbers."""

    topic: str
    name: str
    good: Value
    bad: Value
    unit: str = ""

    @property
    def differs(self) -> bool:
        """Whether the two are worth a look."""
        one, two = self.good, self.bad
        if isinstance(one, bool) or isinstance(two, bool) or not (isinstance(one, int | float) and isinstance(two, int | float)):
            return one != two
        if self.unit == "s" and abs(one - two) <= NEAR_S:
            return False
        return abs(one - two) > FAR * max(abs(one), abs(two))


@dataclass(frozen=True, slots=True)
class Difference:
    """Facts, and the findings that only one of the two has."""

    facts: tuple[Fact, ...]
    only_good: tuple[Finding, ...]
    only_bad: tuple[Finding, ...]
