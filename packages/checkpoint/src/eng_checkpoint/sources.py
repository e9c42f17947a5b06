"""Where a checkpoint may come from: a local path, or whatever stands behind a registered prefix."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, overload

import eng_fileio

from .file import MapLocation, load_file

Loader: TypeAlias = Callable[..., dict[str, Any]]
_LoaderType = TypeVar("_LoaderType", bound=Loader)


class CheckpointLoader:
    """Loads a checkpoint from the source that its prefix names; the longest prefix that fits wins.

    Example:
        >>> @CheckpointLoader.register_scheme("constant://", force=True)
        ... def constant(filename, map_location=None):
        ...     return {"state_dict": {"value": float(filename.removeprefix("constant://"))}}
        >>> CheckpointLoader.load_checkpoint("constant://3")
        {'state_dict': {'value': 3.0}}
    """

    _schemes: dict[str, Loader] = {}  # noqa: RUF012 - one table for the process, by design

    @overload
    @classmethod
    def register_scheme(
        cls, prefixes: str | list[str] | tuple[str, ...], loader: _LoaderType, force: bool = False
    ) -> _LoaderType: ...
    @overload
    @classmethod
    def register_scheme(
        cls, prefixes: str | list[str] | tuple[str, ...], loader: None = None, force: bool = False
    ) -> Callable[[_LoaderType], _LoaderType]: ...
    @classmethod
    def register_scheme(
        cls, prefixes: str | list[str] | tuple[str, ...], loader: Loader | None = None, force: bool = False
    ) -> Any:
        """Make `loader(filename, map_location=None)` serve these prefixes, which are regular expressions.

        Without `loader` it is a decorator.

        Raises:
            KeyError: A prefix is taken and not `force`.
        """
        names = [prefixes] if isinstance(prefixes, str) else list(prefixes)

        def register(loader: _LoaderType) -> _LoaderType:
            taken = [name for name in names if name in cls._schemes]
            if taken and not force:
                raise KeyError(f"{taken[0]!r} is served already; force=True replaces its loader")
            cls._schemes.update(dict.fromkeys(names, loader))
            return loader

        return register if loader is None else register(loader)

    @classmethod
    def load_checkpoint(
        cls,
        filename: str | Path,
        map_location: MapLocation = None,
        logger: object = None,
        *,
        trust: bool = False,
        mmap: bool = False,
    ) -> dict[str, Any]:
        """The checkpoint behind `filename`.

        Args:
            logger: Taken for old callers' sake; messages go to this module's logger.
            trust: Let the file run code.
            mmap: Map a file that is, or was brought, to this file system, as `load_file` does.
        """
        name = str(filename)
        prefix = next(p for p in sorted(cls._schemes, reverse=True) if re.match(p, name))
        loader = cls._schemes[prefix]
        options = {"trust": True} if trust else {}
        if mmap and loader in {load_from_local, load_from_web}:
            options["mmap"] = True
        return loader(name, map_location=map_location, **options)


@CheckpointLoader.register_scheme("")
def load_from_local(
    filename: str, map_location: MapLocation = None, trust: bool = False, mmap: bool = False
) -> dict[str, Any]:
    """A local file; `~` is the home directory."""
    return load_file(Path(filename).expanduser(), map_location=map_location, trust=trust, mmap=mmap)


@CheckpointLoader.register_scheme(["http://", "https://"])
def load_from_web(
    filename: str, map_location: MapLocation = None, trust: bool = False, mmap: bool = False
) -> dict[str, Any]:
    """A file of a web server; it is downloaded once, and the copy is used from then on."""
    path = eng_fileio.cached_download(filename)
    return load_file(path, map_location=map_location, trust=trust, mmap=mmap)


@CheckpointLoader.register_scheme(["torchvision://", "modelzoo://"])
def load_from_torchvision(
    filename: str, map_location: MapLocation = None, trust: bool = False
) -> dict[str, Any]:
    """Weights of torchvision by name: `ResNet50_Weights.IMAGENET1K_V2`, or `resnet50` for its first ones.

    Raises:
        ImportError: torchvision is not installed.
        ValueError: It has no weights of that name.
    """
    try:
        models = import_module("torchvision.models")
    except ImportError as error:
        raise ImportError(f"{filename} needs torchvision: pip install torchvision") from error
    name = filename.partition("://")[2]
    weights = models.get_weight(name) if "." in name else next(iter(models.get_model_weights(name)))
    return load_from_web(weights.url, map_location=map_location, trust=trust)


@CheckpointLoader.register_scheme(r"[\w+.:-]+://")
def load_from_backend(filename: str, map_location: MapLocation = None, trust: bool = False) -> dict[str, Any]:
    """A file of any place that eng_fileio knows."""
    with eng_fileio.get_local_path(filename) as path:
        return load_file(path, map_location=map_location, trust=trust)
