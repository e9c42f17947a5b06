"""The one error type of this package that is not a builtin.

A wrong setting is a `ValueError`; callers that were written against engines which check their arguments with
`assert` also catch it as an `AssertionError`.
"""


class SettingError(ValueError, AssertionError):
    """A setting that cannot mean anything, found before the first step.

    >>> issubclass(SettingError, ValueError) and issubclass(SettingError, AssertionError)
    True
    """
