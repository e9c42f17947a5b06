"""Writing a configuration in another style or format, so that it loads equal.

A data format, or a `.py` name, gets one file with all values. The import style keeps the files: each base becomes a
file of its own next to the new one, and a child says only what it changes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from .analysis.layer import Layer
from .config import Config, trace
from .dump import is_name, python_text, write
from .errors import ConfigValueError
from .merge import DELETE
from .substitute import shown

__all__ = ["change", "write_import_style"]

HEAD = "from eng_config import read_base\n\nwith read_base():\n"


def write_import_style(cfg: Config, output: str) -> list[str]:
    """Write `output` and a file for each base next to it; the result are their names, bases first.

    Raises `ConfigValueError` for a configuration that is in the import style, and for texts out of the environment,
    which that style does not take from there.
    """
    layer = trace(cfg)
    if not isinstance(layer, Layer) or layer.imported is not None:
        raise ConfigValueError("only a file in the text style can be converted to the import style")
    values = cfg.to_dict()
    if shown(values, cfg.text, cfg.env_variables) != values:
        raise ConfigValueError(
            "the import style does not fill in `{{$NAME}}`; write `os.environ['NAME']` into it by hand"
        )
    folder, own = os.path.split(output)
    files: dict[str, str] = {}
    write_layer(layer, values, files, {}, os.path.splitext(own)[0])
    for name, text in files.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as stream:
            stream.write(text)
    return [os.path.join(folder, name) for name in files]


def write_layer(
    layer: Layer, values: Mapping[Any, Any], files: dict[str, str], done: dict[str, str], wanted: str
) -> str:
    """Put the texts of a layer into `files`, bases first; the result is the name of its own one, without suffix."""
    name = free_name(wanted, files, done)
    done[layer.file] = name
    below: dict[Any, Any] = {}
    imports = []
    for base in layer.bases:
        theirs = Config.fromfile(base.file, import_custom_modules=False).to_dict()
        below.update(theirs)
        theirs_name = done.get(base.file) or write_layer(base, theirs, files, done, stem_of(base.file))
        imports.append(f"    from .{theirs_name} import *\n")
    head = f"{HEAD}{''.join(imports)}\n" if imports else ""
    files[f"{name}.py"] = head + statements(below, values)
    return name


def stem_of(file: str) -> str:
    return os.path.splitext(os.path.basename(file))[0]


def free_name(wanted: str, files: Mapping[str, str], done: Mapping[str, str]) -> str:
    """The name of a module, as near to the wanted one as an import allows, and not taken yet."""
    stem = re.sub(r"\W", "_", wanted)
    stem = stem if stem.isidentifier() else f"_{stem}"
    name, count = stem, 2
    while f"{name}.py" in files or name in done.values():
        name, count = f"{stem}_{count}", count + 1
    return name


def statements(below: Mapping[Any, Any], values: Mapping[Any, Any]) -> str:
    """What a child says so that the values of its bases become its own."""
    lines = [f"del {key}\n" for key in below if key not in values]
    for key, value in values.items():
        if not is_name(key):
            raise ConfigValueError(
                f"the key {key!r} cannot stand at the top of a Python file; convert to YAML or JSON",
                path=str(key),
            )
        if key in below:
            if value == below[key]:
                continue
            changed = change(below[key], value)
            if isinstance(changed, dict) and not changed.get(DELETE):
                lines.append(f"{key}.merge({write(changed, '', len(key) + 8, str(key))})\n")
                continue
        lines.append(python_text({key: value}))
    return "".join(lines)


def change(old: Any, new: Any) -> Any:
    """What must be merged over `old` so that it becomes `new`.

    >>> change(dict(type="SGD", lr=0.1), dict(type="SGD", lr=0.2))
    {'lr': 0.2}
    >>> change(dict(type="SGD", momentum=0.9), dict(type="Adam"))
    {'_delete_': True, 'type': 'Adam'}
    """
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    if any(key not in new for key in old):
        return {DELETE: True, **new}
    return {
        key: change(old[key], value) if key in old else value
        for key, value in new.items()
        if key not in old or old[key] != value
    }
