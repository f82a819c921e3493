"""Reads packet captures of WebSocket sessions that stream audio to a live-transcription service, and tells what went wrong.

>>> import analyzer
>>> report = analyzer.analyze("captures/healthy-linear16/capture.pcap")
>>> report.sessions[0].verdict.severity
'ok'

Everything here is imported when it is first used (PEP 562): `import analyzer` costs nothing.
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from analyzer.model.errors import AnalyzerError, MissingDependencyError, UnusableInputError, UsageError
    from analyzer.model.finding import Confidence, Finding, Severity, Verdict
    from analyzer.model.limits import Limits
    from analyzer.model.report import CaptureReport, Report, SessionReport
    from analyzer.model.settings import Dump, Settings
    from analyzer.pipeline import analyze

_HOMES = {
    "AnalyzerError": "model.errors",
    "CaptureReport": "model.report",
    "Confidence": "model.finding",
    "Dump": "model.settings",
    "Finding": "model.finding",
    "Limits": "model.limits",
    "MissingDependencyError": "model.errors",
    "Report": "model.report",
    "SessionReport": "model.report",
    "Settings": "model.settings",
    "Severity": "model.finding",
    "UnusableInputError": "model.errors",
    "UsageError": "model.errors",
    "Verdict": "model.finding",
    "analyze": "pipeline",
}
"""Name -> module that defines it."""

__all__ = [
    "AnalyzerError",
    "CaptureReport",
    "Confidence",
    "Dump",
    "Finding",
    "Limits",
    "MissingDependencyError",
    "Report",
    "SessionReport",
    "Settings",
    "Severity",
    "UnusableInputError",
    "UsageError",
    "Verdict",
    "analyze",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    """Import the home of a public name."""
    if name not in _HOMES:
        raise AttributeError(f"module 'analyzer' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - only when something is used

    return getattr(import_module(f"analyzer.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)
