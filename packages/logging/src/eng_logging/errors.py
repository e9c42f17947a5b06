"""What can be wrong with a call: one small tree.

LoggingError
└── ArgumentError (also ValueError and AssertionError)
"""

__all__ = ["ArgumentError", "LoggingError"]


class LoggingError(Exception):
    """The root of every error that this package raises on its own account."""


class ArgumentError(LoggingError, ValueError, AssertionError):
    """An argument has a value that makes no sense.

    It is an ``AssertionError`` as well, because that is what code written for this interface catches.
    """
