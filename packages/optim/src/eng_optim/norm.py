"""The norm of all gradients together, over all processes that have a part of them."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, distributed, nn

from eng_optim.shards import Groups, compute_device, groups_of, part_of, reduced

_NARROW = (torch.float16, torch.bfloat16)
"""Types in which a norm overflows (float16 at 65504) or is rounded to two digits (bfloat16)."""


def are_plain(gradients: Sequence[Tensor]) -> bool:
    """Whether torch's own norm of these is right: they are whole, and of a type that holds it.

    Asked in every step, so by a list: each element of a generator would be a call.
    """
    return not any([each.dtype in _NARROW or hasattr(each, "device_mesh") for each in gradients])  # noqa: C419


@torch.no_grad()
def total_norm(gradients: Sequence[Tensor], norm_type: float = 2.0, foreach: bool | None = None) -> Tensor:
    """Return the norm of all gradients, as if they were one vector, `(sum |g|^p)^(1/p)`.

    It is a plain tensor of no dimension on the device that computes with the first of them, also where they are
    sharded; of float32 where they are float16 or bfloat16. The host does not wait for it. With `norm_type` infinity
    it is the largest absolute value, which is finite if and only if all gradients are.

    >>> total_norm([torch.tensor([3.0]), torch.tensor([4.0])])
    tensor(5.)
    >>> total_norm([torch.full((4,), 40000.0, dtype=torch.float16)])
    tensor(80000.)
    """
    if not gradients:
        return torch.tensor(0.0)
    kinds: dict[Groups, list[Tensor]] = {}
    for gradient in gradients:
        kinds.setdefault(groups_of(gradient), []).append(gradient)
    device, power = compute_device(gradients[0]), float(norm_type)
    norms = [
        _over_processes(_norm([part_of(each) for each in alike], power, foreach).to(device), groups, power)
        for groups, alike in kinds.items()
    ]
    if len(norms) == 1:
        return norms[0]
    whole: Tensor = torch.linalg.vector_norm(torch.stack(norms), power)
    return whole


def _norm(parts: list[Tensor], power: float, foreach: bool | None) -> Tensor:
    """The norm of what this process has."""
    narrow = [part for part in parts if part.dtype in _NARROW]
    if not narrow:
        return nn.utils.get_total_norm(parts, power, foreach=foreach)
    others = [part for part in parts if part.dtype not in _NARROW]
    norms = [norm.to(narrow[0].device) for norm in torch._foreach_norm(narrow, power, dtype=torch.float32)]
    if others:
        norms.append(nn.utils.get_total_norm(others, power, foreach=foreach).to(norms[0]))
    whole: Tensor = torch.linalg.vector_norm(torch.stack(norms), power)
    return whole


def _over_processes(norm: Tensor, groups: Groups, power: float) -> Tensor:
    """The norm of the whole from the norms of the parts."""
    if not groups:
        return norm
    if math.isinf(power):  # a maximum that is not a number would be lost in the reduction
        op = distributed.ReduceOp.MAX if power > 0 else distributed.ReduceOp.MIN
        return reduced(torch.where(norm.isnan(), torch.inf, norm), groups, op)
    return reduced(norm**power, groups, distributed.ReduceOp.SUM) ** (1.0 / power)
