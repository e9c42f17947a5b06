"""Finding modules, objects and methods by their names."""

from __future__ import annotations

import warnings
from importlib import import_module
from types import ModuleType
from typing import Any

__all__ = [
    "get_object_from_string",
    "has_method",
    "import_modules_from_strings",
    "is_method_overridden",
]


def is_method_overridden(method: str, base_class: type, derived_class: Any) -> bool:
    """Whether a class, or the class of an object, has another `method` than `base_class`.

    >>> is_method_overridden("__len__", dict, dict), is_method_overridden("__repr__", object, 3)
    (False, True)
    """
    assert isinstance(base_class, type), f"`base_class` is a class, not the object {base_class!r}"
    derived = derived_class if isinstance(derived_class, type) else type(derived_class)
    return getattr(derived, method) is not getattr(base_class, method)


def has_method(obj: object, method: str) -> bool:
    """Whether the object has something of that name that can be called.

    >>> has_method([], "append"), has_method(has_method, "__name__")
    (True, False)
    """
    return callable(getattr(obj, method, None))


def get_object_from_string(obj_name: str) -> Any | None:
    """The module, class or attribute of a dotted name, or None if there is none.

    The name is imported, so it must come from code, never from data of others.

    >>> get_object_from_string("collections.OrderedDict.fromkeys")
    <built-in method fromkeys of type object at ...>
    >>> get_object_from_string("no.such.thing") is None
    True
    """
    first, *rest = obj_name.split(".")
    try:
        found: Any = import_module(first)
    except ImportError:
        return None
    path = first
    for name in rest:
        path = f"{path}.{name}"
        if isinstance(found, ModuleType):
            try:
                found = import_module(path)
                continue
            except ImportError:
                pass
        if not hasattr(found, name):
            return None
        found = getattr(found, name)
    return found


def import_modules_from_strings(
    imports: str | list[str] | None, allow_failed_imports: bool = False
) -> ModuleType | list[ModuleType | None] | None:
    """The module of a dotted name, or the modules of a list of them; None for nothing.

    Raises `ImportError` for one that cannot be imported; with `allow_failed_imports` it is None, and a warning.

    >>> import_modules_from_strings(["os.path", "json"])[1].__name__
    'json'
    """
    if not imports:
        return None
    if isinstance(imports, str):
        return _imported(imports, allow_failed_imports)
    if not isinstance(imports, list):
        raise TypeError(f"`imports` is a text or a list of texts, not a {type(imports).__name__}")
    for name in imports:
        if not isinstance(name, str):
            raise TypeError(f"{name!r} in `imports` is a {type(name).__name__}, which cannot be imported")
    return [_imported(name, allow_failed_imports) for name in imports]


def _imported(name: str, allow_failure: bool) -> ModuleType | None:
    try:
        return import_module(name)
    except ImportError as error:
        if not allow_failure:
            raise ImportError(f"Failed to import {name}: {error}") from error
        warnings.warn(f"{name} failed to import and is ignored: {error}", UserWarning, stacklevel=3)
        return None
