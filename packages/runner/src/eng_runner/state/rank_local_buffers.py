"""What each process knows alone: buffers that are not averaged, such as batch-norm statistics under DDP.

A checkpoint has the buffers of the first process, as everybody expects; those of another process that differ are kept
beside them, so that a resumed run evaluates and goes on with exactly what each process had.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from typing import Any

import torch
from torch import Tensor

from eng_dist import all_gather_object, get_rank, get_world_size

SECTIONS = ("state_dict", "ema_state_dict")
"""The entries of a checkpoint that hold weights."""

Own = dict[str, dict[str, Tensor]]


def add_own_buffers(checkpoint: dict[str, Any], names: Iterable[str]) -> None:
    """Add what differs in other processes under `own_buffers`, a list by rank; a collective call.

    `names` are those of the model's buffers.
    """
    if get_world_size() < 2:
        return
    wanted = {name for plain in names for name in (plain, f"module.{plain}")}
    mine: Own = {
        section: {name: checkpoint[section][name] for name in checkpoint[section] if name in wanted}
        for section in SECTIONS
        if section in checkpoint
    }
    first, *others = all_gather_object(mine)
    differing = [{}, *(_without_equals(other, first) for other in others)]
    if any(differing):
        checkpoint["own_buffers"] = differing


def take_own_buffers(checkpoint: dict[str, Any]) -> None:
    """Put this process' buffers where the first one's are, if there are as many processes as there were."""
    by_rank = checkpoint.get("own_buffers", [])
    if len(by_rank) != get_world_size():
        return
    for section, buffers in by_rank[get_rank()].items():
        changed = copy(checkpoint[section])  # torch's notes on versions come along
        changed.update(buffers)
        checkpoint[section] = changed


def _without_equals(own: Own, first: Own) -> Own:
    left = {
        section: {name: value for name, value in buffers.items() if not _same(value, first[section][name])}
        for section, buffers in own.items()
    }
    return {section: buffers for section, buffers in left.items() if buffers}


def _same(left: Tensor, right: Tensor) -> bool:
    return left.shape == right.shape and torch.equal(left, right)
