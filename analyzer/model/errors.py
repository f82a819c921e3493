"""The errors that reach a user. Each message is one sentence that says what is wrong and what to do next."""


class AnalyzerError(Exception):
    """Base of every error this package raises on purpose; `str()` is fit to be shown to a user."""


class UnusableInputError(AnalyzerError):
    """The input is not a capture, cannot be opened, or is of a kind that no source reads."""


class MissingDependencyError(AnalyzerError):
    """A program or an optional library is not installed; the message names what to install."""


class UsageError(AnalyzerError):
    """The options contradict each other or the capture, for instance a session number that is not there."""
