"""Data parallel training of a BaseModel: every process has the model and a share of the batch."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

from torch import nn
from torch.nn.parallel import DistributedDataParallel

from eng_registry import MODEL_WRAPPERS

from ..errors import ParameterError
from ..protocols import Batch, LogVars, OptimWrapperLike
from .steps import StepsThroughWrapper

_SYNC_BUFFERS = "forward_sync_buffers"  # since torch 2.13 the name of `broadcast_buffers`
if _SYNC_BUFFERS not in inspect.signature(DistributedDataParallel).parameters:
    _SYNC_BUFFERS = "broadcast_buffers"
_UNUSED = re.compile(r"Parameter indices which did not receive grad for rank \d+:((?: \d+)+)")
_TWICE = re.compile(r"Parameter at index (\d+) .*marked as ready twice", re.DOTALL)


@MODEL_WRAPPERS.register_module()
class MMDistributedDataParallel(StepsThroughWrapper, DistributedDataParallel):
    """torch's DistributedDataParallel with the three steps of a BaseModel.

    Training goes through the wrapper, so that gradients are averaged over all ranks during backward; validation and
    test go straight to the model. `detect_anomalous_params` logs in every step which trainable parameters took no part
    in the loss; it walks the whole graph, so it is for looking, not for training. Everything else is torch's
    (`device_ids`, `broadcast_buffers`, `find_unused_parameters`, `static_graph`, ...).

    What torch says of parameters by their number, `train_step` says by their name: `ParameterError`.
    """

    def __init__(self, module: nn.Module, detect_anomalous_params: bool = False, **kwargs: Any) -> None:
        if "broadcast_buffers" in kwargs:
            kwargs[_SYNC_BUFFERS] = kwargs.pop("broadcast_buffers")
        super().__init__(module=module, **kwargs)
        self.detect_anomalous_params = detect_anomalous_params

    def train_step(self, data: Batch, optim_wrapper: OptimWrapperLike) -> LogVars:
        """Train on this rank's batch and return its scalars to log."""
        try:
            return super().train_step(data, optim_wrapper)
        except RuntimeError as error:
            raise _with_names(error, self) or error from error.__cause__

    def _pre_forward(self, *inputs: Any, **kwargs: Any) -> Any:
        """Let torch prepare the forward pass, also of a model without inputs.

        With `device_ids`, which every GPU has, torch takes the first of the moved inputs and fails if there are none.
        """
        prepare: Callable[..., Any] = super()._pre_forward
        if inputs or kwargs:
            return prepare(*inputs, **kwargs)
        prepare(None)
        return (), {}


def _with_names(error: RuntimeError, wrapper: DistributedDataParallel) -> ParameterError | None:
    """The same error with names for the numbers in it, if it has any."""
    text = str(error)
    if unused := _UNUSED.search(text):
        names = _names(wrapper, unused[1])
        return ParameterError(
            f"DistributedDataParallel waits for gradients of {len(names)} parameters that take no part in the loss: "
            f"{', '.join(names)}. Use them in the loss, freeze them (requires_grad=False), or set "
            f"find_unused_parameters=True and pay for the search in every iteration.\ntorch says: {text}",
            names,
        )
    if twice := _TWICE.search(text):
        names = _names(wrapper, twice[1])
        return ParameterError(
            f"{names[0]} got its gradient twice in one backward pass: it is used in several forward passes or "
            f"recomputed. If the model does the same in every iteration, set static_graph=True.\ntorch says: {text}",
            names,
        )
    return None


def _names(wrapper: DistributedDataParallel, numbers: str) -> list[str]:
    """Names for numbers, which count the trainable parameters that are not ignored."""
    counted = [
        name
        for name, parameter in wrapper.module.named_parameters()
        if parameter.requires_grad and name not in wrapper.parameters_to_ignore
    ]
    return [counted[int(number)] for number in numbers.split()]
