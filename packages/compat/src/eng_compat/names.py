"""Where each documented module of MMEngine lives here, and how a name of it is found.

A name is looked for in the front doors of the packages that share its module's work, in this order. There is no copy
of any name: `mmengine.runner.Runner` *is* `eng_runner.Runner`.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Any

from .modules import MODULES

HOMES: dict[str, tuple[str, ...]] = {
    "registry": ("eng_registry",),
    "config": ("eng_config",),
    "fileio": ("eng_fileio",),
    "logging": ("eng_logging",),
    "dist": ("eng_dist",),
    "device": ("eng_dist",),
    "structures": ("eng_structures",),
    "dataset": ("eng_dataset",),
    "model": ("eng_model",),
    "optim": ("eng_optim",),
    "evaluator": ("eng_evaluator",),
    "visualization": ("eng_visualization",),
    "runner": ("eng_runner", "eng_checkpoint", "eng_optim"),
    "hooks": ("eng_runner",),
    "infer": ("eng_runner",),
    "_strategy": ("eng_runner",),
}
"""The first part of a module name after `mmengine.` -> the packages behind it."""

TOP_LEVEL = ("eng_registry", "eng_config", "eng_fileio", "eng_logging")
"""What `import mmengine` itself offers."""


def resolve(module: str, name: str) -> Any:
    """The object that `from <module> import <name>` gives; `module` is `mmengine` or below.

    Raises AttributeError naming the packages that were searched.

    >>> resolve("mmengine.registry", "Registry").__module__
    'eng_registry.registry'
    """
    homes = homes_of(module)
    for home in homes:
        front_door = import_module(home)
        if hasattr(front_door, name):
            return getattr(front_door, name)
    raise AttributeError(f"module {module!r} has no attribute {name!r}; looked for in {', '.join(homes)}")


def homes_of(module: str) -> tuple[str, ...]:
    """The packages behind a module. Raises ModuleNotFoundError for one that is not documented."""
    if module == "mmengine":
        return TOP_LEVEL
    if module not in MODULES:
        known = ", ".join(f"mmengine.{name}" for name in HOMES)
        raise ModuleNotFoundError(
            f"no module named {module!r}; there are {known} and those below", name=module
        )
    return HOMES[module.split(".")[1]]


def missing_from(module: str, names: Iterable[str]) -> list[str]:
    """Which of these names a module does not offer."""
    return [name for name in names if not _offers(module, name)]


def _offers(module: str, name: str) -> bool:
    try:
        resolve(module, name)
    except AttributeError:
        return False
    return True
