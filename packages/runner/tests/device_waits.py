"""A counter of what makes the host wait for an accelerator, on a machine that has none.

Tensors on the device `meta` stand for those of the accelerator: they have no values, so whoever needs one has to ask.
"""

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

READS = {"_local_scalar_dense": 1, "is_nonzero": True, "equal": True, "nonzero": None, "masked_select": None}
"""Operators that wait for values, and what they answer; those of None have no answer without values."""

COPIES = frozenset({"_to_copy", "copy_", "_foreach_copy_"})


class DeviceWaits(TorchDispatchMode):
    """While it is entered, `waits` are the operators that wait. A number that is read is 1, a list is one of zeros."""

    def __init__(self):
        super().__init__()
        self.waits = []
        self._lists = _Lists(self.waits)

    def __enter__(self):
        self._lists.__enter__()
        return super().__enter__()

    def __exit__(self, *error):
        super().__exit__(*error)
        self._lists.__exit__(*error)

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = func.overloadpacket.__name__
        given = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        if name in READS and any(tensor.is_meta for tensor in given):
            self.waits.append(name)
            if READS[name] is not None:
                return READS[name]
        if name == "_to_copy" and given[0].is_meta and kwargs.get("device") == torch.device("cpu"):
            self.waits += [name] * (not kwargs.get("non_blocking"))
            return torch.ones(given[0].shape, dtype=kwargs.get("dtype") or given[0].dtype)
        result = func(*args, **kwargs)
        everything = [*given, *(leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor))]
        crosses = name in COPIES and len({tensor.is_meta for tensor in everything}) > 1
        if crosses and not (kwargs.get("non_blocking") or True in args[2:]):
            self.waits.append(name)
        return result


class _Lists(TorchFunctionMode):
    """Counts a tensor that becomes a list as one wait: torch copies all of it to the host at once."""

    def __init__(self, waits):
        super().__init__()
        self.waits = waits

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if getattr(func, "__name__", "") == "tolist" and args[0].is_meta:
            self.waits.append("tolist")
            return torch.zeros(args[0].shape, dtype=args[0].dtype).tolist()
        return func(*args, **(kwargs or {}))
