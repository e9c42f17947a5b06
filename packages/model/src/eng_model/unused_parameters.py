"""Which trainable parameters a loss does not depend on."""

from __future__ import annotations

import logging

from torch import Tensor, nn

_logger = logging.getLogger(__name__)


def anomalous_params(loss: Tensor, model: nn.Module) -> list[str]:
    """Names of the trainable parameters that are not in the autograd graph of the loss.

    >>> model = nn.ModuleDict({"used": nn.Linear(1, 1, bias=False), "idle": nn.Linear(1, 1, bias=False)})
    >>> anomalous_params(model["used"].weight.sum(), model)
    ['idle.weight']
    """
    reached: set[int] = {id(loss)}
    seen: set[object] = {None}
    waiting = [loss.grad_fn]
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        variable = getattr(node, "variable", None)
        if variable is not None:
            reached.add(id(variable))
        waiting += [parent for parent, _ in node.next_functions]  # type: ignore[union-attr]  # None is in `seen`
    return [
        name
        for name, parameter in model.named_parameters()
        if parameter.requires_grad and id(parameter) not in reached
    ]


def detect_anomalous_params(loss: Tensor, model: nn.Module) -> None:
    """Log an error for every trainable parameter that the loss does not depend on."""
    for name in anomalous_params(loss, model):
        _logger.error("%s takes no part in the loss: it gets no gradient and is not trained", name)
