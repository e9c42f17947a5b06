"""The step in mixed precision: autocast around the forward pass, a gradient scaler around the backward pass.

Only float16 needs the scaler, since its smallest numbers are too large for gradients; bfloat16 has the range
of float32. Everything follows the device of the parameters: CPU and accelerators alike.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from eng_optim.accumulate import NO_CONTEXT
from eng_optim.errors import SettingError
from eng_optim.peers import parameters_of
from eng_optim.scaler import ShardScaler
from eng_optim.shards import compute_device
from eng_optim.wrapper import OptimWrapper
from eng_registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class AmpOptimWrapper(OptimWrapper):
    """An `OptimWrapper` in mixed precision.

    `loss_scale` is 'dynamic', a number (a scale that never changes) or the arguments of
    `torch.amp.GradScaler`. `dtype` is the type that autocast computes in: a name, a `torch.dtype`, or None
    for the device's own choice (float16 on CUDA, bfloat16 on CPU). With 'dynamic', the loss is scaled only
    where the type is float16. `use_fsdp` takes the scaler that agrees over the shards of FSDP1; over those of
    `fully_shard`, the plain one does so by itself.

    Raises `SettingError` for an unknown `dtype`, `TypeError` for a `loss_scale` of another type.

    >>> model = nn.Linear(2, 1)
    >>> wrapper = AmpOptimWrapper(dtype="bfloat16", optimizer=torch.optim.SGD(model.parameters(), lr=0.1))
    >>> with wrapper.optim_context(model):
    ...     loss = model(torch.ones(3, 2)).mean()
    >>> loss.dtype
    torch.bfloat16
    >>> wrapper.update_params(loss)
    """

    valid_dtypes = ("float16", "bfloat16", "float32", "float64")

    def __init__(
        self,
        loss_scale: str | float | Mapping[str, Any] = "dynamic",
        dtype: str | torch.dtype | None = None,
        use_fsdp: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.cast_dtype = _dtype(dtype, self.valid_dtypes)
        self._use_fsdp = use_fsdp
        self._scaler_settings = _scaler_settings(loss_scale)
        self._is_dynamic = loss_scale == "dynamic"
        self._scale_update_param = float(loss_scale) if isinstance(loss_scale, int | float) else None
        self._loss_scaler: torch.amp.GradScaler | None = None

    @property
    def device_type(self) -> str:
        """Type of the device that computes with the parameters, which may themselves be offloaded to the CPU."""
        return compute_device(self.optimizer.param_groups[0]["params"][0]).type

    @property
    def loss_scaler(self) -> torch.amp.GradScaler:
        """The gradient scaler, made when it is first needed: by then the parameters are on their device."""
        if self._loss_scaler is None:
            self._loss_scaler = self._make_scaler()
        return self._loss_scaler

    def backward(self, loss: Tensor, **kwargs: Any) -> None:
        """Add the gradients of the scaled `loss`."""
        super().backward(self.loss_scaler.scale(loss), **kwargs)

    def step(self, **kwargs: Any) -> None:
        """Unscale and clip if asked to, step unless a gradient overflowed, and adapt the scale.

        One number is read from the device: whether a gradient overflowed.
        """
        scaler = self.loss_scaler
        if not scaler.is_enabled():
            super().step(**kwargs)
            return
        if self._peers is not None:
            self._peers.take(self)
        is_fused = getattr(self.optimizer, "_step_supports_amp_scaling", False)
        if self._clip is not None or not is_fused:
            scaler.unscale_(self.optimizer)
        if self._clip is not None:
            self.grad_norm = self._clip([each for each in parameters_of(self) if each.requires_grad])
        if is_fused:  # always called: it unscales and skips by itself
            scaler.step(self.optimizer, **kwargs)
        stepped = not _overflowed(scaler, self.optimizer)
        if stepped and not is_fused:
            self.optimizer.step(**kwargs)
        self.step_count += stepped
        scaler.update(self._scale_update_param)

    def optim_context(self, model: nn.Module) -> AbstractContextManager[Any]:
        """Return the context of one micro-batch: autocast, and no gradient sync inside a window."""
        autocast = torch.autocast(self.device_type, dtype=self.cast_dtype)
        outer = super().optim_context(model)
        return autocast if outer is NO_CONTEXT else _both(outer, autocast)

    def state_dict(self) -> dict[str, Any]:
        """Return the state of `OptimWrapper`, and that of the scaler under `loss_scaler` ({} without
        scaling)."""
        return {**super().state_dict(), "loss_scaler": self.loss_scaler.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load what a wrapper, mixed precision or not, or a bare optimizer saved."""
        scaler_state = state_dict.get("loss_scaler")
        if scaler_state and self.loss_scaler.is_enabled():
            self.loss_scaler.load_state_dict(scaler_state)
        super().load_state_dict({key: state_dict[key] for key in state_dict if key != "loss_scaler"})

    def _make_scaler(self) -> torch.amp.GradScaler:
        device_type = self.device_type
        dtype = self.cast_dtype or torch.get_autocast_dtype(device_type)
        enabled = dtype == torch.float16 or not self._is_dynamic
        settings = {"enabled": enabled, **self._scaler_settings}
        if any(
            hasattr(each, "device_mesh") for group in self.optimizer.param_groups for each in group["params"]
        ):
            return ShardScaler(device_type, **settings)
        if self._use_fsdp:  # imported here: it brings all of FSDP, which takes a second
            from torch.distributed.fsdp.sharded_grad_scaler import ShardedGradScaler

            return ShardedGradScaler(device_type, **settings)
        return torch.amp.GradScaler(device_type, **settings)


def _overflowed(scaler: torch.amp.GradScaler, optimizer: torch.optim.Optimizer) -> bool:
    """Whether the scaler found a gradient that is not finite. Its own record holds for fused optimizers, too."""
    found = list(scaler._found_inf_per_device(optimizer).values())
    if len(found) > 1:
        found = [torch.stack([each.to(found[0].device) for each in found]).amax()]
    return any(each.item() for each in found)


def _dtype(dtype: str | torch.dtype | None, names: tuple[str, ...]) -> torch.dtype | None:
    if dtype is None or isinstance(dtype, torch.dtype):
        return dtype
    if dtype not in names:
        raise SettingError(f"`dtype` is one of {', '.join(names)}, a torch.dtype or None, not {dtype!r}")
    found: torch.dtype = getattr(torch, dtype)
    return found


def _scaler_settings(loss_scale: Any) -> dict[str, Any]:
    if loss_scale == "dynamic":
        return {}
    if isinstance(loss_scale, Mapping):
        return dict(loss_scale)
    if isinstance(loss_scale, int | float):
        return {"init_scale": float(loss_scale)}
    raise TypeError(f"`loss_scale` is 'dynamic', a number or a mapping, not {loss_scale!r}")


@contextmanager
def _both(outer: AbstractContextManager[Any], inner: AbstractContextManager[Any]) -> Iterator[None]:
    with outer, inner:
        yield
