"""From the losses that a model returns to the one number that is optimised and the numbers that are logged.

This runs in every iteration, so it never waits for the device: what comes out are tensors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from .protocols import LogVars, Losses


def parse_losses(losses: Losses) -> tuple[Tensor, LogVars]:
    """The sum of all losses, attached to the graph, and every entry as a detached 0-d tensor for the log.

    A tensor counts as its mean, a list of tensors as the sum of their means. Entries whose name contains
    `loss` are summed; the others (`acc`, ...) are only logged. The log begins with `loss`, the sum, unless
    the model returned an entry of exactly that name: then that one is shown.

    Raises `TypeError` for what is no mapping and for a value that is neither a tensor nor a list of them,
    `ValueError` if no name contains `loss`.

    >>> import torch
    >>> total, log_vars = parse_losses({"loss_cls": torch.tensor([1.0, 3.0]), "acc": torch.tensor(0.5)})
    >>> total, log_vars
    (tensor(2.), {'loss': tensor(2.), 'loss_cls': tensor(2.), 'acc': tensor(0.5000)})
    """
    try:
        named = losses.items()
    except AttributeError:
        raise TypeError(
            f"`forward(..., mode='loss')` returned a {type(losses).__name__}; it returns a mapping of names to losses, "
            "as in `return {'loss': loss}`"
        ) from None
    total: Any = None
    log_vars: LogVars = {"loss": None}  # type: ignore[dict-item]  # holds the first place; filled below
    for name, value in named:
        scalar = _scalar(name, value) if type(value) is not Tensor or value.ndim else value
        if "loss" in name:
            total = scalar if total is None else total + scalar
        log_vars[name] = scalar.detach()
    if total is None:
        raise ValueError(
            f"no entry of the losses has `loss` in its name, so nothing can be optimised: {[*losses]}"
        )
    if "loss" not in losses:
        log_vars["loss"] = total.detach()
    return total, log_vars


def _scalar(name: str, value: Any) -> Any:
    """The mean of a tensor, or the sum of the means of several."""
    if isinstance(value, Tensor):
        return value.mean()
    if isinstance(value, Sequence) and value and all(isinstance(part, Tensor) for part in value):
        return sum(part.mean() for part in value)
    raise TypeError(
        f"`{name}` of the losses is a {type(value).__name__}; it has to be a tensor or a list of tensors"
    )
