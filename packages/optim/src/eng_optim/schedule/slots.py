"""Where a scheduled value stands in a parameter group: under a key (`lr`), or in a tuple under it
(`betas[0]`).

A slot works on all groups at once, since a schedule step over many groups should cost one call and not one
per group.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

from torch import Tensor

from eng_optim.base import ParamGroup


class Slot(ABC):
    """One place in every parameter group."""

    @abstractmethod
    def read(self, group: ParamGroup) -> float:
        """Return the value in `group` as a plain number; `KeyError` if the group has no such place."""

    @abstractmethod
    def write(self, groups: Sequence[ParamGroup], values: Iterable[float]) -> None:
        """Put one value into each group."""

    def rescale(self, groups: Sequence[ParamGroup], floors: Sequence[float], ratio: float) -> None:
        """Multiply what lies above the floor, in each group, by `ratio`."""
        values = [self.read(group) for group in groups]
        pairs = zip(values, floors, strict=True)
        self.write(groups, [floor + (value - floor) * ratio for value, floor in pairs])


class KeySlot(Slot):
    """A number under a key, like `lr` or `weight_decay`."""

    def __init__(self, key: str) -> None:
        self.key = key

    def read(self, group: ParamGroup) -> float:
        return float(group[self.key])

    def write(self, groups: Sequence[ParamGroup], values: Iterable[float]) -> None:
        key = self.key
        for group, value in zip(groups, values, strict=True):
            group[key] = value

    def rescale(self, groups: Sequence[ParamGroup], floors: Sequence[float], ratio: float) -> None:
        key = self.key
        for group, floor in zip(groups, floors, strict=True):
            group[key] = floor + (group[key] - floor) * ratio


class TensorSlot(Slot):
    """A 0-d tensor under a key, as captured and compiled optimizers want it: filled in place, never
    replaced."""

    def __init__(self, key: str) -> None:
        self.key = key

    def read(self, group: ParamGroup) -> float:
        return float(group[self.key])

    def write(self, groups: Sequence[ParamGroup], values: Iterable[float]) -> None:
        for group, value in zip(groups, values, strict=True):
            if isinstance(group[self.key], Tensor):
                group[self.key].fill_(value)
            else:
                group[self.key] = value


class IndexSlot(Slot):
    """A number in a tuple under a key, like `betas[0]`."""

    def __init__(self, key: str, index: int) -> None:
        self.key = key
        self.index = index

    def read(self, group: ParamGroup) -> float:
        return float(group[self.key][self.index])

    def write(self, groups: Sequence[ParamGroup], values: Iterable[float]) -> None:
        key, index = self.key, self.index
        for group, value in zip(groups, values, strict=True):
            place: list[Any] = list(group[key])
            place[index] = value
            group[key] = tuple(place)


def find_slot(param_name: str, groups: Sequence[ParamGroup]) -> Slot:
    """Return the slot that `param_name` means in `groups`: a key, or a key and an index as in `betas[0]`.

    `momentum` is the first beta in optimizers that have betas and no momentum. Raises `KeyError` if a group
    has no such place.

    >>> find_slot("betas[1]", [{"betas": (0.9, 0.999)}]).read({"betas": (0.9, 0.99)})
    0.99
    """
    group = groups[0]
    if param_name == "momentum" and "momentum" not in group and "betas" in group:
        return IndexSlot("betas", 0)
    indexed = re.fullmatch(r"(\w+)\[(\d+)\]", param_name)
    key, index = (indexed[1], int(indexed[2])) if indexed else (param_name, 0)
    for group in groups:
        if key not in group:
            places = ", ".join(sorted(set(group) - {"params"}))
            raise KeyError(
                f"there is no `{key}` to schedule in the optimizer's parameter groups; there are {places}"
            )
    if indexed:
        return IndexSlot(key, index)
    if any(isinstance(group[key], Tensor) for group in groups):
        return TensorSlot(key)
    return KeySlot(key)
