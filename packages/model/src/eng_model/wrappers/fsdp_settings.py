"""What the settings of a sharded model mean: from values that a configuration can hold to torch's objects.

A value of the wrong type is a `TypeError`, an unknown or meaningless one a `ValueError` that says why.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.distributed import ProcessGroup
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import CPUOffloadPolicy, MixedPrecisionPolicy, OffloadPolicy
from torch.distributed.fsdp.wrap import (
    always_wrap_policy,
    size_based_auto_wrap_policy,
    transformer_auto_wrap_policy,
)

from eng_dist import get_device, get_world_size
from eng_registry import FUNCTIONS, suggest

from ..select import select_modules

WrapPolicy = Callable[..., bool]
"""`policy(module, recurse, nonwrapped_numel)`: whether to look into the module, or whether to shard it."""

RESHARDS = {"FULL_SHARD": True, "SHARD_GRAD_OP": False, "HYBRID_SHARD": True, "_HYBRID_SHARD_ZERO2": False}
"""Whether each strategy frees the gathered parameters between forward and backward."""

for _policy in (always_wrap_policy, size_based_auto_wrap_policy, transformer_auto_wrap_policy):
    FUNCTIONS.register_module(module=_policy)


def strategy_of(value: Any) -> str:
    """The name of a strategy in RESHARDS."""
    name = (
        "FULL_SHARD" if value is None else value if isinstance(value, str) else getattr(value, "name", None)
    )
    if not isinstance(name, str):
        raise TypeError(f"sharding_strategy is a {type(value).__name__}; it has to be one of {[*RESHARDS]}")
    if name == "NO_SHARD":
        raise ValueError("sharding_strategy='NO_SHARD' is plain data parallel: use MMDistributedDataParallel")
    if name not in RESHARDS:
        raise ValueError(
            f"sharding_strategy={name!r} is not one of {[*RESHARDS]}. {suggest(name, [*RESHARDS])}"
        )
    return name


def mesh_of(group: ProcessGroup | None, strategy: str) -> DeviceMesh:
    """All processes, the group's, or the nodes by the processes of a node."""
    kind = get_device().type
    if group is not None:
        if not isinstance(group, ProcessGroup):
            raise TypeError(
                f"process_group is a {type(group).__name__}; for several dimensions give a `mesh`"
            )
        if "HYBRID" in strategy:
            raise ValueError(
                f"{strategy} shards and replicates over two groups: give a `mesh` of two dimensions"
            )
        return DeviceMesh.from_group(group, kind)
    world = get_world_size()
    if "HYBRID" in strategy:
        local = int(os.environ.get("LOCAL_WORLD_SIZE", world))
        return init_device_mesh(kind, (world // local, local), mesh_dim_names=("replicate", "shard"))
    return init_device_mesh(kind, (world,), mesh_dim_names=("shard",))


def device_of(mesh: DeviceMesh) -> torch.device:
    """The device of this process in the mesh: a mesh of CPUs may be used where there is an accelerator, too."""
    return torch.device("cpu") if mesh.device_type == "cpu" else get_device()


def offload_of(value: Any) -> OffloadPolicy:
    """Where parameters live while they are not needed."""
    if value is None or value is False:
        return OffloadPolicy()
    if isinstance(value, OffloadPolicy):
        return value
    if value is True:
        return CPUOffloadPolicy(pin_memory=torch.accelerator.is_available())
    raise TypeError(f"cpu_offload is a {type(value).__name__}; it has to be a bool or a CPUOffloadPolicy")


def precision_of(value: Any) -> tuple[MixedPrecisionPolicy, torch.dtype | None]:
    """The policy, and the type that buffers get at once."""
    if value is None or isinstance(value, MixedPrecisionPolicy):
        return value or MixedPrecisionPolicy(), None
    if not isinstance(value, Mapping):
        raise TypeError(f"mixed_precision is a {type(value).__name__}; it has to be a mapping or a policy")
    given: dict[str, Any] = {
        key: _dtype(item) if key.endswith("dtype") else item for key, item in value.items() if key != "type"
    }
    buffer_dtype = given.pop("buffer_dtype", None)
    known = ["param_dtype", "reduce_dtype", "output_dtype", "cast_forward_inputs"]
    for key in given:
        if key not in known:
            raise ValueError(
                f"mixed_precision knows no {key!r}, but {[*known, 'buffer_dtype']}. {suggest(key, known)}"
            )
    return MixedPrecisionPolicy(**given), buffer_dtype


def _dtype(value: Any) -> torch.dtype | None:
    found = getattr(torch, value.removeprefix("torch."), None) if isinstance(value, str) else value
    if found is not None and not isinstance(found, torch.dtype):
        raise TypeError(f"{value!r} is no dtype; write one like 'bfloat16'")
    if found is None and value is not None:
        raise ValueError(f"torch has no dtype {value!r}")
    return found


def policy_of(model: nn.Module, value: Any) -> WrapPolicy:
    """The policy that a configuration means; without one, the model is gathered as a whole."""
    if value is None:
        return lambda module, recurse, nonwrapped_numel: False
    if isinstance(value, Sequence) and not isinstance(value, str):
        chosen = {id(module) for module in select_modules(model, value).values()}
        return lambda module, recurse, nonwrapped_numel: recurse or id(module) in chosen
    return function_of("auto_wrap_policy", value)


def function_of(setting: str, value: Any) -> Callable[..., Any]:
    """A callable by name, by a mapping of a name and arguments, or as it is."""
    if callable(value):
        return value  # type: ignore[no-any-return]  # whatever it returns is up to the caller
    if isinstance(value, str):
        function = FUNCTIONS.get(value)
        if function is None:
            raise ValueError(f"{setting}={value!r} is not in the registry of functions")
        return function  # type: ignore[no-any-return]  # the registry holds any object
    if isinstance(value, Mapping) and "type" in value:
        arguments = {key: item for key, item in value.items() if key != "type"}
        return partial(function_of(setting, value["type"]), **arguments)
    raise TypeError(
        f"{setting} is a {type(value).__name__}; it has to be a name, a mapping with `type`, or a callable"
    )


def ignored_of(
    model: nn.Module, modules: Sequence[str | nn.Module], parameters: Sequence[str | nn.Parameter]
) -> set[nn.Parameter] | None:
    """The parameters that are not sharded."""
    by_name = dict(model.named_parameters())
    whole: set[nn.Parameter] = set()
    for module in modules:
        if not isinstance(module, (str, nn.Module)):
            raise TypeError(
                f"ignored_modules holds a {type(module).__name__}; it has to hold names or modules"
            )
        found = select_modules(model, module).values() if isinstance(module, str) else [module]
        whole.update(parameter for each in found for parameter in each.parameters())
    for parameter in parameters:
        if not isinstance(parameter, (str, nn.Parameter)):
            raise TypeError(
                f"ignored_parameters holds a {type(parameter).__name__}, neither name nor parameter"
            )
        if isinstance(parameter, str) and parameter not in by_name:
            raise ValueError(f"there is no parameter {parameter!r}. {suggest(parameter, [*by_name])}")
        whole.add(by_name[parameter] if isinstance(parameter, str) else parameter)
    return whole or None


def refuse_meaningless(backward_prefetch: Any, use_orig_params: bool) -> None:
    """Settings of the older implementation: what is always so may be said, the contrary not."""
    name = (
        backward_prefetch if isinstance(backward_prefetch, str) else getattr(backward_prefetch, "name", None)
    )
    if backward_prefetch is not None and not isinstance(name, str):
        raise TypeError(
            f"backward_prefetch is a {type(backward_prefetch).__name__}; it has to be 'BACKWARD_PRE'"
        )
    if name not in (None, "BACKWARD_PRE"):
        raise ValueError(
            f"backward_prefetch={name!r}: parameters are always prefetched before they are needed"
        )
    if not use_orig_params:
        raise ValueError("use_orig_params=False: the original parameters are always there, sharded in place")
