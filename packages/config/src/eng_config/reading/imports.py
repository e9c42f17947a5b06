"""`custom_imports`: the modules that a configuration wants imported, so that they register what they define."""

from __future__ import annotations

import os
import sys
import warnings
from importlib import import_module
from typing import Any

from ..errors import ConfigImportError, ConfigTypeError
from ..origin import Origin

__all__ = ["import_custom_modules"]


def import_custom_modules(custom_imports: Any, origin: Origin | None) -> None:
    """Import the modules of `dict(imports=[...], allow_failed_imports=False)`.

    A failure is a `ConfigImportError`, or with `allow_failed_imports` a warning.
    """
    path = "custom_imports"
    if not isinstance(custom_imports, dict) or not set(custom_imports) <= {"imports", "allow_failed_imports"}:
        raise ConfigTypeError(
            f"{custom_imports!r} is not understood; write `dict(imports=['my_package.my_module'])`",
            path=path,
            origin=origin,
        )
    for name in module_names(custom_imports.get("imports"), origin):
        try:
            import_module(name)
        except ImportError as error:
            what = (
                f"cannot import `{name}` of custom_imports {dict(custom_imports)!r}: {error}; "
                f"{advice(name, error)}"
            )
            if not custom_imports.get("allow_failed_imports", False):
                raise ConfigImportError(what, path=path, origin=origin) from error
            warnings.warn(what, UserWarning, stacklevel=2)


def advice(name: str, error: ImportError) -> str:
    """What to do about a failed import; the search path only where the module itself is what is missing."""
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    if missing is None or not f"{name}.".startswith(f"{missing}."):
        return f"correct or install what `{name}` imports"
    installed = (sys.prefix, sys.base_prefix)
    folders = [os.path.abspath(folder) for folder in sys.path if not folder.startswith(installed)]
    looked = ", ".join(f"`{folder}`" for folder in dict.fromkeys(folders))
    return f"install it or put its folder on PYTHONPATH; it is in none of {looked or 'no folder'} and not installed"


def module_names(imports: Any, origin: Origin | None) -> list[str]:
    """The names as a list; one may be given as a text."""
    listed = [imports] if isinstance(imports, str) else imports or []
    if not isinstance(listed, (list, tuple)) or not all(isinstance(name, str) for name in listed):
        raise ConfigTypeError(
            f"the imports are a text or a list of texts, not {imports!r}",
            path="custom_imports.imports",
            origin=origin,
        )
    return list(listed)
