"""How the model is computed: compiled, wrapped, in which order of memory, with how much of it recomputed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import torch
from torch import nn

from eng_config import Config
from eng_model import (
    turn_on_activation_checkpointing as turn_on_activation_checkpointing,  # documented here too
)
from eng_model import turn_on_efficient_conv_bn_eval

Modules = str | Sequence[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOptions:
    """The arguments of the Runner that change how the model is computed, not what it is."""

    model_wrapper_cfg: Mapping[str, Any] | None = None
    find_unused_parameters: bool = False
    sync_bn: str | None = None
    compile: bool | Mapping[str, Any] = False
    channels_last: bool = False
    activation_checkpointing: Modules = None
    efficient_conv_bn_eval: Modules = None

    @classmethod
    def of(cls, arguments: Mapping[str, Any], cfg: Config) -> Self:
        """Return the options that the arguments give, else those of the configuration.

        The configuration counts for a runner that is built by hand from the parts of one.
        """
        options = {}
        for one in fields(cls):
            given = arguments.get(one.name)
            options[one.name] = cfg.get(one.name) if given in (None, False) else given
        return cls(**{name: value for name, value in options.items() if value is not None})

    def switch_modules(self, model: nn.Module) -> None:
        """Let the named modules compute the same with less memory or in fewer operations."""
        if self.activation_checkpointing:
            turn_on_activation_checkpointing(model, self.activation_checkpointing)
        if self.efficient_conv_bn_eval:
            turn_on_efficient_conv_bn_eval(model, self.efficient_conv_bn_eval)

    def compiled(self, step: Callable[..., Any]) -> Callable[..., Any]:
        """Return a step of the model, compiled if that was asked for."""
        if not self.compile:
            return step
        options = {} if self.compile is True else dict(self.compile)
        compiled: Callable[..., Any] = torch.compile(step, **options)
        return _with_own_results(compiled) if uses_cuda_graphs(options) else compiled


def uses_cuda_graphs(options: Mapping[str, Any]) -> bool:
    """Whether torch.compile with these options replays CUDA graphs.

    >>> uses_cuda_graphs({"mode": "reduce-overhead"}), uses_cuda_graphs({"mode": "default"})
    (True, False)
    """
    return (
        options.get("mode") in ("reduce-overhead", "max-autotune")
        or options.get("backend") == "cudagraphs"
        or bool((options.get("options") or {}).get("triton.cudagraphs"))
    )


def _with_own_results(step: Callable[..., Any]) -> Callable[..., Any]:
    """Copy what a step returns: a log line reads it later, and the next replay writes into the same memory."""

    def cloned(*args: Any, **kwargs: Any) -> Any:
        return _clone(step(*args, **kwargs))

    return cloned


def _clone(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.clone()
    if isinstance(value, Mapping):
        return {name: _clone(item) for name, item in value.items()}
    return [_clone(item) for item in value] if isinstance(value, list) else value
