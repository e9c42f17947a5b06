"""What each process knows alone: buffers that are not averaged, such as batch-norm statistics under DDP.

A checkpoint has the buffers of the first process, as everybody expects. Those of processes that read other samples and
have other values are kept beside them, so that a resumed run evaluates and continues with exactly what each had.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from typing import Any

import torch
from torch import Tensor

from eng_dist import all_gather_object

SECTIONS = ("state_dict", "ema_state_dict")
"""The entries of a checkpoint that hold weights."""

Own = dict[str, dict[str, Tensor]]


def add_own_buffers(checkpoint: dict[str, Any], names: Iterable[str], place: tuple[int, int]) -> None:
    """Add what differs in other processes under `own_buffers`; a collective call.

    `names` are those of the model's buffers, `place` is the share of the samples that this process reads, and how many
    shares there are. Processes of one share have the same buffers.
    """
    share, shares = place
    if shares < 2:
        return
    wanted = {name for plain in names for name in (plain, f"module.{plain}")}
    mine = _on_host(
        {
            section: {
                name: value
                for name, value in checkpoint[section].items()
                if name in wanted and _is_whole(value)
            }
            for section in SECTIONS
            if section in checkpoint
        }
    )
    of_share: dict[int, Own] = {}
    for other, own in all_gather_object((share, mine)):
        of_share.setdefault(other, own)
    differing = {str(n): _without_equals(own, of_share[0]) for n, own in of_share.items() if n}
    if any(differing.values()):
        checkpoint["own_buffers"] = {
            "shares": shares,
            "by_share": {name: own for name, own in differing.items() if own},
        }


def take_own_buffers(checkpoint: dict[str, Any], place: tuple[int, int]) -> None:
    """Put this process' buffers where the first one's are, if the samples are shared as they were."""
    share, shares = place
    held = checkpoint.get("own_buffers", {})
    if held.get("shares") != shares:
        return
    for section, buffers in held["by_share"].get(str(share), {}).items():
        changed = copy(checkpoint[section])  # torch's notes on versions come along
        changed.update({name: _like(changed[name], value) for name, value in buffers.items()})
        checkpoint[section] = changed


def _is_whole(value: Any) -> bool:
    """Whether this process has all of a tensor: no DTensor, or a replica."""
    return all(placement.is_replicate() for placement in getattr(value, "placements", ()))


def _like(expected: Any, value: Tensor) -> Any:
    """The value as a replica, where the checkpoint has one."""
    if not hasattr(expected, "placements"):
        return value
    mesh = expected.device_mesh
    return type(expected).from_local(value.to(mesh.device_type), mesh, expected.placements, run_check=False)


def _on_host(own: Own) -> Own:
    """The same tensors in host memory, with one wait for each of their types."""
    tensors: dict[torch.dtype, list[Tensor]] = {}
    for buffers in own.values():
        for value in buffers.values():
            tensors.setdefault(value.dtype, []).append(_local(value))
    host = {dtype: iter(_in_one_copy(alike)) for dtype, alike in tensors.items()}
    return {
        section: {name: next(host[value.dtype]).view(value.shape) for name, value in buffers.items()}
        for section, buffers in own.items()
    }


def _in_one_copy(alike: list[Tensor]) -> tuple[Tensor, ...]:
    return torch.split(
        torch.cat([each.reshape(-1) for each in alike]).cpu(), [each.numel() for each in alike]
    )


def _local(value: Any) -> Tensor:
    local: Tensor = value.to_local() if hasattr(value, "to_local") else value
    return local


def _without_equals(own: Own, first: Own) -> Own:
    left = {
        section: {name: value for name, value in buffers.items() if not _same(value, first[section][name])}
        for section, buffers in own.items()
    }
    return {section: buffers for section, buffers in left.items() if buffers}


def _same(left: Tensor, right: Tensor) -> bool:
    return left.shape == right.shape and torch.equal(left, right)
