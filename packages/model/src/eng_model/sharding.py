"""Whether something is sharded, asked without importing torch's sharding: a second of import that few runs need.

Where nobody has imported it, nothing can be sharded.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TypeGuard

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.distributed.fsdp import FSDPModule
    from torch.distributed.tensor import DTensor


def is_sharded_module(module: nn.Module) -> TypeGuard[FSDPModule]:
    """Whether `fully_shard` was applied to the module itself."""
    fsdp = sys.modules.get("torch.distributed.fsdp")
    return fsdp is not None and isinstance(module, fsdp.FSDPModule)


def is_distributed_tensor(tensor: Tensor) -> TypeGuard[DTensor]:
    """Whether this process holds a part of the tensor only, or one of its replicas.

    >>> import torch
    >>> is_distributed_tensor(torch.ones(1))
    False
    """
    distributed = sys.modules.get("torch.distributed.tensor")
    return distributed is not None and isinstance(tensor, distributed.DTensor)
