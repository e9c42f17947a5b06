"""A setting of a schedule that each parameter group may have for itself."""

from collections.abc import Sequence


def one_per_group(name: str, value: float | Sequence[float], groups: int) -> list[float]:
    """Return the value of each group; the last one also counts for the groups after it.

    A wrapper of several groups has one more, of the optimizer's defaults, and groups may be added.

    Raises `ValueError` for no value, or for more than there are groups.

    >>> one_per_group("min_value", [0.1, 0.2], 3)
    [0.1, 0.2, 0.2]
    """
    if not isinstance(value, Sequence):
        return [value] * groups
    if not 0 < len(value) <= groups:
        raise ValueError(
            f"`{name}` has {len(value)} values for {groups} parameter groups; give one number, or one for each group"
        )
    return [*value, *[value[-1]] * (groups - len(value))]
