"""The error types of this package that are not builtins.

    SettingError (ValueError, AssertionError)
    ScheduleStateError (ValueError, KeyError)

A wrong setting is a `ValueError`; callers that were written against engines which check their arguments with
`assert` also catch it as an `AssertionError`.
"""

from typing import Self


class SettingError(ValueError, AssertionError):
    """A setting that cannot mean anything, found before the first step.

    >>> issubclass(SettingError, ValueError) and issubclass(SettingError, AssertionError)
    True
    """


class ScheduleStateError(ValueError, KeyError):
    """A state that belongs to another schedule than the one that is to load it.

    `found` and `expected` say which two, as a rule and the value that it moves: "MultiStep of `lr`".
    """

    def __init__(self, found: str, expected: str, detail: str = "") -> None:
        super().__init__(
            f"this is the state of {found}, and the schedule is {expected}{detail}; load the state into the schedule "
            "that saved it"
        )
        self.found = found
        self.expected = expected
        self.detail = detail

    def __str__(self) -> str:
        return str(self.args[0])  # a KeyError would show it in quotes

    def __reduce__(self) -> tuple[type[Self], tuple[str, str, str]]:
        return type(self), (self.found, self.expected, self.detail)
