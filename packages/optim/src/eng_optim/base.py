"""What every optimizer wrapper offers, whatever drives the step: groups, current values, state.

A wrapper of another training engine (DeepSpeed and the like) derives from `BaseOptimWrapper`; `OptimWrapper`
is the one for plain torch optimizers.
"""

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

ParamGroup = dict[str, Any]


class BaseOptimWrapper(ABC):
    """An optimizer with one way to update: `update_params(loss)`.

    If the optimizer has several parameter groups, the wrapper adds a pseudo group with the default settings
    at the end of `param_groups`: schedules drive it too, so that `base_lr` shows the schedule without any
    multiplier.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer
        self.base_param_settings: ParamGroup | None = None
        if len(optimizer.param_groups) > 1:
            self.base_param_settings = {"params": [torch.zeros(1)], **optimizer.defaults}

    @abstractmethod
    def update_params(self, *args: Any, **kwargs: Any) -> None:
        """Do everything from the loss to the new parameters."""

    @abstractmethod
    def backward(self, loss: Tensor, **kwargs: Any) -> None:
        """Compute gradients."""

    @abstractmethod
    def zero_grad(self, **kwargs: Any) -> None:
        """Forget the gradients."""

    @abstractmethod
    def step(self, **kwargs: Any) -> None:
        """Move the parameters."""

    def close_window(self) -> bool:
        """Step what was accumulated when a training ends; returns whether it stepped. Here nothing is accumulated."""
        return False

    @property
    def param_groups(self) -> list[ParamGroup]:
        """The optimizer's groups, and the pseudo group of the defaults at the end if there are several."""
        if self.base_param_settings is None:
            return self.optimizer.param_groups
        return [*self.optimizer.param_groups, self.base_param_settings]

    @property
    def defaults(self) -> dict[str, Any]:
        """The settings that the optimizer was built with."""
        return self.optimizer.defaults

    def get_lr(self) -> dict[str, list[float]]:
        """Return `{"lr": [one per group]}`, preceded by `base_lr` if there are several groups."""
        rates: dict[str, list[float]] = {}
        if self.base_param_settings is not None:
            rates["base_lr"] = [_number(self.base_param_settings["lr"])]
        rates["lr"] = [_number(group["lr"]) for group in self.optimizer.param_groups]
        return rates

    def get_momentum(self) -> dict[str, list[float]]:
        """Return `{"momentum": [one per group]}`: the momentum, else the first beta, else 0."""
        return {"momentum": [_momentum(group) for group in self.optimizer.param_groups]}

    def state_dict(self) -> dict[str, Any]:
        """Return the optimizer's state, and the pseudo group under `base_param_settings` if there is one."""
        state = dict(self.optimizer.state_dict())
        if self.base_param_settings is not None:
            settings = self.base_param_settings
            state["base_param_settings"] = {key: settings[key] for key in settings if key != "params"}
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load what `state_dict` of a wrapper or of a bare optimizer returned; the argument stays as it
        is."""
        if self.base_param_settings is not None:
            settings = state_dict.get("base_param_settings", {})
            self.base_param_settings.update((key, settings[key]) for key in settings if key != "params")
        own = {key: state_dict[key] for key in state_dict if key != "base_param_settings"}
        self.optimizer.load_state_dict(own)


def _momentum(group: ParamGroup) -> float:
    if "betas" in group:
        return _number(group["betas"][0])
    return _number(group.get("momentum", 0))


def _number(value: Any) -> float:
    return value.item() if isinstance(value, Tensor) else value
