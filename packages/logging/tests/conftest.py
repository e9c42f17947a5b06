"""A stand-in for a tensor on a device: it knows how often somebody waited for it."""

from __future__ import annotations

import pytest


class DeviceScalar:
    """One number that is read with `item`, as a tensor is."""

    def __init__(self, value: float, elements: int = 1) -> None:
        self.value = value
        self.elements = elements
        self.reads = 0

    def detach(self) -> DeviceScalar:
        return self

    def clone(self) -> DeviceScalar:
        return DeviceScalar(self.value, self.elements)

    def numel(self) -> int:
        return self.elements

    def item(self) -> float:
        self.reads += 1
        return self.value


@pytest.fixture(name="DeviceScalar")
def class_of_device_scalars() -> type[DeviceScalar]:
    """The class of that stand-in."""
    return DeviceScalar
