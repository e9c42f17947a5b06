"""From epochs to iterations: the arguments of a schedule that count time, multiplied by the length of an
epoch."""

from collections.abc import Iterable, Mapping
from typing import Any

from eng_optim.errors import SettingError
from eng_optim.schedule.units import in_one_unit

INF = 10**9
"""The `end` of a schedule that has none."""


def in_iterations(
    arguments: Mapping[str, Any], counts: Iterable[str], *, epoch_length: int | None
) -> dict[str, Any]:
    """Return `arguments` with `begin`, `end` and the `counts` among them in iterations, and `by_epoch` False.

    Raises `SettingError` if they do not count epochs, or `epoch_length` is not a positive number.

    >>> in_iterations({"milestones": [8, 11], "end": 12}, ["milestones"], epoch_length=10)
    {'milestones': [80, 110], 'end': 120, 'by_epoch': False}
    """
    counts = tuple(counts)
    arguments, _ = in_one_unit(arguments, counts)
    if not arguments.get("by_epoch", True):
        raise SettingError("only a schedule that counts epochs can be turned into one that counts iterations")
    if epoch_length is None or epoch_length <= 0:
        raise SettingError(f"`epoch_length` is the number of iterations in an epoch, not {epoch_length!r}")
    converted = arguments
    for name in ("begin", "end", *counts):
        if converted.get(name) is not None and converted[name] != INF:
            converted[name] = _times(converted[name], epoch_length)
    return {**converted, "by_epoch": False}


def _times(count: Any, epoch_length: int) -> Any:
    if isinstance(count, list | tuple):
        return [_times(one, epoch_length) for one in count]
    return int(count * epoch_length + 1e-6)  # 41 / 8 epochs of 8 iterations are 41, however they are rounded
