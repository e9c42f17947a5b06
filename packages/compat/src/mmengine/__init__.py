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

from eng_compat import MODULES, homes_of, instead_of, public_names, resolve


def _attribute(module: str, name: str) -> Any:
    """A name of a module: of the names with two underscores only those that modules of ours answer themselves."""
    if name == "__all__":
        return public_names(module)
    if name == "__version__" and module in ("mmengine", "mmengine.version", "mmengine.utils"):
        return resolve("mmengine.version", name)
    if name.startswith("__"):
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    return resolve(module, name)


class _Alias(ModuleType):
    """A module whose names are looked up in the packages behind it."""

    def __getattr__(self, name: str) -> Any:
        return _attribute(self.__name__, name)

    def __dir__(self) -> list[str]:
        return sorted({*vars(self), *public_names(self.__name__)})


class _AliasFinder(MetaPathFinder, Loader):
    """Makes the modules of `eng_compat.MODULES`."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname in MODULES:
            return ModuleSpec(fullname, self, is_package=True)
        module, _, name = fullname.rpartition(".")
        # `from module import name` comes here when the module lacks the name; Python would not show the reason
        reason = instead_of(module, name) if module in {"mmengine", *MODULES} else None
        if reason is not None:
            raise ImportError(reason, name=fullname)
        return None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Alias(spec.name, f"{spec.name}, on {', '.join(homes_of(spec.name))}.")

    def exec_module(self, module: ModuleType) -> None:
        """Nothing to execute: names are looked up when they are asked for."""


if not any(isinstance(finder, _AliasFinder) for finder in sys.meta_path):
    sys.meta_path.append(_AliasFinder())


def __getattr__(name: str) -> Any:
    return _attribute("mmengine", name)


def __dir__() -> list[str]:
    return sorted({*globals(), *public_names("mmengine")})
