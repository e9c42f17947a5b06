"""Pairs of tensors in groups of one kind: torch does a group by a handful of launches, a mixture tensor by tensor."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

import torch
from torch import Tensor

Group: TypeAlias = tuple[list[Tensor], list[Tensor]]
"""Tensors of the average, and their counterparts in the model: of one class, type and device each."""


def in_groups(pairs: Iterable[tuple[Tensor, Tensor]]) -> list[Group]:
    """The pairs in groups.

    >>> pairs = [(torch.ones(1), torch.ones(1)), (torch.tensor(1), torch.tensor(2)), (torch.ones(2), torch.ones(2))]
    >>> [len(ours) for ours, _ in in_groups(pairs)]
    [2, 1]
    """
    groups: dict[tuple[Any, ...], Group] = {}
    for one, other in pairs:
        kind = type(one), one.device, one.dtype, type(other), other.device, other.dtype
        group = groups.get(kind)
        if group is None:
            group = groups[kind] = [], []
        group[0].append(one)
        group[1].append(other)
    return list(groups.values())


def brought(groups: Iterable[Group]) -> list[Group]:
    """The groups with the model's tensors where the average is, and of its type.

    Where that is the CPU, the host waits once for all copies.
    """
    moved: list[Group] = []
    left: set[torch.device] = set()
    for ours, theirs in groups:
        here, there, dtype = ours[0].device, theirs[0].device, ours[0].dtype
        if here != there or dtype != theirs[0].dtype:
            is_ordered = "mps" not in (here.type, there.type)  # Metal reads the source of a copy later
            theirs = [each.to(here, dtype, non_blocking=is_ordered) for each in theirs]
            if is_ordered and here.type == "cpu" and there != here:
                left.add(there)
        moved.append((ours, theirs))
    for device in left:
        torch.accelerator.synchronize(device)
    return moved


def copy_group(ours: list[Tensor], theirs: list[Tensor]) -> None:
    """Write each of `theirs` into its counterpart; of what is sharded, the part of this process."""
    torch._foreach_copy_(_parts(ours), _parts(theirs))


def _parts(tensors: list[Any]) -> list[Tensor]:
    return [each.to_local() for each in tensors] if hasattr(tensors[0], "to_local") else tensors
