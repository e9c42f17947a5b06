"""Models that are built without memory, on the meta device, and get it where they will live.

A large model is then never on the CPU: `with torch.device("meta"): model = Net()` costs nothing, and what is sharded
before it is materialised is never whole on any device.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from eng_dist import get_device


def materialize(
    model: nn.Module,
    device: torch.device | str | None = None,
    init_fn: Callable[[nn.Module], None] | None = None,
) -> nn.Module:
    """Give the tensors without content their memory on the device and their first values; the others are moved there.

    `device` is that of this process by default. `init_fn` is called with every module that owns such tensors, default
    is its own `reset_parameters`; where weights are loaded right afterwards it can do nothing. `init_weights` can run
    after it as always. Returns the model.

    Raises `ValueError`, naming the tensors, if a module has no `reset_parameters` and no `init_fn` is given: nobody
    would know their values.

    >>> with torch.device("meta"):
    ...     net = nn.Linear(2, 2)
    >>> materialize(net, "cpu").weight.device
    device(type='cpu')
    """
    where = torch.device(device) if device is not None else get_device()
    fill_empty(model, where, init_fn)
    return model.to(where)


def fill_empty(
    model: nn.Module, device: torch.device, init_fn: Callable[[nn.Module], None] | None = None
) -> None:
    """Do so with the tensors without content only; they stay the same objects, so what is shared stays shared."""
    empty = {path: module for path, module in model.named_modules() if _owns_empty(module)}
    if init_fn is None:
        _check_that_all_can_be_reset(empty)
    fill: Callable[[Any], None] = init_fn or _reset_parameters
    with torch.no_grad():
        for module in empty.values():
            for _, tensor in _own_tensors(module):
                if tensor.is_meta:
                    put_memory(tensor, torch.empty_like(tensor, device=device))
        for module in empty.values():
            fill(module)
            if hasattr(module, "is_init"):
                module.is_init = False


def _check_that_all_can_be_reset(empty: dict[str, nn.Module]) -> None:
    unknown = [
        f"{path}.{name}".lstrip(".")
        for path, module in empty.items()
        if not hasattr(module, "reset_parameters")
        for name, tensor in _own_tensors(module)
        if tensor.is_meta
    ]
    if unknown:
        raise ValueError(
            f"nothing says which values these tensors begin with: {', '.join(unknown)}. Give their modules a method "
            "`reset_parameters`, or pass `init_fn`"
        )


def put_memory(tensor: Tensor, filled: Tensor) -> None:
    """Let the tensor have the memory of the other one, whatever its device; it stays the same object."""
    if isinstance(tensor, nn.Parameter):
        filled = nn.Parameter(filled, tensor.requires_grad)
    filled.__dict__.update(tensor.__dict__)
    torch.utils.swap_tensors(tensor, filled)  # type: ignore[no-untyped-call]  # torch has no annotation there


def _reset_parameters(module: Any) -> None:
    module.reset_parameters()


def _owns_empty(module: nn.Module) -> bool:
    return any(tensor.is_meta for _, tensor in _own_tensors(module))


def _own_tensors(module: nn.Module) -> list[tuple[str, Tensor]]:
    """Parameters and buffers of the module itself, without its children's."""
    return [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
