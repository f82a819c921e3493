"""The public API: what `import analyzer` gives, and what it does not cost."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import analyzer

CAPTURES = Path(__file__).parents[1] / "captures"
HEALTHY = CAPTURES / "healthy-linear16" / "capture.pcap"


def test_importing_costs_nothing() -> None:
    code = "import sys, analyzer; print(sorted(name for name in sys.modules if name.partition('.')[0] in ('analyzer', 'numpy')))"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert loaded.strip() == "['analyzer']"


def test_the_example_of_the_docstring() -> None:
    report = analyzer.analyze(str(HEALTHY))
    assert report.sessions[0].verdict.severity == "ok"


def test_a_path_may_be_a_path() -> None:
    assert len(analyzer.analyze(HEALTHY).sessions) == 1


def test_errors_have_one_base() -> None:
    for error in (analyzer.UnusableInputError, analyzer.MissingDependencyError, analyzer.UsageError):
        assert issubclass(error, analyzer.AnalyzerError)
    with pytest.raises(analyzer.UnusableInputError):
        analyzer.analyze("no such file")


def test_what_is_not_there_is_not_there() -> None:
    with pytest.raises(AttributeError, match="module 'analyzer' has no attribute 'nothing'"):
        _ = analyzer.nothing
    assert dir(analyzer) == sorted(analyzer.__all__)


def test_the_version_is_that_of_the_project() -> None:
    project = tomllib.loads((CAPTURES.parent / "pyproject.toml").read_text())["project"]
    assert analyzer.__version__ == project["version"]
