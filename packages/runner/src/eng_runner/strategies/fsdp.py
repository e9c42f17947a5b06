"""Several processes, a part of every parameter in each: torch's `fully_shard` (FSDP2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, final

from torch import nn

from eng_dist import is_distributed
from eng_model import convert_sync_batchnorm, is_model_wrapper, turn_on_activation_checkpointing
from eng_registry import MODEL_WRAPPERS, STRATEGIES

from .random_numbers import drawing_alike, start_tracker
from .spread import SpreadStrategy


@final
@STRATEGIES.register_module()
class FSDPStrategy(SpreadStrategy):
    """Parameters, gradients and optimizer state sharded over all processes.

    `model_wrapper` holds the arguments of MMFullyShardedDataParallel, such as
    `dict(auto_wrap_policy=['TransformerBlock'], mixed_precision=dict(param_dtype='bfloat16'))`. Weights are
    initialised before they are sharded, those of a model on the meta device afterwards; not with `skip_init_weights`.
    `activation_checkpointing` names the modules that compute their activations again in backward. Gradients are
    reduced after every micro-batch, so that a checkpoint in the middle of an accumulation has them. For
    `state_dict_cfg` see SpreadStrategy.
    """

    def __init__(
        self,
        model_wrapper: Mapping[str, Any] | None = None,
        skip_init_weights: bool = False,
        state_dict_cfg: Literal["local", "full"] = "local",
        activation_checkpointing: str | Sequence[str] | None = None,
        sync_bn: str | None = None,
    ) -> None:
        super().__init__(state_dict_cfg)
        self.model_wrapper = model_wrapper
        self.skip_init_weights = skip_init_weights
        self.activation_checkpointing = activation_checkpointing
        self.sync_bn = sync_bn

    def convert_model(self, model: nn.Module) -> nn.Module:
        """Synchronised batch norms and recomputed activations, where they were asked for."""
        if self.sync_bn is not None:
            model = convert_sync_batchnorm(model, implementation=self.sync_bn)
        if self.activation_checkpointing is not None:
            turn_on_activation_checkpointing(model, self.activation_checkpointing)
        return model

    def wrap(self, model: nn.Module) -> nn.Module:
        """Initialise and shard. Raises RuntimeError without a process group, which may be one of one process.

        Each part of the model is moved to the device as it is sharded, so that no device holds all of it. A model on
        the meta device gets its memory there, and its weights are initialised afterwards.
        """
        if is_model_wrapper(model):
            return model
        if not is_distributed():
            raise RuntimeError(
                "FSDPStrategy shards over a process group: start with torchrun (`--nproc-per-node 1` is enough) and "
                "launcher='pytorch'"
            )
        if not has_memory(model):
            with drawing_alike():
                wrapped = self._shard(model)
                self._initialise(model)
            self.synchronize(model)
            return wrapped
        self._initialise(model)
        return self._shard(model)

    def _initialise(self, model: nn.Module) -> None:
        init_weights = getattr(model, "init_weights", None)
        if init_weights is not None and not self.skip_init_weights:
            init_weights()

    def _shard(self, model: nn.Module) -> nn.Module:
        defaults = {
            "type": "MMFullyShardedDataParallel",
            "module": self.convert_model(model),
            "sync_module_states": True,
            "accumulate_sharded": True,
        }
        wrapped: nn.Module = MODEL_WRAPPERS.build(self.model_wrapper or {}, default_args=defaults)
        start_tracker(model)
        return wrapped


def has_memory(model: nn.Module) -> bool:
    """Whether a model is somewhere: no tensor of it is on the meta device."""
    return not any(each.is_meta for each in (*model.parameters(), *model.buffers()))
