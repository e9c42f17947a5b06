"""What this package raises beyond Python's own exceptions.

ParameterError (RuntimeError)   what torch says about parameters by number, said by name
"""

from __future__ import annotations


class ParameterError(RuntimeError):
    """Distributed training stumbled over parameters; `names` are theirs."""

    def __init__(self, message: str, names: list[str]) -> None:
        super().__init__(message)
        self.names = names
