"""Pairs of tensors in groups of one kind: torch does a group by a handful of launches, a mixture tensor by tensor."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from ..sharding import is_distributed_tensor

Pairs = Iterable[tuple[Tensor, Tensor]]
"""Tensors of the average, each with its counterpart in the model."""


def in_groups(pairs: Pairs) -> list[tuple[list[Tensor], list[Tensor]]]:
    """The pairs as two lists for each combination of devices and types; of what is sharded, the parts of this process.

    >>> pairs = [(torch.ones(1), torch.ones(1)), (torch.tensor(1), torch.tensor(2)), (torch.ones(2), torch.ones(2))]
    >>> [len(ours) for ours, theirs in in_groups(pairs)]
    [2, 1]
    """
    groups: dict[tuple[object, ...], tuple[list[Tensor], list[Tensor]]] = {}
    for one, other in pairs:
        if is_distributed_tensor(one) and is_distributed_tensor(other):
            one, other = one.to_local(), other.to_local()
        kind = type(one), one.device, one.dtype, type(other), other.device, other.dtype
        ours, theirs = groups.setdefault(kind, ([], []))
        ours.append(one)
        theirs.append(other)
    return list(groups.values())


def copy_all(pairs: Pairs) -> None:
    """Write the second of each pair into the first."""
    for ours, theirs in in_groups(pairs):
        torch._foreach_copy_(ours, theirs)


def brought(pairs: Pairs) -> list[tuple[Tensor, Tensor]]:
    """The pairs with the second where the first is, and of its type.

    Where that is the CPU, the host waits once for all copies.
    """
    moved: list[tuple[Tensor, Tensor]] = []
    left: set[torch.device] = set()
    for ours, theirs in pairs:
        here, there = ours.device, theirs.device
        if here == there:
            moved.append((ours, theirs.to(ours.dtype)))
            continue
        is_ordered = "mps" not in (here.type, there.type)  # Metal reads the source of a copy later
        moved.append((ours, theirs.to(here, ours.dtype, non_blocking=is_ordered)))
        if is_ordered and here.type == "cpu":
            left.add(there)
    for device in left:
        torch.accelerator.synchronize(device)
    return moved
