"""A copy of a model that shares nothing with it, also of one that is sharded.

`fully_shard` gives modules a class that refuses to be copied, and hooks that gather the parameters of the original.
The copy is made of the modules without that: it holds the same shards, and cannot be called.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from torch import nn

from ..sharding import is_sharded_module

_STATE_OF_SHARDING = ("__composable_api_state_key", "_is_fsdp_managed_module", "_fsdp_use_orig_params")


def independent_copy(model: nn.Module) -> nn.Module:
    """A deep copy whose parameters take no gradients."""
    sharded: list[Any] = [module for module in model.modules() if is_sharded_module(module)]
    copies: dict[int, Any] = {}
    for module in sharded:
        module.reshard()
        kind: Any = type(module).__bases__[1]
        copies[id(module)] = kind.__new__(kind)
    for module in sharded:
        state = _without_sharding(module.__getstate__())
        vars(copies[id(module)]).update(copy.deepcopy(state, copies))
    copied = copy.deepcopy(model, copies)
    if sharded:
        for part in copied.modules():
            vars(part).update(_without_sharding(vars(part)))
    return copied.requires_grad_(False)


def _without_sharding(state: Mapping[str, Any]) -> dict[str, Any]:
    """What a module keeps, less what sharding has put there."""
    return {
        name: type(value)((key, hook) for key, hook in value.items() if not _shards(hook))
        if name.endswith("_hooks") and isinstance(value, dict)
        else value
        for name, value in state.items()
        if not name.startswith(_STATE_OF_SHARDING)
    }


def _shards(hook: Any) -> bool:
    function = getattr(hook, "hook", hook)
    return (getattr(function, "__module__", None) or "").startswith("torch.distributed.fsdp")
