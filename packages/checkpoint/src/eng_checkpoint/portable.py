"""Write files of torch that record every tensor as a CPU tensor, whatever device holds it.

`torch.save` records the device of each storage, so a file written on a machine with eight accelerators cannot be read
without `map_location` on a machine that has none, and a state that was copied to the CPU first gives another file.
Copying the whole state first would need as much host memory as it has; torch copies one storage at a time.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, BinaryIO

import torch


def save_portable(state: Mapping[str, Any], file: BinaryIO) -> None:
    """Write a state as `torch.save` does, with every tensor recorded as a CPU tensor."""
    torch.save(state, file, pickle_module=_PICKLE)


class _CpuPickler(pickle.Pickler):
    """Replaces the device in the persistent ids of the subclass that `torch.save` makes of the pickler it is given."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        of_torch = cls.persistent_id
        cls.persistent_id = lambda self, item: _on_the_cpu(of_torch(self, item))  # type: ignore[method-assign]


def _on_the_cpu(name: Any) -> Any:
    """Return `("storage", type, key, device, size)` with the CPU for a device."""
    if isinstance(name, tuple) and len(name) == 5 and name[0] == "storage" and name[3] != "meta":
        return (*name[:3], "cpu", name[4])
    return name


_PICKLE: Any = SimpleNamespace(__name__=pickle.__name__, Pickler=_CpuPickler)
