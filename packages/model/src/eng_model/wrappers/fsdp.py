"""Fully sharded data parallel training: each process keeps a part of every parameter.

This is torch's `fully_shard` (FSDP2) under the settings of the older wrapper class, in values that a configuration can
hold. A setting that has no meaning any more is refused with the reason rather than ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed import ProcessGroup, broadcast
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import CPUOffloadPolicy, MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor

from eng_registry import MODEL_WRAPPERS

from ..materialize import fill_empty, put_memory
from ..preprocess.base import BaseDataPreprocessor
from .fsdp_settings import (
    RESHARDS,
    WrapPolicy,
    device_of,
    function_of,
    ignored_of,
    mesh_of,
    offload_of,
    policy_of,
    precision_of,
    refuse_meaningless,
    strategy_of,
)
from .steps import StepsThroughWrapper


@MODEL_WRAPPERS.register_module()
class MMFullyShardedDataParallel(StepsThroughWrapper):
    """A BaseModel whose parameters, gradients and optimizer state are sharded over all processes.

    The model is sharded in place and stays what it is: names, `state_dict` (of DTensors) and steps are its own. Build
    the optimizer afterwards. It can be on the CPU or on the meta device: each part that `auto_wrap_policy` chooses is
    moved to the device of the mesh, or gets its memory there, just before it is sharded, so the model is never whole
    on any accelerator.

    - `process_group` or `mesh`: whom to shard over, all processes by default; a mesh of two dimensions replicates over
      the first and shards over the second.
    - `sharding_strategy`: `"FULL_SHARD"` (default), `"SHARD_GRAD_OP"` (parameters stay whole from forward to backward:
      faster, more memory), `"HYBRID_SHARD"` (sharded inside each node, replicated across).
    - `cpu_offload`: True keeps parameters and optimizer state in the memory of the host.
    - `auto_wrap_policy`: which submodules are gathered on their own: paths or names of classes in a list, the name of
      a function in FUNCTIONS, `dict(type=name, **arguments)`, or a callable `(module, recurse, nonwrapped_numel)`.
    - `mixed_precision`: `dict(param_dtype="bfloat16", reduce_dtype="float32", buffer_dtype=..., output_dtype=...,
      cast_forward_inputs=True)`.
    - `param_init_fn`: fills a module of a model on the meta device; its values are those of an unsharded model.
    - `ignored_modules`, `ignored_parameters`: names of what stays whole, on the device; their gradients are left to
      you.
    - `accumulate_sharded`: reduce gradients in every backward pass, also inside of `no_sync`: more communication, but
      no whole gradients in between, and a checkpoint in the middle of an accumulation has them.
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
        accumulate_sharded: bool = False,
        detect_anomalous_params: bool = False,
    ) -> None:
        super().__init__()
        refuse_meaningless(backward_prefetch, use_orig_params)
        strategy = strategy_of(sharding_strategy)
        precision, buffer_dtype = precision_of(mixed_precision)
        mesh = mesh or mesh_of(process_group, strategy)
        device = device_of(mesh)
        settings: dict[str, Any] = {
            "mesh": mesh,
            "reshard_after_forward": RESHARDS[strategy],
            "mp_policy": precision,
            "offload_policy": offload_of(cpu_offload),
            "ignored_params": ignored_of(module, ignored_modules, ignored_parameters),
        }
        policy = policy_of(module, auto_wrap_policy)
        init_fn = None if param_init_fn is None else function_of("param_init_fn", param_init_fn)

        def shard(part: nn.Module) -> None:
            fill_empty(part, device, init_fn)
            _move_whole(part, device)
            if sync_module_states:
                _broadcast_states(part, mesh)
            fully_shard(part, **settings)

        for child in module.children():
            _shard_where_chosen(child, policy, shard)
        shard(module)
        _move_preprocessors(module, device)
        if buffer_dtype is not None:
            _cast_buffers(module, buffer_dtype)
        self.module = module
        self.detect_anomalous_params = detect_anomalous_params
        self.accumulate_sharded = accumulate_sharded
        self._sync_gradients = self._is_synced = True

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the model makes of it; its gradients are reduced unless this runs inside `no_sync`."""
        if self._sync_gradients is not self._is_synced:
            self.module.set_requires_gradient_sync(self._sync_gradients)
            self._is_synced = self._sync_gradients
        return self.module(*args, **kwargs)

    @contextmanager
    def no_sync(self) -> Iterator[None]:
        """Keep the gradients of forward passes in here on this rank; the next one outside sends the sum."""
        before, self._sync_gradients = self._sync_gradients, self.accumulate_sharded
        try:
            yield
        finally:
            self._sync_gradients = before


def _shard_where_chosen(module: nn.Module, policy: WrapPolicy, shard: Callable[[nn.Module], None]) -> int:
    """Shard what the policy chooses, innermost first; the number of elements that are sharded after this."""
    elements = sum(parameter.numel() for parameter in module.parameters())
    if not policy(module=module, recurse=True, nonwrapped_numel=elements):
        return 0
    done = sum(_shard_where_chosen(child, policy, shard) for child in module.children())
    if policy(module=module, recurse=False, nonwrapped_numel=elements - done):
        shard(module)
        return elements
    return done


def _whole(module: nn.Module) -> list[Tensor]:
    """The parameters and buffers of the module that are not sharded yet."""
    return [each for each in (*module.parameters(), *module.buffers()) if not isinstance(each, DTensor)]


def _move_whole(module: nn.Module, device: torch.device) -> None:
    """Move what is not sharded yet, what is ignored by the sharding included; the tensors stay the same objects."""
    with torch.no_grad():
        for tensor in _whole(module):
            if tensor.device != device:
                moved = tensor.to(device)
                if torch._has_compatible_shallow_copy_type(tensor, moved):
                    tensor.data = moved
                else:
                    put_memory(tensor, moved)


def _broadcast_states(module: nn.Module, mesh: DeviceMesh) -> None:
    """The values of the first rank of the mesh for all parameters and buffers that are not sharded yet."""
    for tensor in _whole(module):
        given = tensor.detach()
        where = given.to(mesh.device_type).contiguous()
        for group in mesh.get_all_groups():
            broadcast(where, group=group, group_src=0)
        if where is not given:
            given.copy_(where)


def _move_preprocessors(module: nn.Module, device: torch.device) -> None:
    """Let them know where the model is: sharding moves parameters and buffers without telling."""
    for part in module.modules():
        if isinstance(part, BaseDataPreprocessor):
            part.to(device)


def _cast_buffers(module: nn.Module, dtype: torch.dtype) -> None:
    """Those of the model; what a preprocessor normalises by stays exact."""
    kept = {
        id(b) for part in module.modules() if isinstance(part, BaseDataPreprocessor) for b in part.buffers()
    }
    for buffer in module.buffers():
        if buffer.is_floating_point() and id(buffer) not in kept:
            buffer.data = buffer.data.to(dtype)
