"""Where an inferencer's configuration comes from: a file, a mapping, the name of a model, or a checkpoint.

A checkpoint is data. The configuration in it is read by the restricted evaluator, nothing that it names is imported,
and dotted paths in it build nothing: whoever made the file gets no code to run here.
"""

from __future__ import annotations

import ast
import copy
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eng_checkpoint import CheckpointLoader
from eng_config import Config

from .catalog import find_model

SUFFIXES = (".py", ".yaml", ".yml", ".json", ".toml")


@dataclass(frozen=True, slots=True)
class Source:
    """A configuration of one's own to change, and the weights that go with it.

    `imports` are modules that the configuration of a checkpoint asked for, and that were not imported.
    """

    cfg: Config
    weights: str | None
    imports: tuple[str, ...] = ()


def find_source(model: object, weights: str | None, *, scope: str | None) -> Source:
    """The configuration for `model`: a file, a mapping, a name of a catalog, or None for the checkpoint's own.

    Raises ValueError without any of `model` and `weights`, or for a checkpoint that holds no configuration;
    TypeError for a `model` of another type; LookupError for a name that is in no catalog.
    """
    if model is None:
        if weights is None:
            raise ValueError(
                "an inferencer needs `model` (a configuration, or the name of a model) or `weights` "
                "(a checkpoint, which holds its configuration)"
            )
        return _from_checkpoint(weights)
    if isinstance(model, Config):
        return Source(copy.deepcopy(model), weights)
    if isinstance(model, Mapping):
        return Source(Config(copy.deepcopy(dict(model))), weights)
    if not isinstance(model, (str, Path)):
        raise TypeError(
            "`model` should be a configuration (a file or a mapping), the name of a model or None, "
            f"not {type(model).__name__}: {model!r:.80}"
        )
    name = os.fspath(model)
    if name.endswith(SUFFIXES) or os.path.isfile(name):
        return Source(Config.fromfile(name), weights)
    found = find_model(name, scope=scope)
    return Source(Config.fromfile(found.config), weights or found.weights)


def _from_checkpoint(weights: str) -> Source:
    checkpoint = CheckpointLoader.load_checkpoint(
        weights, map_location="meta"
    )  # the text without the tensors
    cfg, imports = config_of(checkpoint, name=weights)
    return Source(cfg, weights, imports)


def config_of(
    checkpoint: Mapping[str, Any], *, name: str = "the checkpoint"
) -> tuple[Config, tuple[str, ...]]:
    """The configuration that a checkpoint holds, read as data, and the modules that it would import.

    Raises ValueError if there is none, ConfigError if it is more than data.

    >>> cfg, imports = config_of({"meta": {"cfg": "custom_imports = dict(imports=['nets'])\\nepochs = 3\\n"}})
    >>> cfg.epochs, imports, cfg.trusted
    (3, ('nets',), False)
    """
    info = checkpoint.get("message_hub", {}).get("runtime_info", {})
    text = info.get("cfg") or checkpoint.get("meta", {}).get("cfg")
    if not isinstance(text, str) or not text.strip():
        raise ValueError(
            f"{name} holds no configuration (under `message_hub.runtime_info.cfg` or `meta.cfg`); give `model` as well"
        )
    text, imports = _without_imports(text)
    return Config.fromstring(text, ".py", trust=False), imports


def _without_imports(text: str) -> tuple[str, tuple[str, ...]]:
    """The text with the lines of `custom_imports` left empty, and the modules named there."""
    lines = text.splitlines()
    imports: list[str] = []
    for statement in ast.parse(text).body:
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        if any(isinstance(target, ast.Name) and target.id == "custom_imports" for target in targets):
            names = (node.value for node in ast.walk(statement) if isinstance(node, ast.Constant))
            imports += [name for name in names if isinstance(name, str) and name != "imports"]
            first, last = statement.lineno - 1, statement.end_lineno or statement.lineno
            lines[first:last] = [""] * (last - first)
    return "\n".join(lines) + "\n", tuple(imports)
