"""A file of torch whose tensors are those of the CPU, whatever device they lie on.

`torch.save` notes the device of each storage, so that a file of a machine with eight accelerators is not read on one
without, and the same state has another file when it was copied to the CPU first. Moving the state first would need the
memory of all of it; here torch goes on to move one storage at a time.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, BinaryIO

import torch


def save_portable(state: Mapping[str, Any], file: BinaryIO) -> None:
    """Write a state as `torch.save` does, with every tensor as one of the CPU."""
    torch.save(state, file, pickle_module=_PICKLE)


class _CpuPickler(pickle.Pickler):
    """torch makes a subclass of the pickler that it is given, which names the storages; here the names are changed."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        of_torch = cls.persistent_id
        cls.persistent_id = lambda self, item: _on_the_cpu(of_torch(self, item))  # type: ignore[method-assign]


def _on_the_cpu(name: Any) -> Any:
    """`("storage", type, key, device, size)` with another device."""
    if isinstance(name, tuple) and len(name) == 5 and name[0] == "storage" and name[3] != "meta":
        return (*name[:3], "cpu", name[4])
    return name


_PICKLE: Any = SimpleNamespace(__name__=pickle.__name__, Pickler=_CpuPickler)
