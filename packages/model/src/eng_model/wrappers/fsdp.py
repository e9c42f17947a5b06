"""Fully sharded data parallel training: each process keeps a part of every parameter.

This is torch's `fully_shard` (FSDP2) under the settings of the older wrapper class, in values that a configuration can
hold. A setting that has no meaning any more is refused with the reason rather than ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.distributed import ProcessGroup, broadcast
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import CPUOffloadPolicy, MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor

from eng_dist import get_device
from eng_registry import MODEL_WRAPPERS

from ..materialize import fill_empty
from ..preprocess.base import BaseDataPreprocessor
from .fsdp_settings import (
    RESHARDS,
    WrapPolicy,
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
    - `param_init_fn`: fills a module of a model on the meta device. Each part that the policy chooses gets memory just
      before it is sharded, so the model is never whole anywhere; its values are those of an unsharded model.
    - `ignored_modules`, `ignored_parameters`: names of what stays whole; their gradients are left to you.
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
        settings: dict[str, Any] = {
            "mesh": mesh or mesh_of(process_group, strategy),
            "reshard_after_forward": RESHARDS[strategy],
            "mp_policy": precision,
            "offload_policy": offload_of(cpu_offload),
            "ignored_params": ignored_of(module, ignored_modules, ignored_parameters),
        }
        policy = policy_of(module, auto_wrap_policy)
        init_fn = None if param_init_fn is None else function_of("param_init_fn", param_init_fn)

        def shard(part: nn.Module) -> None:
            fill_empty(part, get_device(), init_fn)
            if sync_module_states:
                _broadcast_states(part, settings["mesh"])
            fully_shard(part, **settings)

        for child in module.children():
            _shard_where_chosen(child, policy, shard)
        shard(module)
        _move_preprocessors(module, get_device())
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


def _broadcast_states(module: nn.Module, mesh: DeviceMesh) -> None:
    """The values of the first rank of the mesh for all parameters and buffers that are not sharded yet."""
    for tensor in [*module.parameters(), *module.buffers()]:
        if not isinstance(tensor, DTensor):
            where = tensor.detach().to(mesh.device_type)
            for group in mesh.get_all_groups():
                broadcast(where, group=group, group_src=0)
            tensor.data.copy_(where)


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
