"""Reading a file of any style and format, and importing the modules that it wants (`custom_imports`)."""

from __future__ import annotations

import os
import sys
import warnings
from importlib import import_module
from typing import Any

from ..analysis.parse import PythonText
from ..bounds import too_deep
from ..errors import (
    ConfigImportError,
    ConfigKeyError,
    ConfigSyntaxError,
    ConfigTypeError,
    UntrustedConfigError,
)
from ..node import attach
from ..origin import Origin
from .content import Content
from .import_file import read_import_file
from .source import Reading
from .text_file import read_text_file

__all__ = ["RESERVED_KEYS", "read_file"]

RESERVED_KEYS = ("filename", "text", "pretty_text", "env_variables")


def read_file(file: str, suffix: str, text: str, reading: Reading, *, imports: bool) -> Content:
    """Return what a text and its bases give, every node with its origin; `imports` runs its `custom_imports`."""
    try:
        if suffix == ".py" and is_import_style(text, file, reading.style):
            content = read_import_file(PythonText(text, file), reading)
        else:
            content = read_text_file(file, reading, text=text, suffix=suffix)
    except RecursionError:  # of a trusted file, which is not weighed
        raise too_deep(Origin(file, 1)) from None
    if content.layer.imported is None:
        listed = dict.get(content.values, "custom_imports")
        if imports and listed:
            origin = content.layer.chain(("custom_imports",))[-1]
            if not reading.trusted:
                raise UntrustedConfigError(
                    "imports run code, and the file is not trusted; read it with `trust=True` if it is yours",
                    path="custom_imports",
                    origin=origin,
                )
            import_custom_modules(listed, origin)
    for key in RESERVED_KEYS:
        if key in content.values:
            raise ConfigKeyError(
                f"`{key}` is reserved for the configuration itself; give the setting another name",
                path=key,
                origin=content.layer.chain((key,))[-1],
            )
    attach(content.values, content.layer, ())
    return content


def is_import_style(text: str, file: str, style: str | None) -> bool:
    if style is not None:
        return style == "import"
    try:
        return PythonText(text, file).is_import_style()
    except ConfigSyntaxError:  # `{{ ... }}` may stand where Python cannot read it
        return False


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
