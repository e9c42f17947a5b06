"""A drop-in for MMEngine: the documented modules and names, standing for the objects of eng.

`mmengine.runner`, `mmengine.hooks` and the others, with the documented modules below them, are made when they are
imported; `eng_compat.names` says what is behind each.
"""

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from eng_compat import HOMES, MODULES, resolve


class _Alias(ModuleType):
    """A module whose names are looked up in the packages behind it."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return resolve(self.__name__, name)


class _AliasFinder(MetaPathFinder, Loader):
    """Makes the modules of `eng_compat.MODULES`."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in MODULES:
            return None
        return ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Alias(spec.name, f"{spec.name}, on {', '.join(HOMES[spec.name.split('.')[1]])}.")

    def exec_module(self, module: ModuleType) -> None:
        """Nothing to execute: names are looked up when they are asked for."""


if not any(isinstance(finder, _AliasFinder) for finder in sys.meta_path):
    sys.meta_path.append(_AliasFinder())


def __getattr__(name: str) -> Any:
    return resolve("mmengine", name)
