"""A counter of what makes the host wait for an accelerator, on a machine that has none.

Tensors on the device `meta` stand for those of the accelerator: they have no values, so whoever needs one has to ask.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

READS = frozenset({"_local_scalar_dense", "is_nonzero", "nonzero", "equal", "masked_select"})
COPIES = frozenset({"_to_copy", "copy_", "_foreach_copy_"})


class HostWaits(TorchDispatchMode):
    """While it is entered: `waits` are the operators that wait, `launches` those that compute on the accelerator,
    `sent` the collectives.

    What is read is 0.
    """

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[str] = []
        self.launches: list[str] = []
        self.sent: list[str] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        name = func.overloadpacket.__name__
        given = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        if name in READS and any(tensor.is_meta for tensor in given):
            self.waits.append(name)
            if name == "_local_scalar_dense":
                return 0
        if name == "_to_copy" and given[0].is_meta and (kwargs or {}).get("device") == torch.device("cpu"):
            self.waits += [name] * (not (kwargs or {}).get("non_blocking"))
            return torch.zeros(given[0].shape, dtype=(kwargs or {}).get("dtype") or given[0].dtype)
        self.sent += [name] * (func.namespace == "c10d")
        result = func(*args, **(kwargs or {}))
        made = [leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor)]
        if name in COPIES and len({tensor.is_meta for tensor in [*given, *made]}) > 1:
            if not ((kwargs or {}).get("non_blocking") or True in args[2:]):
                self.waits.append(name)
        elif any(tensor.is_meta for tensor in [*made, *given]) and not _is_view(func):
            self.launches.append(name)
        return result


def _is_view(func: Any) -> bool:
    infos = [argument.alias_info for argument in func._schema.arguments]
    return func.namespace != "aten" or any(info is not None and not info.is_write for info in infos)


def on_accelerator(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """A tensor of the accelerator."""
    return torch.empty(shape, dtype=dtype, device="meta")
