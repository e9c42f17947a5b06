"""What may be handed to a drawing method: checked at the door, then numpy arrays and lists of one length."""

from __future__ import annotations

from typing import Any

import numpy as np

from eng_visualization.errors import ArgumentError

__all__ = ["array_of", "check_length", "check_type", "check_type_and_length", "tensor2ndarray", "value2list"]


def check_type(name: str, value: Any, valid_type: type | tuple[type, ...]) -> None:
    """Raise ``TypeError`` unless the value is of (one of) the types."""
    if not isinstance(value, valid_type):
        wanted = valid_type if isinstance(valid_type, tuple) else (valid_type,)
        names = " or ".join(kind.__name__ for kind in wanted)
        raise TypeError(f"`{name}` must be {names}, got {type(value).__name__}")


def check_length(name: str, value: Any, valid_length: int) -> None:
    """Raise `ArgumentError` if a list is shorter than there are things to draw."""
    if isinstance(value, list) and len(value) < valid_length:
        raise ArgumentError(f"`{name}` has {len(value)} entries for {valid_length} things to draw")


def check_type_and_length(
    name: str, value: Any, valid_type: type | tuple[type, ...], valid_length: int
) -> None:
    """`check_type`, then `check_length`."""
    check_type(name, value, valid_type)
    check_length(name, value, valid_length)


def tensor2ndarray(value: Any) -> Any:
    """An array for a tensor, on whatever device it is; anything else as it is."""
    return value.detach().cpu().numpy() if hasattr(value, "detach") else value


def value2list(value: Any, valid_type: type | tuple[type, ...], expand_dim: int) -> list[Any]:
    """A list with one entry per thing to draw, repeated if a single value of that type is given.

    Example:
        >>> value2list("red", str, 3)
        ['red', 'red', 'red']
        >>> value2list(["red", "blue"], str, 2)
        ['red', 'blue']
    """
    if isinstance(value, valid_type):
        return [value] * expand_dim
    return list(value)


def array_of(name: str, value: Any) -> np.ndarray:
    """An array of a tensor or array.

    Raises:
        TypeError: If it is something else, such as a list.
    """
    array = tensor2ndarray(value)
    check_type(name, array, np.ndarray)
    result: np.ndarray = array
    return result
