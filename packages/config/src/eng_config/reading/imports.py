"""`custom_imports`: the modules that a configuration wants imported, so that they register what they define."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
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
                f"install it or put its folder on sys.path, which is {sys.path}"
            )
            if not custom_imports.get("allow_failed_imports", False):
                raise ConfigImportError(what, path=path, origin=origin) from error
            warnings.warn(what, UserWarning, stacklevel=2)


def module_names(imports: Any, origin: Origin | None) -> Sequence[str]:
    """The names as a list; one may be given as a text."""
    listed = [imports] if isinstance(imports, str) else imports or []
    if not isinstance(listed, (list, tuple)) or not all(isinstance(name, str) for name in listed):
        raise ConfigTypeError(
            f"the imports are a text or a list of texts, not {imports!r}",
            path="custom_imports.imports",
            origin=origin,
        )
    return list(listed)
