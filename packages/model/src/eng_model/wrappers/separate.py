"""Data parallel training of a model whose parts have optimizers of their own, like the two halves of a GAN."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Self

from torch import nn
from torch.nn.parallel import DistributedDataParallel

from eng_dist import get_device
from eng_registry import MODEL_WRAPPERS

from ..protocols import Batch, LogVars
from .ddp import MMDistributedDataParallel


@MODEL_WRAPPERS.register_module()
class MMSeparateDistributedDataParallel(DistributedDataParallel):
    """Wrap every trainable child of the model on its own, so that each can be trained without the others.

    The model goes to the device of this process; children without a trainable parameter are not wrapped. The model's
    own steps run, with its children wrapped in them: its `train_step` gets the optimizer wrappers and chooses.
    `kwargs` are those of every MMDistributedDataParallel.
    """

    def __init__(
        self,
        module: nn.Module,
        broadcast_buffers: bool = False,
        find_unused_parameters: bool = False,
        **kwargs: Any,
    ) -> None:
        nn.Module.__init__(self)
        self.module = module
        module.to(get_device())
        for name, child in module.named_children():
            if any(parameter.requires_grad for parameter in child.parameters()):
                wrapped = MMDistributedDataParallel(
                    module=child,
                    broadcast_buffers=broadcast_buffers,
                    find_unused_parameters=find_unused_parameters,
                    **kwargs,
                )
                setattr(module, name, wrapped)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the model makes of it, with its children wrapped."""
        return self.module(*args, **kwargs)

    def train_step(self, data: Batch, optim_wrapper: Any) -> LogVars:
        """Train on this rank's batch, as the model says."""
        log_vars: LogVars = self.module.train_step(data, optim_wrapper)
        return log_vars

    def val_step(self, data: Batch) -> Any:
        """Predict one batch for validation."""
        return self.module.val_step(data)

    def test_step(self, data: Batch) -> Any:
        """Predict one batch for test."""
        return self.module.test_step(data)

    def train(self, mode: bool = True) -> Self:
        """Set the training flag of the model and its wrapped children."""
        nn.Module.train(self, mode)
        return self

    @contextmanager
    def no_sync(self) -> Iterator[None]:
        """Keep the gradients of all children on this rank; the next backward pass outside sends their sum."""
        with ExitStack() as stack:
            for child in self.module.children():
                if isinstance(child, DistributedDataParallel):
                    stack.enter_context(child.no_sync())
            yield
