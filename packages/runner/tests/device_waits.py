"""A counter of what makes the host wait for an accelerator, on a machine that has none.

Tensors on the device `meta` stand for those of the accelerator: they have no values, so whoever needs one has to ask.
"""

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

READS = frozenset({"_local_scalar_dense", "is_nonzero", "nonzero", "equal", "masked_select"})
COPIES = frozenset({"_to_copy", "copy_", "_foreach_copy_"})


class DeviceWaits(TorchDispatchMode):
    """While it is entered, `waits` are the operators that wait. A number that is read is 1."""

    def __init__(self):
        super().__init__()
        self.waits = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = func.overloadpacket.__name__
        given = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        if name in READS and any(tensor.is_meta for tensor in given):
            self.waits.append(name)
            if name == "_local_scalar_dense":
                return 1
        if name == "_to_copy" and given[0].is_meta and kwargs.get("device") == torch.device("cpu"):
            self.waits += [name] * (not kwargs.get("non_blocking"))
            return torch.ones(given[0].shape, dtype=kwargs.get("dtype") or given[0].dtype)
        result = func(*args, **kwargs)
        everything = [*given, *(leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor))]
        crosses = name in COPIES and len({tensor.is_meta for tensor in everything}) > 1
        if crosses and not (kwargs.get("non_blocking") or True in args[2:]):
            self.waits.append(name)
        return result
