"""From a path, or from `backend_args`, to the backend that serves it.

Backends are known by name (`backend_args=dict(backend="local")`) and by prefix (`s3://...`). A path without
`://` is local. Prefixes that nobody registered go to fsspec, which knows some thirty file systems, when it
is installed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar, overload

from .backend import BackendArgs, BaseStorageBackend
from .backends.fsspec import FsspecBackend
from .backends.http import HTTPBackend
from .backends.lmdb import LmdbBackend
from .backends.local import LocalBackend

_BackendType = TypeVar("_BackendType", bound=type[BaseStorageBackend])

_by_name: dict[str, type[BaseStorageBackend]] = {}
_by_prefix: dict[str, type[BaseStorageBackend]] = {}
_instances: dict[str, BaseStorageBackend] = {}


@overload
def register_backend(
    name: str,
    backend: type[BaseStorageBackend],
    force: bool = False,
    prefixes: str | list[str] | tuple[str, ...] | None = None,
) -> None: ...
@overload
def register_backend(
    name: str,
    backend: None = None,
    force: bool = False,
    prefixes: str | list[str] | tuple[str, ...] | None = None,
) -> Callable[[_BackendType], _BackendType]: ...
def register_backend(
    name: str,
    backend: type[BaseStorageBackend] | None = None,
    force: bool = False,
    prefixes: str | list[str] | tuple[str, ...] | None = None,
) -> Callable[[_BackendType], _BackendType] | None:
    """Make a backend known by a name and, if given, by prefixes; without `backend` it is a class decorator.

    Args:
        force: Replace a backend of that name or prefix instead of raising.
        prefixes: What stands before `://` in the paths that this backend serves.

    Raises:
        TypeError: Not a class, or not a `BaseStorageBackend`.
        ValueError: The name or a prefix is taken.

    Example:
        >>> @register_backend("empty", prefixes="empty", force=True)
        ... class Empty(BaseStorageBackend):
        ...     def get(self, filepath):
        ...         return b""
        >>> get_file_backend("empty://anything").get("empty://anything")
        b''
    """
    if not isinstance(name, str):
        raise TypeError(f"the name of a backend is a str, not {type(name).__name__}")
    if backend is not None:
        _register(name, backend, force, _as_tuple(prefixes))
        return None

    def decorate(cls: _BackendType) -> _BackendType:
        _register(name, cls, force, _as_tuple(prefixes))
        return cls

    return decorate


def get_file_backend(
    uri: str | Path | None = None,
    *,
    backend_args: BackendArgs = None,
    enable_singleton: bool = False,
) -> BaseStorageBackend:
    """The backend that serves `uri`, or the one that `backend_args["backend"]` names, which wins.

    Args:
        backend_args: `backend`, and arguments for the backend's class.
        enable_singleton: Share one object per prefix and arguments; these must then be JSON values.

    Raises:
        ValueError: Neither a uri nor a backend's name.
        KeyError: Nobody registered that name or prefix.

    Example:
        >>> get_file_backend("some/file.txt").name
        'LocalBackend'
    """
    args = dict(backend_args or {})
    if uri is None and "backend" not in args:
        raise ValueError("which backend? Give a uri, or backend_args with a `backend`")
    prefix = "" if uri is None else parse_uri_prefix(uri)
    if not enable_singleton:
        return _build(prefix, args)
    key = f"{prefix}:{json.dumps(args)}"
    if key not in _instances:
        _instances[key] = _build(prefix, args)
    return _instances[key]


def parse_uri_prefix(uri: str | Path) -> str:
    """What stands before `://`, or `''`; of `cluster:s3://...` it is `s3`.

    >>> parse_uri_prefix("s3://bucket/file"), parse_uri_prefix("/tmp/file")
    ('s3', '')
    """
    if not isinstance(uri, str | Path):
        raise TypeError(f"a uri is a str or a Path, not {type(uri).__name__}")
    prefix, separator, _ = str(uri).partition("://")
    return prefix.rpartition(":")[2] if separator else ""


def _build(prefix: str, args: Mapping[str, Any]) -> BaseStorageBackend:
    kwargs = dict(args)
    if "backend" in kwargs:
        return _of_name(kwargs.pop("backend"))(**kwargs)
    if prefix in _by_prefix:
        return _by_prefix[prefix](**kwargs)
    return _from_fsspec(prefix, kwargs)


def _of_name(name: str) -> type[BaseStorageBackend]:
    if name not in _by_name:
        raise KeyError(f"no backend is called {name!r}; there are {', '.join(sorted(_by_name))}")
    return _by_name[name]


def _from_fsspec(prefix: str, kwargs: dict[str, Any]) -> BaseStorageBackend:
    served = ", ".join(f"{known}://" for known in sorted(_by_prefix) if known)
    unknown = f"no backend serves {prefix}:// (there are {served}, and paths without a prefix)"
    if find_spec("fsspec") is None:
        raise KeyError(f"{unknown}. For some thirty more: pip install 'eng-fileio[remote]'")
    from fsspec import available_protocols  # a slow import that only remote paths need

    if prefix not in {"petrel", *available_protocols()}:
        raise KeyError(f"{unknown}, and fsspec does not know it either")
    return FsspecBackend(**kwargs)


def _register(name: str, backend: type[BaseStorageBackend], force: bool, prefixes: tuple[str, ...]) -> None:
    if not isinstance(backend, type):
        raise TypeError(f"a backend is a class, not {type(backend).__name__}")
    if not issubclass(backend, BaseStorageBackend):
        raise TypeError(f"{backend.__name__} is not a BaseStorageBackend")
    if name in _by_name and not force:
        raise ValueError(f"a backend is called {name!r} already; force=True replaces it")
    taken = [prefix for prefix in prefixes if prefix in _by_prefix]
    if taken and not force:
        raise ValueError(f"a backend serves {taken[0]}:// already; force=True replaces it")
    _by_name[name] = backend
    _by_prefix.update(dict.fromkeys(prefixes, backend))


def _as_tuple(prefixes: str | list[str] | tuple[str, ...] | None) -> tuple[str, ...]:
    if prefixes is None:
        return ()
    if isinstance(prefixes, str):
        return (prefixes,)
    if not isinstance(prefixes, list | tuple):
        raise TypeError(f"prefixes are a str or a list of str, not {type(prefixes).__name__}")
    return tuple(prefixes)


register_backend("local", LocalBackend, prefixes="")
register_backend("http", HTTPBackend, prefixes=("http", "https"))
register_backend("lmdb", LmdbBackend)
register_backend("fsspec", FsspecBackend)
register_backend("petrel", FsspecBackend)  # the older name of what reaches s3
