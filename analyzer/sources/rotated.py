"""Files that one capture was split into, as their names tell. In: paths in any order. Out: the same, those of one set together.

tcpdump -C writes `x.pcap`, `x.pcap1`, `x.pcap2` (with -W `x.pcap00`, `x.pcap01`); dumpcap and Wireshark -b write
`x_00001_20261122100000.pcapng`, or `x_20261122100000_00001.pcapng` (nametimenum:2). What is compressed has one suffix more.
"""

import re
from collections import Counter
from collections.abc import Sequence

_COMPRESSED = re.compile(r"\.(?:gz|zst|bz2|xz|lz4)$", re.IGNORECASE)
_DUMPCAP = (
    re.compile(r"(?P<name>.*)_(?P<number>\d{5,})_\d{14}(?P<end>\.\w+)?$", re.DOTALL),
    re.compile(r"(?P<name>.*)_\d{14}_(?P<number>\d{5,})(?P<end>\.\w+)?$", re.DOTALL),
)
_TCPDUMP = re.compile(r"(?P<name>.*\.(?:p?cap|pcapng|dmp|dump))(?P<number>\d*)$", re.DOTALL | re.IGNORECASE)


def rotated(paths: Sequence[str]) -> list[tuple[str, ...]]:
    """Paths that belong together, each set where its first file stands; a path alone where it belongs to none.

    Names with a number twice are no set: they come from different captures.
    """
    places = [_place(path) for path in paths]
    seen = Counter(places)
    doubtful = {place[0] for place, times in seen.items() if place is not None and times > 1}
    sets: dict[object, list[str]] = {}
    for order, (path, place) in enumerate(zip(paths, places, strict=True)):
        sets.setdefault(order if place is None or place[0] in doubtful else place[0], []).append(path)
    return [tuple(members) for members in sets.values()]


def _place(path: str) -> tuple[tuple[str, ...], int] | None:
    """The set that a file may belong to, and its number there (-1 for the one without)."""
    bare = _COMPRESSED.sub("", path)
    for kind, pattern in enumerate((*_DUMPCAP, _TCPDUMP)):
        match = pattern.fullmatch(bare)
        if match is not None:
            return (str(kind), match["name"], match["end"] or "" if pattern is not _TCPDUMP else ""), int(match["number"] or -1)
    return None
