"""Gradients of which each process has a part: the part itself, and what is reduced over all parts.

With the CPU offload of `fully_shard` the parts are in the memory of the host, while their process group may know
accelerators only (NCCL). What has to be reduced is one number, so it is sent by the device of the mesh.

torch's DTensor is asked for by its attributes: importing it takes a second that few runs need.
"""

from typing import Any, TypeAlias

import torch
from torch import Tensor, distributed

from eng_optim.errors import SettingError

Groups: TypeAlias = "tuple[distributed.ProcessGroup, ...]"
"""The process groups over which a tensor is sharded; none for a tensor that is whole."""


def compute_device(tensor: Tensor) -> torch.device:
    """Return the device that computes with the tensor: that of its mesh if it is sharded, else its own.

    >>> compute_device(torch.ones(1))
    device(type='cpu')
    """
    mesh: Any = getattr(tensor, "device_mesh", None)
    return tensor.device if mesh is None else torch.device(mesh.device_type)


def groups_of(tensor: Tensor) -> Groups:
    """Return the groups over which the tensor is sharded; those over which it is replicated are left out.

    Raises `SettingError` for a tensor that has yet to be summed over its processes.
    """
    mesh: Any = getattr(tensor, "device_mesh", None)
    if mesh is None:
        return ()
    placements: Any = tensor.placements  # type: ignore[attr-defined]  # a DTensor
    if any(placement.is_partial() for placement in placements):
        raise SettingError(
            f"a gradient with the placements {placements} is not reduced over its processes yet; reduce it before the "
            "optimizer steps, as `fully_shard` and `parallelize_module` do"
        )
    return tuple(
        mesh.get_group(dim) for dim, placement in enumerate(placements) if not placement.is_replicate()
    )


def part_of(tensor: Tensor) -> Tensor:
    """Return the part of the tensor that this process has, in the same memory; a tensor that is whole itself."""
    local: Any = getattr(tensor, "to_local", None)
    return tensor if local is None else local()


def reduced(number: Tensor, groups: Groups, op: "distributed.ReduceOp.RedOpType") -> Tensor:
    """Return `number` reduced over all processes of the groups."""
    whole = number.clone()
    for group in groups:
        distributed.all_reduce(whole, op, group)
    return whole
