"""Where the bases of a configuration file are: relative paths, URIs, and `package::path` of installed packages."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterator
from importlib.machinery import PathFinder
from typing import Any, NamedTuple

from ..errors import ConfigFileNotFoundError, ConfigImportError, ConfigValueError, UntrustedConfigError
from ..origin import Origin

__all__ = ["Base", "is_remote", "package_folder", "resolve_base"]


class Base(NamedTuple):
    """The file of a base, and the package whose scope its modules are looked up in."""

    file: str
    scope: str | None = None


def is_remote(file: str) -> bool:
    """Whether the name is a URI and not a path.

    >>> is_remote("s3://bucket/cfg.py"), is_remote("configs/cfg.py")
    (True, False)
    """
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", file) is not None


def resolve_base(name: str, file: str, origin: Origin, root: str | None = None) -> Base:
    """The file that `file` means by the base `name`; with a `root`, only files below of it.

    Raises `ConfigValueError` for a name of no known form, `UntrustedConfigError` for one that leaves the root.
    """
    if "::" in name:
        if root is not None:
            raise outside(name, root, "", origin)
        return package_base(name, origin)
    if is_remote(name):
        found = name
    elif is_remote(file):
        head, tail = file.split("://", 1)
        found = f"{head}://{posixpath.normpath(posixpath.join(posixpath.dirname(tail), name))}"
    else:
        found = os.path.normpath(os.path.join(os.path.dirname(file), os.path.expanduser(name)))
    if root is not None and not is_below(found, root):
        raise outside(name, root, "move it there, or ", origin)
    return Base(found)


def outside(name: str, root: str, advice: str, origin: Origin) -> UntrustedConfigError:
    what = f"the base `{name}` is outside of `{root}`, and the file is not trusted"
    it = "the file" if advice else "it"
    return UntrustedConfigError(f"{what}; {advice}read {it} with `trust=True` if it is yours", origin=origin)


def is_below(file: str, root: str) -> bool:
    """Whether the file is in the folder or below, links followed."""
    if is_remote(root) or is_remote(file):
        return file.startswith(root.rstrip("/") + "/") and ".." not in file.split("/")
    try:
        real = os.path.realpath(root)
        return os.path.commonpath([real, os.path.realpath(file)]) == real
    except ValueError:  # a name that no file can have, or another drive
        return False


def package_folder(package: str, origin: Origin) -> str:
    """The folder of an installed package, found without importing it."""
    spec = PathFinder.find_spec(package)
    places = list(spec.submodule_search_locations or ()) if spec is not None else []
    if not places:
        raise ConfigImportError(f"the package `{package}` is not installed; install it", origin=origin)
    return str(places[0])


def package_base(name: str, origin: Origin) -> Base:
    """The file of `package::path`: below `.mim/configs`, `configs` or the package itself."""
    found = re.fullmatch(r"(\w+)::(\w[\w./-]*)", name)
    if found is None or ".." in found[2].split("/"):
        raise ConfigValueError(
            f"the base `{name}` is of no known form; write `package::path/of/the/config.py`",
            origin=origin,
        )
    package, path = found[1], found[2]
    folder = package_folder(package, origin)
    indexed = model_index(folder).get(path.rsplit(".", 1)[0])
    candidates = [os.path.join(folder, ".mim", indexed)] if indexed else []
    candidates += [os.path.join(folder, *below, path) for below in ((".mim", "configs"), ("configs",), ())]
    for candidate in candidates:
        if os.path.isfile(candidate):
            return Base(candidate, package)
    raise ConfigFileNotFoundError(
        f"the package `{package}` has no configuration `{path}`; looked in "
        + ", ".join(f"`{candidate}`" for candidate in candidates),
        origin=origin,
    )


def model_index(folder: str) -> dict[str, str]:
    """The configurations that a package lists in `.mim/model-index.yml`, by name without suffix; first ones win."""
    index: dict[str, str] = {}
    for model in listed_models(os.path.join(folder, ".mim")):
        config = model.get("Config")
        if isinstance(config, str) and "/" in config:
            index.setdefault(config.split("/", 1)[1].rsplit(".", 1)[0], config)
    return index


def listed_models(folder: str) -> Iterator[dict[str, Any]]:
    """The entries of every metafile that the index names."""
    from ..yaml_text import load  # PyYAML is slow to import, and few need it here

    def content_of(path: str) -> Any:
        with open(path, encoding="utf-8") as stream:
            return load(stream.read().removeprefix("\ufeff"), path) or {}

    index = os.path.join(folder, "model-index.yml")
    if not os.path.isfile(index):
        return
    for name in content_of(index).get("Import", []):
        content = content_of(os.path.join(folder, name))
        models = content.get("Models", []) if isinstance(content, dict) else content
        yield from (model for model in models if isinstance(model, dict))
