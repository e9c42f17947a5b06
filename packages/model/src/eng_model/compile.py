"""torch.compile in place: the whole model, or block by block."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from types import FunctionType
from typing import Any

import torch
from torch import nn

from .select import select_modules


def compile_model(model: nn.Module, modules: str | Sequence[str] = "", **options: Any) -> nn.Module:
    """Compile the calls of the model, or of these submodules (by path, or all of a class), and return the model.

    Blocks that repeat are compiled once and used often: for a deep model that starts much sooner than the whole. The
    modules stay what they are; names in the `state_dict` do not change. `options` are those of `torch.compile`.

    >>> import torch
    >>> net = nn.Sequential(nn.Linear(1, 1), nn.ReLU())
    >>> compile_model(net, "Linear", backend="eager")(torch.ones(1, 1)).shape
    torch.Size([1, 1])
    """
    chosen = {id(each): each for each in select_modules(model, modules).values()}.values()
    calls = {
        kind: torch.compile(_call_of(kind), **options) for kind in {*map(type, chosen)} if _is_torchs(kind)
    }
    for module in chosen:
        if type(module) in calls:
            module._compiled_call_impl = partial(calls[type(module)], module)
        else:
            module.compile(**options)
    return model


def _is_torchs(kind: type[nn.Module]) -> bool:
    """Whether its `forward` is in a file of torch, where nothing is compiled that is called from outside."""
    return kind.forward.__module__.startswith("torch.")


def _call_of(kind: type[nn.Module]) -> Callable[..., Any]:
    """A function of this file that calls a module. Each class has its own, as there is a limit of graphs for each."""
    code = _call.__code__.replace(co_name=f"call_{kind.__name__}")
    return FunctionType(code, globals(), code.co_name)


def _call(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
    return module._call_impl(*args, **kwargs)  # type: ignore[no-untyped-call]  # torch has no annotation there
