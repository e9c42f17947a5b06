"""Models by name, from the metafiles that packages of models ship beside their configurations.

A metafile is YAML with a list `Models`, each entry with `Name` and `Config`, perhaps `Alias` (one or several) and
`Weights`. A package lists its metafiles under `Import` in `model-index.yml`; without one, each `metafile.yml` below
its `configs` counts. Installed packages keep both in `<package>/.mim`, a source tree beside the package.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from eng_fileio import load
from eng_registry import suggest

INDEX = "model-index.yml"


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogEntry:
    """One model of a package; `config` is an absolute path, `weights` a path or a URI, None where there are none."""

    name: str
    aliases: tuple[str, ...]
    config: str
    weights: str | None

    def is_called(self, name: str) -> bool:
        """Whether this is the model of that name, or of that alias, in any case."""
        return name.lower() in {known.lower() for known in (self.name, *self.aliases)}


def find_model(name: str, *, scope: str | None) -> CatalogEntry:
    """The model of that name or alias in the package that the scope is called after.

    Raises LookupError, with the nearest name, if the package has no such model; ValueError without a scope.
    """
    if scope is None:
        raise ValueError(f"`{name}` is no file, and to look it up as the name of a model needs `scope`")
    models = list(read_catalog(scope))
    for model in models:
        if model.is_called(name):
            return model
    names = [known for model in models for known in (model.name, *model.aliases)]
    raise LookupError(
        f"`{name}` is no configuration file, and the package `{scope}` lists no model of that name "
        f"({len(models)} are listed); {suggest(name, names) or 'list_models() says which there are'}"
    )


def list_models(scope: str | None, patterns: str | Sequence[str] = ".*") -> list[str]:
    """The names of a package's models that one of the regular expressions matches from their beginning."""
    if scope is None:
        raise ValueError("to list models needs `scope`, the package that ships them")
    patterns = [patterns] if isinstance(patterns, str) else patterns
    names = {model.name for model in read_catalog(scope)}
    return sorted(name for name in names if any(re.match(pattern, name) for pattern in patterns))


def read_catalog(package: str) -> Iterator[CatalogEntry]:
    """Every model that a package lists; nothing for a package without metafiles.

    Raises ModuleNotFoundError if there is no such package.
    """
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"there is no package `{package}` to look for models in; is it installed?")
    home = Path(next(iter(spec.submodule_search_locations)))
    for root in (home / ".mim", home, home.parent):
        metafiles = _metafiles(root)
        if metafiles:
            for metafile in metafiles:
                yield from _models(metafile, root)
            return


def _metafiles(root: Path) -> list[Path]:
    index = root / INDEX
    if index.is_file():
        listed = [root / path for path in (load(index) or {}).get("Import") or []]
        return [path for path in listed if path.is_file()]
    return sorted((root / "configs").rglob("*metafile.yml"))


def _models(metafile: Path, root: Path) -> Iterator[CatalogEntry]:
    content: Any = load(metafile)
    for item in content.get("Models") or [] if isinstance(content, dict) else []:
        alias = item.get("Alias") or []
        config = (root / item["Config"]).resolve()
        if config.is_file():
            yield CatalogEntry(
                name=item["Name"],
                aliases=(alias,) if isinstance(alias, str) else tuple(alias),
                config=str(config),
                weights=item.get("Weights"),
            )
