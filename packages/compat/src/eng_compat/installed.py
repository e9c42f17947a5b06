"""What is installed in this environment, and where."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions
from importlib.util import find_spec

__all__ = [
    "call_command",
    "get_installed_path",
    "install_package",
    "is_installed",
    "package2module",
]


def is_installed(package: str) -> bool:
    """Whether there is a distribution of that name, or a module that can be imported by it.

    >>> is_installed("torch"), is_installed("no-such-package")
    (True, False)
    """
    return _has_origin(package) or _is_distribution(package)


def package2module(package: str) -> str:
    """The module that a distribution is imported by: `pillow` is `PIL`.

    Of several the one without an underscore in front that is most like the name. Raises `PackageNotFoundError`.
    """
    wanted = _canonical(distribution(package).metadata["Name"])
    modules = sorted(
        module
        for module, names in packages_distributions().items()
        if wanted in map(_canonical, names) and module.isidentifier()
    )
    if not modules:
        raise PackageNotFoundError(package)
    return min(modules, key=lambda module: (module.startswith("_"), _canonical(module) not in wanted, module))


def get_installed_path(package: str) -> str:
    """The folder of the package that a distribution or a module name stands for.

    Raises `PackageNotFoundError` if it is not installed, `RuntimeError` for a namespace package: it has many folders.
    """
    module = package if package.isidentifier() and find_spec(package) else package2module(package)
    spec = find_spec(module)
    if spec is None:
        raise PackageNotFoundError(package)
    if spec.submodule_search_locations is not None and spec.origin is None:
        places = ", ".join(spec.submodule_search_locations)
        raise RuntimeError(f"{package} is a namespace package, which may lie in several folders: {places}")
    return os.path.dirname(spec.origin or "")


def call_command(cmd: Sequence[str]) -> None:
    """Run a program and wait for it. Raises `CalledProcessError` when it fails."""
    subprocess.check_call(list(cmd))


def install_package(package: str) -> None:
    """Install a distribution with pip, unless it is there."""
    if not is_installed(package):
        call_command([sys.executable, "-m", "pip", "install", package])


def _has_origin(name: str) -> bool:
    if not all(part.isidentifier() for part in name.split(".")):
        return False
    try:
        spec = find_spec(name)
    except (ImportError, ValueError):
        return False
    return spec is not None and spec.origin is not None


def _is_distribution(name: str) -> bool:
    try:
        distribution(name)
    except (PackageNotFoundError, ValueError):
        return False
    return True


def _canonical(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")
