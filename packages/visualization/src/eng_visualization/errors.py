"""What can be wrong with a call: one small tree.

VisualizationError
├── ArgumentError (also ValueError and AssertionError)
└── MissingClientError (also ImportError)
"""

__all__ = ["ArgumentError", "MissingClientError", "VisualizationError", "check"]


class VisualizationError(Exception):
    """The root of every error that this package raises on its own account."""


class ArgumentError(VisualizationError, ValueError, AssertionError):
    """An argument has a shape or value that cannot be shown.

    It is an ``AssertionError`` as well, because that is what code written for this interface catches.
    """


class MissingClientError(VisualizationError, ImportError):
    """A backend was asked for whose client is not installed; the message says how to install it."""


def check(condition: object, message: str) -> None:
    """Raise `ArgumentError` with the message unless the condition holds."""
    if not condition:
        raise ArgumentError(message)
