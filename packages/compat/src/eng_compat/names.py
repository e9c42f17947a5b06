"""Where each documented module of MMEngine lives here, and how a name of it is found.

A name is looked for in the front doors of the packages that share its module's work, in this order. There is no copy
of any name: `mmengine.runner.Runner` *is* `eng_runner.Runner`. What only old code asks for is in modules of this
package; they stand first where MMEngine's answer is not ours.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Any

from .left_out import LEFT_OUT
from .modules import MODULES

_UTILITIES = (
    "eng_compat.sequences",
    "eng_compat.reflection",
    "eng_compat.requirements",
    "eng_compat.deprecation",
    "eng_compat.installed",
    "eng_compat.paths",
    "eng_compat.versions",
    "eng_compat.timer",
    "eng_compat.progress",
    "eng_compat.rich_progress",
)
_TYPES = "eng_compat.type_names"

HOMES: dict[str, tuple[str, ...]] = {
    "registry": ("eng_registry",),
    "config": ("eng_config", "eng_compat.config_keys"),
    "fileio": ("eng_fileio",),
    "logging": ("eng_logging",),
    "dist": ("eng_dist",),
    "device": ("eng_compat.device", "eng_dist"),
    "structures": ("eng_structures", _TYPES),
    "dataset": ("eng_dataset",),
    "model": ("eng_model", "eng_compat.initializers", _TYPES),
    "optim": ("eng_optim", "eng_compat.schedulers", "eng_compat.optimizers", _TYPES),
    "evaluator": ("eng_evaluator",),
    "visualization": ("eng_visualization",),
    "runner": (
        "eng_compat.loops",
        "eng_runner",
        "eng_checkpoint",
        "eng_optim",
        "eng_compat.checkpoints",
        _TYPES,
    ),
    "hooks": ("eng_runner", _TYPES),
    "infer": ("eng_runner", _TYPES),
    "_strategy": ("eng_runner", _TYPES),
    "analysis": ("eng_model", "eng_compat.handles"),
    "hub": ("eng_compat.hub",),
    "testing": ("eng_compat.testing", "eng_compat.runner_test_case"),
    "utils": (*_UTILITIES, "eng_logging"),
    "utils.dl_utils": (
        "eng_compat.torch_names",
        "eng_compat.norms",
        "eng_compat.images",
        "eng_compat.time_counter",
        "eng_compat.processes",
        "eng_compat.environment_report",
    ),
    "version": ("eng_compat.versions",),
}
"""A module name after `mmengine.` -> where the names of it and of the modules below it are looked for."""

TOP_LEVEL = ("eng_registry", "eng_config", "eng_fileio", "eng_logging", *_UTILITIES)
"""What `import mmengine` itself offers. None of it loads torch."""


def resolve(module: str, name: str) -> Any:
    """The object that `from <module> import <name>` gives; `module` is `mmengine` or below.

    Raises AttributeError naming the packages that were searched, or what to use instead.

    >>> resolve("mmengine.registry", "Registry").__module__
    'eng_registry.registry'
    """
    homes = homes_of(module)
    for home in homes:
        door = import_module(home)
        if name in door.__all__:
            return getattr(door, name)
    if f"{module}.{name}" in MODULES:
        return import_module(f"{module}.{name}")
    raise AttributeError(
        instead_of(module, name)
        or f"module {module!r} has no attribute {name!r}; looked for in {', '.join(homes)}"
    )


def instead_of(module: str, name: str) -> str | None:
    """What to say to somebody who asks for a name that was left out on purpose; None for any other name."""
    if name not in LEFT_OUT:
        return None
    return f"`{name}` of {module} is left out; use {LEFT_OUT[name]} instead"


def homes_of(module: str) -> tuple[str, ...]:
    """The packages behind a module. Raises ModuleNotFoundError for one that is not documented."""
    if module == "mmengine":
        return TOP_LEVEL
    if module not in MODULES:
        known = ", ".join(f"mmengine.{name}" for name in HOMES)
        raise ModuleNotFoundError(
            f"no module named {module!r}; there are {known} and those below", name=module
        )
    _, *parts = module.split(".")
    for end in range(len(parts), 0, -1):
        homes = HOMES.get(".".join(parts[:end]))
        if homes is not None:
            return homes
    raise AssertionError(f"{module} is in the list of modules, but nothing is behind it")


def public_names(module: str) -> list[str]:
    """Every public name that a module offers, the modules below it aside."""
    doors = map(import_module, homes_of(module))
    return sorted({name for door in doors for name in door.__all__ if not name.startswith("_")})


def missing_from(module: str, names: Iterable[str]) -> list[str]:
    """Which of these names a module does not offer."""
    return [name for name in names if not _offers(module, name)]


def _offers(module: str, name: str) -> bool:
    try:
        resolve(module, name)
    except AttributeError:
        return False
    return True
