"""A capture of a format that only Wireshark knows, as pcapng: tshark keeps comments, interfaces and precision, where there are any.

In: a path. Out: the path of a pcapng file in a folder, None where tshark cannot write what it reads.
"""

import subprocess
from pathlib import Path

from analyzer.sources.pyshark import tshark_path


def as_pcapng(path: str, folder: Path) -> Path | None:
    """Have tshark write it anew. Raises MissingDependencyError without tshark."""
    made = folder / "capture.pcapng"
    command = [tshark_path(), "-n", "-r", str(Path(path).absolute()), "-F", "pcapng", "-w", str(made)]
    try:
        ran = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)  # noqa: S603 - found by its name in PATH
    except OSError:
        return None
    return made if ran.returncode == 0 and made.is_file() else None
