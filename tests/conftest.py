"""Lets every test import the helpers that lie beside this file, and leaves out what only measures unless it is asked for."""

import sys
from pathlib import Path

import pytest
from hypothesis import settings

BENCH = Path(__file__).parent / "bench"

sys.path.append(str(Path(__file__).parent))

settings.register_profile("unhurried", deadline=None)  # how long a step takes is for benchmarks to tell
settings.load_profile("unhurried")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Measuring takes its time and judges nothing: `pytest tests/bench`."""
    asked = (Path(config.invocation_params.dir, argument.partition("::")[0]).resolve() for argument in config.args)
    return True if collection_path == BENCH and not any(path.is_relative_to(BENCH) for path in asked) else None
