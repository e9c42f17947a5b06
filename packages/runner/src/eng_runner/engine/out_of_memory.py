"""What took the memory of a device that has none left, and what helps."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from eng_dist import get_device, get_max_memory_mib
from eng_optim import AmpOptimWrapper

from .run import AnyOptimWrapper, Run, wrappers_of


def explain_out_of_memory(error: BaseException, run: Run) -> None:
    """Add a note to an error of torch's allocator: what is known of the memory, and what to try.

    Other errors stay as they are.
    """
    if isinstance(error, torch.OutOfMemoryError):
        error.add_note(f"{_taken(run)}\n{_advice(run)}")


def _taken(run: Run) -> str:
    """What is the same in every iteration, and the peak; the rest of it are activations and temporary tensors."""
    parameters = [*run.bare_model.parameters()]
    amounts = {
        "weights and buffers": _gib([*parameters, *run.bare_model.buffers()]),
        "gradients": _gib([each.grad for each in parameters if each.grad is not None]),
        "state of the optimizer": _gib(_states(run.built("optim_wrapper"))),
    }
    known = ", ".join(f"{name} {gib:.2f} GiB" for name, gib in amounts.items())
    peak = get_max_memory_mib() / 1024
    return (
        f"{get_device()} is out of memory after iteration {run.clock.iter}: {known}; the peak of all tensors was "
        f"{peak:.2f} GiB, and what is left of it are activations and temporary tensors."
    )


def _advice(run: Run) -> str:
    loop, wrapper = run.built("train_loop"), run.built("optim_wrapper")
    size = None if loop is None else loop.dataloader.batch_size
    now = "" if size is None else f" (it is {size})"
    tries = [
        f"a smaller `batch_size`{now}; `accumulative_counts` of `optim_wrapper` keeps the samples of a step",
        "`activation_checkpointing=['<class of a block>']`, which computes activations again instead of keeping them",
    ]
    if wrapper is not None and not any(
        isinstance(each, AmpOptimWrapper) for each in wrappers_of(wrapper).values()
    ):
        tries.append(
            "`optim_wrapper=dict(type='AmpOptimWrapper', dtype='bfloat16', ...)`, half of the activations"
        )
    if not run.strategy.is_sharded:
        tries.append(
            "`strategy=dict(type='FSDPStrategy')`, which shards all but activations over the processes"
        )
    return "\n".join(["What helps, the cheapest first:", *(f"- {each}" for each in tries)])


def _states(wrapper: AnyOptimWrapper | None) -> Iterable[Tensor]:
    if wrapper is None:
        return
    for each in wrappers_of(wrapper).values():
        for state in getattr(getattr(each, "optimizer", None), "state", {}).values():
            yield from (value for value in state.values() if isinstance(value, Tensor))


def _gib(tensors: Iterable[Tensor]) -> float:
    """The memory of this process' parts."""
    own = (each.to_local() if hasattr(each, "to_local") else each for each in tensors)
    return sum(each.nbytes for each in own) / 2**30
