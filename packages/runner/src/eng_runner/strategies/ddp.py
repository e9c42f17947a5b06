"""Several processes, the whole model in each, gradients averaged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from eng_dist import broadcast, get_device
from eng_model import MMDistributedDataParallel, convert_sync_batchnorm, is_model_wrapper
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
        """Move and wrap the model; one that came wrapped stays as it is, and then a wrapper mapping is a TypeError.

        Raises ValueError for a wrapper that shards the model, which is what FSDPStrategy is for.
        """
        if is_model_wrapper(model):
            if self.model_wrapper is not None:
                raise TypeError(
                    f"the model is wrapped by {type(model).__name__} already; drop `model_wrapper_cfg`"
                )
            return model
        if shards(self.model_wrapper):
            raise ValueError(
                "`model_wrapper` of DDPStrategy is MMFullyShardedDataParallel, which shards the model, its optimizer "
                "and its checkpoints: use strategy=dict(type='FSDPStrategy', model_wrapper=dict(...)), or "
                "`model_wrapper_cfg` without `strategy`"
            )
        device = get_device()
        model = self.convert_model(model.to(device))
        defaults: dict[str, Any] = {"type": "MMDistributedDataParallel", "module": model}
        defaults |= arguments_for(wrapper_class(self.model_wrapper), device)
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


def wrapper_class(model_wrapper: Mapping[str, Any] | None) -> Any:
    """Return the class that the mapping of a wrapper means, by default MMDistributedDataParallel; None if unknown."""
    kind = (model_wrapper or {}).get("type", MMDistributedDataParallel)
    return MODEL_WRAPPERS.get(kind) if isinstance(kind, str) else kind


def shards(model_wrapper: Mapping[str, Any] | None) -> bool:
    """Whether the mapping means MMFullyShardedDataParallel; it is imported only where a wrapper is given."""
    if model_wrapper is None:
        return False
    from eng_model import MMFullyShardedDataParallel

    kind = wrapper_class(model_wrapper)
    return isinstance(kind, type) and issubclass(kind, MMFullyShardedDataParallel)


def arguments_for(kind: Any, device: torch.device) -> dict[str, Any]:
    """Return what a wrapper needs to know of the device of this process: `device_ids`, if it is one of torch's DDP.

    >>> arguments_for(DistributedDataParallel, torch.device("cuda", 1))
    {'device_ids': [1]}
    """
    if not (isinstance(kind, type) and issubclass(kind, DistributedDataParallel)):
        return {}
    return {"device_ids": [device.index] if device.type == "cuda" else None}


def settle_buckets(wrapper: DistributedDataParallel) -> None:
    """Let DDP arrange its gradients now, not after the first iteration; a collective call.

    DDP sums gradients in buckets, which it arranges anew after the first backward pass. Where a gradient lies in its
    bucket decides in which order three or more processes add it up, so the first iteration after a resume would round
    otherwise than the same iteration of a run that was never stopped. A backward pass of zeros, last parameter first as
    in a real one, makes the arrangement the same from the first iteration on.
    """
    module, parameters = wrapper.module, [each for each in wrapper.module.parameters() if each.requires_grad]
    own = module.__dict__.get("forward")
    module.forward = lambda *_: torch.stack([each.sum() * 0 for each in parameters]).sum()
    try:
        wrapper(
            None
        ).backward()  # with `device_ids` torch takes the first argument, and fails where there is none
    finally:
        del module.forward
        if own is not None:
            module.forward = own
    for each in parameters:
        each.grad = None
