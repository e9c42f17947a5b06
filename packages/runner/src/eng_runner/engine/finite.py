"""Whether numbers are numbers."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from eng_dist import all_reduce, get_comm_device


class NonFiniteError(RuntimeError):
    """A loss or the weights became infinite or NaN; the newest checkpoint is from before."""


def weights_are_finite(model: nn.Module) -> bool:
    """Whether all that is trained of a model is finite, on every rank."""
    return all_finite(parameter for parameter in model.parameters() if parameter.requires_grad)


def all_finite(tensors: Iterable[Tensor]) -> bool:
    """Whether every number of all tensors is finite, on every rank; one wait for the device."""
    own = (tensor.to_local() if hasattr(tensor, "to_local") else tensor for tensor in tensors)  # of a DTensor
    numbers = [tensor for tensor in own if tensor.is_floating_point() and tensor.numel()]
    if numbers:
        finite = torch.isfinite(nn.utils.get_total_norm(numbers, norm_type=float("inf"))).long()
    else:  # of a small parameter this rank may hold no part, and the others wait for it all the same
        finite = torch.ones((), dtype=torch.int64, device=get_comm_device())
    all_reduce(finite, op="min")
    return bool(finite)
