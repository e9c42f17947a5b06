"""Configurations and models of installed packages by `package::path`, as packages of models ship them in `.mim`."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from eng_checkpoint import load_checkpoint
from eng_config import Config
from eng_fileio import load
from eng_registry import MODELS, DefaultScope

from .installed import get_installed_path, is_installed

__all__ = [
    "get_config",
    "get_model",
]


def get_config(cfg_path: str, pretrained: bool = False) -> Config:
    """The configuration `package::path`, path below the package's `.mim/configs`.

    With `pretrained`, its key `model_path` says where its weights are, as the package's metafiles have it.

    Raises:
        ValueError: `cfg_path` is of another form.
        ModuleNotFoundError: The package is not installed; nothing is installed on the way.
        AssertionError: `pretrained`, but no metafile names weights for it.
    """
    package, path = _split(cfg_path)
    config = Config.fromstring(f"_base_ = ['{package}::{path}']\n", ".py")
    if pretrained:
        weights = _weights(package, path)
        assert weights, f"no metafile of {package} names weights for `{path}`: use `pretrained=False`"
        config.model_path = weights
    return config


def get_model(cfg_path: str, pretrained: bool = False, **kwargs: Any) -> Any:
    """The model of `package::path`, built in the scope of the package.

    `kwargs` are for what its configuration leaves open. With `pretrained` its weights are loaded.
    Raises as `get_config`.
    """
    package, _ = _split(cfg_path)
    config = get_config(cfg_path, pretrained)
    with DefaultScope.overwrite_default_scope(package):
        _register_all(package)
        model = MODELS.build(config.model, default_args=kwargs)
    if pretrained:
        load_checkpoint(model, config.model_path, map_location="cpu")
        model._is_init = True  # what the file gave is not to be initialised over
    return model


def _split(cfg_path: str) -> tuple[str, str]:
    package, mark, path = cfg_path.partition("::")
    if not mark or not package.isidentifier() or not path:
        raise ValueError(f"`{cfg_path}` is of no known form; write `package::path/of/the/config.py`")
    if not is_installed(package):
        raise ModuleNotFoundError(
            f"`{cfg_path}` is a configuration of {package}, which is not installed", name=package
        )
    return package, path


def _weights(package: str, path: str) -> str | None:
    """Where the weights of a configuration are, if a metafile of the package says so."""
    for item in _listed_models(Path(get_installed_path(package), ".mim")):
        config = str(item.get("Config", ""))
        if config.removeprefix("configs/") in (path, f"{path}.py"):
            weights = item.get("Weights")
            return None if weights is None else str(weights)
    return None


def _listed_models(folder: Path) -> Iterator[dict[str, Any]]:
    index = folder / "model-index.yml"
    imports = (load(index) or {}).get("Import") or [] if index.is_file() else []
    for metafile in imports:
        content = load(folder / metafile)
        yield from content.get("Models") or [] if isinstance(content, dict) else content or []


def _register_all(package: str) -> None:
    """What OpenMMLab's packages call before anything of theirs can be built."""
    try:
        module = import_module(f"{package}.utils")
    except ModuleNotFoundError as error:
        if error.name != f"{package}.utils":
            raise
        import_module(package)
        return
    register = getattr(module, "register_all_modules", None)
    if register is not None:
        register(False)
