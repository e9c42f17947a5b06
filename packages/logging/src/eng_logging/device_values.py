"""Scalars that lie on an accelerator: copied when they are recorded, and read when a statistic is asked for.

A training loop reports the same tensors in every iteration: buffers of the model that are updated in place, views of
larger results, outputs of a CUDA graph that is replayed. So the scalars of one record are copied into a new tensor, in
one launch, and all pending tensors are read in one transfer. torch is never imported here: there are no tensors unless
the program has imported it.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from typing import Any, final

__all__ = ["DeviceScalars", "DeviceValue"]


@final
class DeviceScalars:
    """The scalars of a run that were copied on their device and not read yet."""

    def __init__(self) -> None:
        self._waiting: list[_Copied] = []
        self._reading = threading.RLock()

    def taken(self, scalars: Mapping[str, Any]) -> dict[str, Any]:
        """Return these values as they are to be kept: numbers unchanged, tensors as copies.

        A tensor of the CPU, or an array of one element, is a number at once. Tensors of an accelerator are copied
        together. What is not one number is given back as it is: settling a series names it.
        """
        torch = sys.modules.get("torch")
        alike: dict[tuple[Any, Any], dict[str, Any]] = {}
        kept = dict(scalars)
        for key, value in scalars.items():
            if torch is None or not isinstance(value, torch.Tensor) or hasattr(value, "full_tensor"):
                kept[key] = _kept(value)
            elif value.numel() == 1:
                if value.is_cpu:
                    kept[key] = value.item()
                elif not value.is_complex():
                    alike.setdefault((value.device, value.dtype), {})[key] = value.detach().reshape(())
        for group in alike.values():
            copied = _Copied(torch.stack(list(group.values())))  # type: ignore[union-attr]  # there are tensors
            with self._reading:
                self._waiting.append(copied)
            kept.update((key, DeviceValue(self, copied, index)) for index, key in enumerate(group))
        return kept

    def read(self) -> None:
        """Read everything that waits: one transfer for each device and type of number."""
        with self._reading:
            alike: dict[tuple[Any, Any], list[_Copied]] = {}
            for copied in self._waiting:
                alike.setdefault((copied.tensor.device, copied.tensor.dtype), []).append(copied)
            for group in alike.values():
                _read_together(group)
            self._waiting = []

    def __reduce__(self) -> tuple[Any, ...]:
        return DeviceScalars, ()  # a series is pickled as numbers, so nothing waits in a copy


class _Copied:
    """The scalars of one record, as a tensor until they are read and as numbers afterwards."""

    __slots__ = ("numbers", "tensor")

    def __init__(self, tensor: Any) -> None:
        self.tensor = tensor
        self.numbers: list[Any] | None = None


@final
class DeviceValue:
    """One scalar among those that were copied together."""

    __slots__ = ("_copied", "_index", "_scalars")

    def __init__(self, scalars: DeviceScalars, copied: _Copied, index: int) -> None:
        self._scalars = scalars
        self._copied = copied
        self._index = index

    def item(self) -> Any:
        """The number; the first one that is asked for waits for the device, and reads all that are waiting."""
        if self._copied.numbers is None:
            self._scalars.read()
        assert self._copied.numbers is not None, "what waits is read, or the device has raised"
        return self._copied.numbers[self._index]


def _kept(value: Any) -> Any:
    """An array's number, or a copy of what is like a tensor; anything else as it is."""
    if hasattr(value, "item") and hasattr(value, "clone"):
        return value.detach().clone()
    return value.item() if hasattr(value, "item") and getattr(value, "size", None) == 1 else value


def _read_together(group: list[_Copied]) -> None:
    torch = sys.modules["torch"]
    tensors = [copied.tensor for copied in group]
    numbers = (tensors[0] if len(tensors) == 1 else torch.cat(tensors)).tolist()
    begin = 0
    for copied in group:
        end = begin + len(copied.tensor)
        copied.numbers, copied.tensor = numbers[begin:end], None
        begin = end
