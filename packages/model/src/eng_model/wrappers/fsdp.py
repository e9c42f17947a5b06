"""Fully sharded data parallel training: each process keeps a part of every parameter.

This is torch's `fully_shard` (FSDP2) under the settings of the older wrapper class, in values that a configuration can
hold. A setting that has no meaning any more is refused with the reason rather than ignored.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.distributed import ProcessGroup, broadcast
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import CPUOffloadPolicy, MixedPrecisionPolicy, OffloadPolicy, fully_shard
from torch.distributed.fsdp.wrap import (
    always_wrap_policy,
    size_based_auto_wrap_policy,
    transformer_auto_wrap_policy,
)

from eng_dist import get_device, get_world_size
from eng_registry import FUNCTIONS, MODEL_WRAPPERS, suggest

from ..materialize import materialize
from ..select import select_modules
from .steps import StepsThroughWrapper

WrapPolicy = Callable[..., bool]
"""`policy(module, recurse, nonwrapped_numel)`: whether to look into the module, or whether to shard it."""

for _policy in (always_wrap_policy, size_based_auto_wrap_policy, transformer_auto_wrap_policy):
    FUNCTIONS.register_module(module=_policy)

_RESHARDS = {"FULL_SHARD": True, "SHARD_GRAD_OP": False, "HYBRID_SHARD": True, "_HYBRID_SHARD_ZERO2": False}


@MODEL_WRAPPERS.register_module()
class MMFullyShardedDataParallel(StepsThroughWrapper):
    """A BaseModel whose parameters, gradients and optimizer state are sharded over all processes.

    The model is sharded in place and stays what it is: names, `state_dict` (of DTensors) and steps are its own. Build
    the optimizer afterwards.

    - `process_group` or `mesh`: whom to shard over, all processes by default; a mesh of two dimensions replicates over
      the first and shards over the second.
    - `sharding_strategy`: `"FULL_SHARD"` (default), `"SHARD_GRAD_OP"` (parameters stay whole from forward to backward:
      faster, more memory), `"HYBRID_SHARD"` (sharded inside each node, replicated across).
    - `cpu_offload`: True keeps parameters and optimizer state in the memory of the host.
    - `auto_wrap_policy`: which submodules are gathered on their own: paths or names of classes in a list, the name of
      a function in FUNCTIONS, `dict(type=name, **arguments)`, or a callable `(module, recurse, nonwrapped_numel)`.
    - `mixed_precision`: `dict(param_dtype="bfloat16", reduce_dtype="float32", buffer_dtype=..., output_dtype=...,
      cast_forward_inputs=True)`.
    - `param_init_fn`: fills a module of a model on the meta device, which is sharded first and gets memory after.
    - `ignored_modules`, `ignored_parameters`: names of what stays whole.
    - `sync_module_states`: take the values of the first rank everywhere before sharding.
    - `backward_prefetch`: `"BACKWARD_PRE"`, which is what happens; `use_orig_params`: True, which it always is.

    Raises `TypeError` for a setting of the wrong type and `ValueError` for an unknown or meaningless one.
    """

    def __init__(
        self,
        module: nn.Module,
        process_group: ProcessGroup | None = None,
        sharding_strategy: str | Any = None,
        cpu_offload: bool | CPUOffloadPolicy | None = None,
        auto_wrap_policy: str | Sequence[str] | Mapping[str, Any] | WrapPolicy | None = None,
        backward_prefetch: str | Any = None,
        mixed_precision: Mapping[str, Any] | MixedPrecisionPolicy | None = None,
        param_init_fn: str | Mapping[str, Any] | Callable[[nn.Module], None] | None = None,
        use_orig_params: bool = True,
        *,
        mesh: DeviceMesh | None = None,
        ignored_modules: Sequence[str | nn.Module] = (),
        ignored_parameters: Sequence[str | nn.Parameter] = (),
        sync_module_states: bool = False,
        detect_anomalous_params: bool = False,
    ) -> None:
        super().__init__()
        _refuse_meaningless(backward_prefetch, use_orig_params)
        strategy = _strategy(sharding_strategy)
        precision, buffer_dtype = _mixed_precision(mixed_precision)
        settings: dict[str, Any] = {
            "mesh": mesh or _mesh(process_group, strategy),
            "reshard_after_forward": _RESHARDS[strategy],
            "mp_policy": precision,
            "offload_policy": _offload(cpu_offload),
            "ignored_params": _ignored(module, ignored_modules, ignored_parameters),
        }
        policy = _policy_of(module, auto_wrap_policy)
        init_fn = None if param_init_fn is None else _function("param_init_fn", param_init_fn)
        if sync_module_states:
            _broadcast_states(module, settings["mesh"])
        _shard_children(module, policy, settings)
        fully_shard(module, **settings)
        if any(tensor.is_meta for tensor in [*module.parameters(), *module.buffers()]):
            on_host = isinstance(settings["offload_policy"], CPUOffloadPolicy)
            materialize(module, "cpu" if on_host else None, init_fn)
        if buffer_dtype is not None:
            _cast_buffers(module, buffer_dtype)
        self.module = module
        self.detect_anomalous_params = detect_anomalous_params
        self._sync_gradients = True

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the model makes of it; its gradients are reduced unless this runs inside `no_sync`."""
        self.module.set_requires_gradient_sync(self._sync_gradients)
        return self.module(*args, **kwargs)

    @contextmanager
    def no_sync(self) -> Iterator[None]:
        """Keep the gradients of forward passes in here on this rank; the next one outside sends the sum."""
        before, self._sync_gradients = self._sync_gradients, False
        try:
            yield
        finally:
            self._sync_gradients = before


def _shard_children(module: nn.Module, policy: WrapPolicy, settings: dict[str, Any]) -> None:
    """Shard the submodules that the policy chooses, innermost first; the module itself is left to the caller."""
    for child in module.children():
        _shard_where_chosen(child, policy, settings)


def _shard_where_chosen(module: nn.Module, policy: WrapPolicy, settings: dict[str, Any]) -> int:
    """The number of elements that are sharded by themselves after this."""
    elements = sum(parameter.numel() for parameter in module.parameters())
    if not policy(module=module, recurse=True, nonwrapped_numel=elements):
        return 0
    done = sum(_shard_where_chosen(child, policy, settings) for child in module.children())
    if policy(module=module, recurse=False, nonwrapped_numel=elements - done):
        fully_shard(module, **settings)
        return elements
    return done


def _strategy(value: Any) -> str:
    name = (
        "FULL_SHARD" if value is None else value if isinstance(value, str) else getattr(value, "name", None)
    )
    if not isinstance(name, str):
        raise TypeError(f"sharding_strategy is a {type(value).__name__}; it has to be one of {[*_RESHARDS]}")
    if name == "NO_SHARD":
        raise ValueError("sharding_strategy='NO_SHARD' is plain data parallel: use MMDistributedDataParallel")
    if name not in _RESHARDS:
        raise ValueError(
            f"sharding_strategy={name!r} is not one of {[*_RESHARDS]}. {suggest(name, [*_RESHARDS])}"
        )
    return name


def _mesh(group: ProcessGroup | None, strategy: str) -> DeviceMesh:
    """All processes, the group's, or the nodes by the processes of a node."""
    kind = get_device().type
    if group is not None:
        if not isinstance(group, ProcessGroup):
            raise TypeError(
                f"process_group is a {type(group).__name__}; for several dimensions give a `mesh`"
            )
        return DeviceMesh.from_group(group, kind)
    world = get_world_size()
    if "HYBRID" in strategy:
        local = int(os.environ.get("LOCAL_WORLD_SIZE", world))
        return init_device_mesh(kind, (world // local, local), mesh_dim_names=("replicate", "shard"))
    return init_device_mesh(kind, (world,), mesh_dim_names=("shard",))


def _offload(value: Any) -> OffloadPolicy:
    if value is None or value is False:
        return OffloadPolicy()
    if isinstance(value, OffloadPolicy):
        return value
    if value is True:
        return CPUOffloadPolicy(pin_memory=torch.accelerator.is_available())
    raise TypeError(f"cpu_offload is a {type(value).__name__}; it has to be a bool or a CPUOffloadPolicy")


def _mixed_precision(value: Any) -> tuple[MixedPrecisionPolicy, torch.dtype | None]:
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


def _policy_of(model: nn.Module, value: Any) -> WrapPolicy:
    """The policy that a configuration means; without one, the model is gathered as a whole."""
    if value is None:
        return lambda module, recurse, nonwrapped_numel: False
    if isinstance(value, Sequence) and not isinstance(value, str):
        chosen = {id(module) for module in select_modules(model, value).values()}
        return lambda module, recurse, nonwrapped_numel: recurse or id(module) in chosen
    return _function("auto_wrap_policy", value)


def _function(setting: str, value: Any) -> Callable[..., Any]:
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
        return partial(_function(setting, value["type"]), **arguments)
    raise TypeError(
        f"{setting} is a {type(value).__name__}; it has to be a name, a mapping with `type`, or a callable"
    )


def _ignored(
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


def _refuse_meaningless(backward_prefetch: Any, use_orig_params: bool) -> None:
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


def _broadcast_states(module: nn.Module, mesh: DeviceMesh) -> None:
    """The first rank's values for all parameters and buffers that have any."""
    for tensor in [*module.parameters(), *module.buffers()]:
        if not tensor.is_meta:
            where = tensor.detach().to(mesh.device_type)
            broadcast(where, src=0)
            tensor.data.copy_(where)


def _cast_buffers(module: nn.Module, dtype: torch.dtype) -> None:
    for buffer in module.buffers():
        if buffer.is_floating_point():
            buffer.data = buffer.data.to(dtype)
