"""The compiled optimizer step: the updates of all parameters as one kernel, made by `torch.compile`."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from eng_optim.base import ParamGroup


def compile_step(optimizer: Optimizer, settings: Mapping[str, Any]) -> None:
    """Put the compiled step in the place of `optimizer.step`; `settings` are those of `torch.compile`."""
    rates_to_tensors(optimizer.param_groups)
    optimizer.step = torch.compile(optimizer.step, **settings)  # type: ignore[assignment]


def rates_to_tensors(groups: Iterable[ParamGroup]) -> None:
    """Turn the learning rates into tensors, so that a new value is data and no reason to compile again.

    >>> groups = [{"lr": 0.5}]
    >>> rates_to_tensors(groups)
    >>> groups
    [{'lr': tensor(0.5000)}]
    """
    for group in groups:
        if not isinstance(group["lr"], Tensor):
            group["lr"] = torch.tensor(group["lr"])
