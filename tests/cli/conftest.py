"""The command as a user runs it: the installed program's `main` in this process, or a process of its own."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from analyzer.cli import main

CAPTURES = Path(__file__).parents[2] / "captures"


@pytest.fixture
def run() -> Callable[..., Result]:
    """Run a command in this process; a bug in it fails the test with its traceback."""

    def invoke(*arguments: object) -> Result:
        return CliRunner().invoke(main, [str(one) for one in arguments], catch_exceptions=False)

    return invoke


@pytest.fixture
def process() -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """Run a command in a process of its own."""

    def start(*arguments: object, **options: object) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "analyzer", *map(str, arguments)]
        environment = {**os.environ, **options.pop("env", {})}  # type: ignore[dict-item]
        return subprocess.run(command, capture_output=True, check=False, timeout=60, env=environment, **options)  # type: ignore[call-overload,no-any-return]

    return start


@pytest.fixture
def healthy() -> Path:
    """Give a session in which nothing is wrong."""
    return CAPTURES / "healthy-linear16" / "capture.pcap"


@pytest.fixture
def silent() -> Path:
    """Give a session that the server closed after a silence: an error."""
    return CAPTURES / "silence-gap-net-0001" / "capture.pcap"


@pytest.fixture
def slow() -> Path:
    """Give a session with a warning and no error."""
    return CAPTURES / "pacing-slow" / "capture.pcap"
