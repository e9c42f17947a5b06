"""Gradients that were kept on each rank inside an accumulation window which then ends early.

The backward pass that closes a window sends the sum of all its gradients to the other ranks. If the training ends
before it, this has to be done by hand.
"""

from collections.abc import Iterator, Sequence
from logging import getLogger
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from eng_optim.shards import compute_device, part_of

logger = getLogger(__name__)

Group = Any
"""A process group, None for that of all processes."""


def send_held_back(model: nn.Module, parameters: Sequence[Tensor]) -> bool:
    """Reduce the gradients of `parameters` as the backward pass that closes a window would have done.

    `model` is the one whose gradients `gradient_sync` held back: one of `fully_shard`, of DistributedDataParallel, or
    another with a `no_sync`. A collective call if there are several processes. Returns False if the gradients cannot
    be reduced outside of a backward pass.
    """
    parts = list(model.modules())
    if any(type(part).__name__ == "FullyShardedDataParallel" for part in parts):
        logger.warning(
            "the gradients that FullyShardedDataParallel kept on each rank can only be reduced in a backward pass: the "
            "last, shorter accumulation window is dropped. Use `fully_shard`."
        )
        return False
    shards = [part for part in parts if hasattr(part, "set_requires_gradient_sync")]
    if shards:
        _reduce_shards(shards)
    elif hasattr(model, "no_sync") and distributed.is_available() and distributed.is_initialized():
        for group, of_group in _by_group(parts, parameters):
            _average(of_group, group)
    return True


def _reduce_shards(shards: Sequence[Any]) -> None:
    """Do what `fully_shard` does when a backward pass ends; it has no public name for it."""
    held = [group for part in shards for group in _shard_groups(part) if not group.reduce_grads]
    if not held:
        return
    for group in held:
        group.reduce_grads = group.all_reduce_grads = True
    for part in shards:
        state = part._get_fsdp_state()
        if state._is_root:
            state._root_post_backward_final_callback()
    for group in held:  # what is in force inside of a window
        group.reduce_grads = group.all_reduce_grads = False


def _shard_groups(part: Any) -> list[Any]:
    state = part._get_fsdp_state()
    if hasattr(state, "_fsdp_param_groups"):
        return list(state._fsdp_param_groups)
    return [] if state._fsdp_param_group is None else [state._fsdp_param_group]  # torch up to 2.12


def _by_group(
    parts: Sequence[nn.Module], parameters: Sequence[Tensor]
) -> Iterator[tuple[Group, list[Tensor]]]:
    """Yield each process group with those of the parameters that are averaged over it."""
    wrappers = [part for part in parts if isinstance(part, DistributedDataParallel)]
    inner = [part for part in wrappers if hasattr(part, "process_group")]  # not one that only holds others
    if not inner:
        yield None, list(parameters)
    for wrapper in inner:
        managed = {
            parameter
            for name, parameter in wrapper.module.named_parameters()
            if name not in wrapper.parameters_to_ignore
        }
        yield wrapper.process_group, [each for each in parameters if each in managed]


@torch.no_grad()
def _average(parameters: Sequence[Tensor], group: Group) -> None:
    """Average the gradients over the ranks of the group; one that no rank has stays None."""
    if not parameters:
        return
    ranks = distributed.get_world_size(group)
    used = torch.tensor([each.grad is not None for each in parameters], dtype=torch.uint8)
    used = used.to(compute_device(parameters[0]))
    distributed.all_reduce(used, distributed.ReduceOp.MAX, group)
    for parameter, is_used in zip(parameters, used.tolist(), strict=True):
        if not is_used:
            continue
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
        part = part_of(parameter.grad).mul_(1 / ranks)  # as DistributedDataParallel does
        sent = part.contiguous()
        distributed.all_reduce(sent, group=group)
        if sent is not part:
            part.copy_(sent)
