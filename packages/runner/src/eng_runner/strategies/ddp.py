"""Several processes, the whole model in each, gradients averaged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from eng_dist import broadcast, get_device
from eng_model import convert_sync_batchnorm, is_model_wrapper
from eng_registry import MODEL_WRAPPERS, STRATEGIES

from ..engine.strategy import BaseStrategy


@final
@STRATEGIES.register_module()
class DDPStrategy(BaseStrategy):
    """DistributedDataParallel around the model.

    `model_wrapper` is the mapping of another wrapper (its `type` defaults to MMDistributedDataParallel); `sync_bn` is
    `'torch'` to average batch-norm statistics over processes.
    """

    def __init__(
        self,
        model_wrapper: Mapping[str, Any] | None = None,
        sync_bn: str | None = None,
        find_unused_parameters: bool = False,
    ) -> None:
        self.model_wrapper = model_wrapper
        self.sync_bn = sync_bn
        self.find_unused_parameters = find_unused_parameters

    def convert_model(self, model: nn.Module) -> nn.Module:
        """Batch norms whose statistics are those of all processes, where `sync_bn` asks for it."""
        return model if self.sync_bn is None else convert_sync_batchnorm(model, implementation=self.sync_bn)

    def wrap(self, model: nn.Module) -> nn.Module:
        """Move and wrap the model; one that came wrapped stays as it is, and then a wrapper mapping is a TypeError."""
        if is_model_wrapper(model):
            if self.model_wrapper is not None:
                raise TypeError(
                    f"the model is wrapped by {type(model).__name__} already; drop `model_wrapper_cfg`"
                )
            return model
        device = get_device()
        model = self.convert_model(model.to(device))
        defaults: dict[str, Any] = {"type": "MMDistributedDataParallel", "module": model}
        if self.model_wrapper is None or self.model_wrapper.get("type", "").endswith("DataParallel"):
            defaults |= {"device_ids": [device.index] if device.type == "cuda" else None}
        if self.model_wrapper is None:
            defaults |= {"broadcast_buffers": False, "find_unused_parameters": self.find_unused_parameters}
        wrapped: nn.Module = MODEL_WRAPPERS.build(self.model_wrapper or {}, default_args=defaults)
        for part in wrapped.modules():
            # a static graph is learnt from the first backward pass, which has to be a real one
            if (
                isinstance(part, DistributedDataParallel)
                and hasattr(part, "reducer")
                and not part.static_graph
            ):
                settle_buckets(part)
        return wrapped

    def synchronize(self, model: nn.Module) -> None:
        """Broadcast every parameter and buffer of rank 0."""
        for tensor in model.state_dict().values():
            broadcast(tensor, src=0)


def settle_buckets(wrapper: DistributedDataParallel) -> None:
    """Let DDP arrange its gradients now, not after the first iteration; a collective call.

    DDP sums gradients in buckets, which it arranges anew after the first backward pass. Where a gradient lies in its
    bucket decides in which order three or more processes add it up, so the first iteration after a resume would round
    otherwise than the same iteration of a run that was never stopped. A backward pass of zeros, last parameter first as
    in a real one, makes the arrangement the same from the first iteration on.
    """
    module, parameters = wrapper.module, [each for each in wrapper.module.parameters() if each.requires_grad]
    own = module.__dict__.get("forward")
    module.forward = lambda: torch.stack([each.sum() * 0 for each in parameters]).sum()
    try:
        wrapper().backward()
    finally:
        del module.forward
        if own is not None:
            module.forward = own
    for each in parameters:
        each.grad = None
