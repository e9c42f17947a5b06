"""Plain files: JSON lines, PNG images and the configuration, readable by anything."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np

from eng_fileio import atomic_write_text
from eng_registry import VISBACKENDS
from eng_visualization.backends.backend import BaseVisBackend, force_init_env
from eng_visualization.backends.line_file import LineFile
from eng_visualization.errors import check
from eng_visualization.plain import as_mapping, flat_items, plain
from eng_visualization.scalar_file import lines_up_to

__all__ = ["FACTS", "LocalVisBackend"]

FACTS = "facts.json"


@VISBACKENDS.register_module()
class LocalVisBackend(BaseVisBackend):
    """Writes below `save_dir`; nothing is made before the first use.

    Facts are in ``facts.json``. A line that a killed run left unfinished is cut off before the next one is written.

    Args:
        save_dir: The folder.
        img_save_dir: The folder of the images in it: ``<name>_<step>.png``.
        config_save_file: The file of the configuration, ``.py``.
        scalar_save_file: The file of the scalars, ``.json``: one JSON object per line.

    Example:
        >>> import tempfile, pathlib
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> LocalVisBackend(folder).add_scalars({"loss": 0.5, "lr": 0.1}, step=7)
        >>> (folder / "scalars.json").read_text()
        '{"loss": 0.5, "lr": 0.1, "step": 7}\\n'
    """

    def __init__(
        self,
        save_dir: str | Path,
        img_save_dir: str = "vis_image",
        config_save_file: str = "config.py",
        scalar_save_file: str = "scalars.json",
    ) -> None:
        check(config_save_file.endswith(".py"), f"config_save_file must end in .py, got {config_save_file!r}")
        check(
            scalar_save_file.endswith(".json"),
            f"scalar_save_file must end in .json, got {scalar_save_file!r}",
        )
        super().__init__(save_dir)
        self._folder = Path(save_dir)
        self._img_save_dir = self._folder / img_save_dir
        self._config_save_file = self._folder / config_save_file
        self._scalar_save_file = self._folder / scalar_save_file
        self._origins_file = self._config_save_file.with_suffix(".origins.json")
        self._scalars = LineFile(self._scalar_save_file)
        self._also: dict[str, LineFile] = {}

    def _init_env(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)

    @property
    @force_init_env
    def experiment(self) -> Self:
        """The backend itself."""
        return self

    @force_init_env
    def add_config(self, config: Any, **kwargs: Any) -> None:
        """Dump the configuration, and next to it the origin (file and line) of each value if it knows them."""
        if hasattr(config, "dump"):
            config.dump(str(self._config_save_file))
        else:
            text = "".join(f"{key} = {value!r}\n" for key, value in dict(config).items())
            atomic_write_text(self._config_save_file, text)
        origins = _origins(config)
        if origins:
            atomic_write_text(self._origins_file, json.dumps(origins, indent=1, ensure_ascii=False))

    @force_init_env
    def add_image(self, name: str, image: Any, step: int = 0, **kwargs: Any) -> None:
        """Write an RGB image of dtype uint8 as PNG; a name with slashes makes folders."""
        check(
            isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.ndim in (2, 3),
            f"image {name!r} must be a uint8 array of shape (H, W, 3) or (H, W), got {_kind(image)}",
        )
        # a sample is often named by the path of its image, which may begin at the root
        path = _inside(self._img_save_dir, f"{name}_{step}.png".lstrip("/"))
        path.parent.mkdir(parents=True, exist_ok=True)
        from PIL import Image

        Image.fromarray(image).save(path)

    @force_init_env
    def add_scalar(self, name: str, value: Any, step: int = 0, **kwargs: Any) -> None:
        """Append ``{name: value, "step": step}``."""
        self._scalars.append(_as_json({name: value, "step": step}))

    @force_init_env
    def add_scalars(
        self, scalar_dict: Mapping[str, Any], step: int = 0, file_path: str | None = None, **kwargs: Any
    ) -> None:
        """Append one line, to `file_path` (``.json``, below the folder) as well if it is given."""
        check(
            isinstance(scalar_dict, Mapping), f"scalars must be a mapping, got {type(scalar_dict).__name__}"
        )
        line = _as_json({**scalar_dict, "step": scalar_dict.get("step", step)})
        if file_path is not None:
            self._second_file(file_path).append(line)
        self._scalars.append(line)

    @force_init_env
    def add_facts(self, facts: Mapping[str, Any]) -> None:
        """Keep facts in ``facts.json``, with those that are there."""
        path = self._folder / FACTS
        known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        text = json.dumps({**known, **plain(facts)}, indent=1, ensure_ascii=False, default=str)
        atomic_write_text(path, text + "\n")

    def resume_from(self, step: int, *, validated: bool = True) -> None:
        """Cut the scalars back: from the first line that belongs to a later iteration than `step` on.

        Without `validated` the run begins with the validation of that iteration, so an earlier one of it goes too.
        """
        self.close()
        for path in self._folder.glob("*.json") if self._folder.is_dir() else ():
            if path not in (self._folder / FACTS, self._origins_file):
                text = path.read_text(encoding="utf-8")
                kept = "".join(lines_up_to(text.splitlines(keepends=True), step, validated=validated))
                if kept != text:
                    atomic_write_text(path, kept)

    def close(self) -> None:
        """Let go of the files."""
        for file in (self._scalars, *self._also.values()):
            file.close()

    def _second_file(self, name: str) -> LineFile:
        """The file of this name below the folder, which is another one than that of all scalars."""
        if name not in self._also:
            check(str(name).endswith(".json"), f"file_path must end in .json, got {name!r}")
            path = _inside(self._folder, name)
            check(path != self._scalar_save_file, "file_path must be another file than scalar_save_file")
            self._also[name] = LineFile(path)
        return self._also[name]


_as_text = json.JSONEncoder(ensure_ascii=False).encode


def _as_json(scalars: Mapping[str, Any]) -> str:
    return _as_text(plain(scalars))


def _inside(folder: Path, name: str | os.PathLike[str]) -> Path:
    """The path of a file in a folder; a name cannot climb out of it."""
    path = Path(os.path.normpath(folder / name))
    longest = max(len(os.fsencode(part)) for part in path.parts)
    check("\0" not in str(name) and longest <= 255, f"{str(name)!r} cannot be the name of a file")
    check(path.is_relative_to(os.path.normpath(folder)), f"{str(name)!r} would be outside of {folder}")
    return path


def _kind(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape} and dtype {value.dtype}"
    return type(value).__name__


def _origins(config: Any) -> dict[str, str]:
    """Where each value of a configuration was set, ``{path: "file:line"}``, for configurations that know it."""
    if not hasattr(config, "origin") or not callable(config.origin):
        return {}
    found = ((path, config.origin(path)) for path, _ in flat_items(as_mapping(config)))
    return {path: f"{origin.file}:{origin.line}" for path, origin in found if origin is not None}
