"""A training whose optimizer, precision and ZeRO are DeepSpeed's: optional, `pip install "eng-runner[deepspeed]"`.

The model goes through the engine, and the loss to it; schedules, hooks, checkpoints and resuming stay the Runner's. A
checkpoint holds plain data like every other one, and not the engine's own files, which are pickles: whoever loads them
runs what is in them.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from enum import Enum
from pathlib import Path
from typing import Any, cast, final

import torch
from torch import Tensor, nn

from eng_dist import all_gather_object, get_device, get_rank, get_world_size, is_distributed
from eng_model import is_model_wrapper
from eng_optim import OptimWrapper
from eng_registry import MODEL_WRAPPERS, OPTIM_WRAPPERS, STRATEGIES

from ..engine.strategy import BaseStrategy

_log = logging.getLogger(__name__)

_NOT_DATA = ("loss_scaler", "param_slice_mappings", "zero_stage")
"""What is no tensor and no number in the state of DeepSpeed's optimizers; the first is saved as its numbers."""


@final
@STRATEGIES.register_module()
class DeepSpeedStrategy(BaseStrategy):
    """The model and its optimizer in a DeepSpeed engine.

    `config` is DeepSpeed's own: a mapping or the path of a json file. The other arguments replace its entries of the
    same name, such as `zero_optimization=dict(stage=1)`, `bf16=dict(enabled=True)`, `gradient_clipping=1.0`,
    `gradient_accumulation_steps=4`. `inputs_to_half` names the entries of a batch that become of the model's half
    precision (by default all floating-point ones). Accumulation and clipping are the engine's, so
    `optim_wrapper` gives the optimizer only. ZeRO 3 is refused: no process has whole weights to save then;
    FSDPStrategy shards parameters, too.

    Raises ValueError for what contradicts itself, ImportError without the package when the training is put together.
    """

    def __init__(
        self,
        config: str | Mapping[str, Any] | None = None,
        *,
        zero_optimization: Mapping[str, Any] | None = None,
        gradient_clipping: float | None = None,
        gradient_accumulation_steps: int | None = None,
        fp16: Mapping[str, Any] | None = None,
        bf16: Mapping[str, Any] | None = None,
        inputs_to_half: Sequence[str] | None = None,
        **more: Any,
    ) -> None:
        given = {
            "zero_optimization": zero_optimization,
            "gradient_clipping": gradient_clipping,
            "gradient_accumulation_steps": gradient_accumulation_steps,
            "fp16": fp16,
            "bf16": bf16,
            **more,
        }
        self.config = _read(config) | {name: value for name, value in given.items() if value is not None}
        stage = (self.config.get("zero_optimization") or {}).get("stage", 0)
        if stage == 3:
            raise ValueError(
                "ZeRO stage 3 leaves no process with whole weights, and its checkpoints are pickles; use stage 1 or 2, "
                "or strategy=dict(type='FSDPStrategy')"
            )
        if not {"train_batch_size", "train_micro_batch_size_per_gpu"} & self.config.keys():
            self.config["train_micro_batch_size_per_gpu"] = 1  # it asks for one, for its own statistics
        self.inputs_to_half = inputs_to_half

    def wrap(self, model: nn.Module) -> nn.Module:
        """Initialise and move; the engine comes with the optimizer. Raises RuntimeError without a process group."""
        _package()
        if is_model_wrapper(model):
            return model
        if not is_distributed():
            raise RuntimeError(
                "DeepSpeedStrategy needs a process group: start with torchrun (`--nproc-per-node 1` is enough) and "
                "launcher='pytorch'"
            )
        init_weights = getattr(model, "init_weights", None)
        if init_weights is not None:
            init_weights()
        return MMDeepSpeedEngineWrapper(model.to(get_device()), self.inputs_to_half)

    def init_weights(self, model: nn.Module) -> None:
        """They were filled before the engine copied them."""

    def synchronize(self, model: nn.Module) -> None:
        """The engine gives every process the weights of the first one."""

    def take_optimizer(self, model: nn.Module, optim_wrapper: Any) -> DeepSpeedOptimWrapper:
        """Make the engine, and a wrapper that drives it in the place of the one that was configured."""
        if type(optim_wrapper) is not OptimWrapper:
            raise ValueError(
                f"DeepSpeed drives one plain OptimWrapper, not {type(optim_wrapper).__name__}; precision is "
                "`fp16` or `bf16` of the strategy"
            )
        if optim_wrapper._accumulative_counts != 1 or optim_wrapper._clip is not None:
            raise ValueError(
                "DeepSpeed accumulates and clips itself: give `gradient_accumulation_steps` and `gradient_clipping` to "
                "the strategy instead of `accumulative_counts` and `clip_grad` to `optim_wrapper`"
            )
        wrapped = cast(MMDeepSpeedEngineWrapper, model)
        engine, *_ = _package().initialize(
            model=wrapped.module, optimizer=optim_wrapper.optimizer, config=self.config
        )
        wrapped.__dict__["engine"] = engine  # no submodule: its parameters are the model's
        return DeepSpeedOptimWrapper(optim_wrapper.optimizer, engine)


def _read(config: str | Mapping[str, Any] | None) -> dict[str, Any]:
    if config is None or isinstance(config, Mapping):
        return dict(config or {})
    read = json.loads(Path(config).read_text(encoding="utf-8"))
    if not isinstance(read, dict):
        raise ValueError(f"{config} should hold a mapping, not {type(read).__name__}")
    return read


def _package() -> Any:
    try:
        import deepspeed
    except ImportError as error:
        raise ImportError(
            f'DeepSpeedStrategy needs DeepSpeed: pip install "eng-runner[deepspeed]" ({error})'
        ) from error
    return deepspeed


@final
@MODEL_WRAPPERS.register_module()
class MMDeepSpeedEngineWrapper(nn.Module):
    """The three steps of a BaseModel, through a DeepSpeed engine once there is one."""

    module: Any
    engine: Any = None

    def __init__(self, module: nn.Module, inputs_to_half: Sequence[str] | None = None) -> None:
        super().__init__()
        self.module = module
        self.inputs_to_half = inputs_to_half

    def train_step(self, data: Any, optim_wrapper: DeepSpeedOptimWrapper) -> Any:
        """Train on this process' batch and return its scalars to log."""
        losses = self._forward(data, mode="loss", training=True)
        total, log_vars = self.module.parse_losses(losses)
        optim_wrapper.update_params(total)
        return log_vars

    def val_step(self, data: Any) -> Any:
        """Predict one batch."""
        return self._forward(data, mode="predict", training=False)

    def test_step(self, data: Any) -> Any:
        """Predict one batch."""
        return self._forward(data, mode="predict", training=False)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The model's own, through the engine."""
        return (self.module if self.engine is None else self.engine)(*args, **kwargs)

    def _forward(self, data: Any, *, mode: str, training: bool) -> Any:
        data = self.module.data_preprocessor(data, training)
        dtype = next(self.module.parameters()).dtype
        if dtype in (torch.float16, torch.bfloat16):
            data = _cast(data, dtype, self.inputs_to_half)
        return self(**data, mode=mode) if isinstance(data, Mapping) else self(*data, mode=mode)


def _cast(value: Any, dtype: torch.dtype, names: Sequence[str] | None) -> Any:
    """Floating-point tensors in another precision; of a mapping only those of these names, if there are any."""
    if isinstance(value, Tensor):
        return value.to(dtype) if value.is_floating_point() else value
    if isinstance(value, Mapping):
        return {
            key: item if names is not None and key not in names else _cast(item, dtype, None)
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return type(value)(_cast(item, dtype, names) for item in value)
    return value


@final
@OPTIM_WRAPPERS.register_module()
class DeepSpeedOptimWrapper(OptimWrapper):
    """Hands losses to an engine, which scales, accumulates, clips and steps."""

    def __init__(self, optimizer: torch.optim.Optimizer, engine: Any) -> None:
        super().__init__(optimizer)
        self.engine = engine
        self._accumulative_counts = engine.gradient_accumulation_steps()
        self._is_plain = False
        self._is_loaded = False

    def update_params(
        self, loss: Tensor, step_kwargs: Any = None, zero_kwargs: Any = None, *, weight: Any = None
    ) -> None:
        """Backward, and a step if the engine counts it due; `weight` is refused, all micro-batches count alike."""
        if weight is not None:
            raise ValueError("DeepSpeed weighs all micro-batches alike; drop the `weight` of this loss")
        self.backward(loss)
        self.step()

    def backward(self, loss: Tensor, **kwargs: Any) -> None:
        """Add the gradients of `loss`."""
        self.engine.backward(loss, **kwargs)
        self._inner_count += 1

    def step(self, **kwargs: Any) -> None:
        """Let the engine step, if it is at the end of its window."""
        before = self.engine.global_steps
        self.engine.step(**kwargs)
        if self.engine.global_steps > before and self.engine.was_step_applied():
            self.step_count += 1
            norm = self.engine.get_global_grad_norm()
            self.grad_norm = None if norm is None else torch.as_tensor(norm)

    def zero_grad(self, **kwargs: Any) -> None:
        """The engine has done it."""

    def optim_context(self, model: nn.Module) -> AbstractContextManager[Any]:
        """Nothing: the engine knows when to reduce."""
        return nullcontext()

    def initialize_count_status(self, model: nn.Module, init_counts: int, max_counts: int) -> None:
        """Begin to train: weights that were loaded without a state go into the engine's copies, too."""
        super().initialize_count_status(model, init_counts, max_counts)
        refresh = getattr(self.engine.optimizer, "refresh_fp32_params", None)
        if refresh is not None and not self._is_loaded:
            refresh()

    def state_dict(self) -> dict[str, Any]:
        """What every process' engine knows, as plain data; a collective call."""
        own = self.engine.optimizer.state_dict()
        scaler = own.get("loss_scaler") if isinstance(own, Mapping) else None
        mine = {
            "optimizer": _plain({name: own[name] for name in own if name not in _NOT_DATA}),
            "loss_scaler": None if scaler is None else _plain(vars(scaler)),
        }
        return {
            "deepspeed": all_gather_object(mine),
            "inner_count": self._inner_count,
            "step_count": self.step_count,
            "global_steps": self.engine.global_steps,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from there. Raises ValueError for a state of another strategy or another number of processes."""
        ranks = state_dict.get("deepspeed")
        if ranks is None or len(ranks) != get_world_size():
            kept = "not DeepSpeed's" if ranks is None else f"of {len(ranks)} processes"
            raise ValueError(
                f"the saved state of the optimizer is {kept}, and here are {get_world_size()} processes of DeepSpeed; "
                "load only weights (`load_from` without `resume`), or go on as it was saved"
            )
        optimizer, mine = self.engine.optimizer, ranks[get_rank()]
        if mine["loss_scaler"] is not None:
            vars(optimizer.loss_scaler).update(mine["loss_scaler"])
        if hasattr(optimizer, "partition_count"):
            optimizer.load_state_dict([rank["optimizer"] for rank in ranks], load_from_fp32_weights=True)
        else:
            optimizer.load_state_dict(mine["optimizer"])
        self._inner_count, self.step_count = state_dict["inner_count"], state_dict["step_count"]
        self.engine.global_steps = state_dict["global_steps"]
        self.engine.micro_steps = self.engine.global_steps * self._accumulative_counts
        self._is_loaded = True
        if self._inner_count % self._accumulative_counts:
            _log.warning(
                "saved inside of an accumulation window, whose gradients DeepSpeed does not give away: the window "
                "begins anew"
            )


def _plain(value: Any) -> Any:
    """Copies of tensors on the CPU, numbers, texts and containers of them; what else there is, as text."""
    if isinstance(value, Tensor):
        return value.detach().cpu().clone()
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, Enum):
        return _plain(value.value)
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
