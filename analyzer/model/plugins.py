"""What outside packages add through entry points. `importlib.metadata` costs 12 ms to import, so that it is asked only where one
may be.
"""

import sys
from functools import cache
from pathlib import Path
from typing import Any

PREFIX = b"[analyzer."


def outside(group: str) -> list[Any]:
    """The objects of all entry points of a group (`analyzer.rules`), sorted by name. An import error of one of them is not
    caught.
    """
    if not _any():
        return []
    from importlib.metadata import entry_points  # noqa: PLC0415 - see above

    return [entry.load() for entry in sorted(entry_points(group=group), key=lambda entry: entry.name)]


@cache
def _any() -> bool:
    """Whether an installed package names any group of ours."""
    for folder in dict.fromkeys(sys.path):
        for file in Path(folder or ".").glob("*-info/entry_points.txt"):
            try:
                if PREFIX in file.read_bytes():
                    return True
            except OSError:
                continue
    return False
