"""Reading configuration files in the text style: data formats, and Python text with `_base_`.

For each file, bases first: substitute in the text, evaluate it with the merged bases at hand as `_base_`, leave out
what is no setting, merge it over the bases. The import style is `lazy_file.py`.
"""

from __future__ import annotations

import ast
import os
import warnings
from types import CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple

from ..analysis.layer import Layer
from ..analysis.recompute import compiled, overlay, run_program
from ..analysis.style import BASE, is_import_style, may_be_import_style, split_base
from ..analysis.syntax import parse_python
from ..bounds import check_size, check_weight
from ..errors import (
    ConfigError,
    ConfigEvaluationError,
    ConfigFormatError,
    ConfigKeyError,
    ConfigParsingError,
    ConfigTypeError,
)
from ..formats import DATA_SUFFIXES, parse_data
from ..merge import merge_into
from ..node import ConfigDict, settle
from ..origin import Origin
from ..substitute import (
    UnknownReference,
    base_expressions,
    base_references,
    environment_variables,
    fill_references,
    predefined_variables,
)
from .bases import resolve_base
from .source import Reading, last_line, raised

__all__ = ["SUFFIXES", "TextFile", "read_text_file"]

DEPRECATION = "_deprecation_"
SUFFIXES = (".py", *DATA_SUFFIXES)


class TextFile(NamedTuple):
    """A file that was read: its merged values, how to find their lines, and what it used."""

    values: ConfigDict
    layer: Layer
    text: str
    environment: dict[str, str]


def read_text_file(
    file: str,
    reading: Reading,
    *,
    text: str | None = None,
    suffix: str | None = None,
    chain: tuple[str, ...] = (),
    origin: Origin | None = None,
) -> TextFile:
    """Read a file and its bases; `chain` are the files that led here, `origin` is the line that names this one."""
    suffix = suffix or os.path.splitext(file)[1].lower()
    if suffix not in SUFFIXES:
        raise ConfigFormatError(
            f"`{file}` is of no known format; a configuration ends in {', '.join(SUFFIXES)}", origin=origin
        )
    if file in chain:
        circle = " -> ".join([*chain[chain.index(file) :], file])
        raise ConfigParsingError(
            f"the bases go in a circle: {circle}; take one of them out", path=BASE, origin=origin
        )
    source = reading.text(file, origin) if text is None else text
    prepared = predefined_variables(source, file) if reading.predefined else source
    prepared, used = environment_variables(prepared, file) if reading.environment else (prepared, {})
    if not reading.trusted:
        check_size(prepared, file)
    tokens: dict[str, str] = {}
    if suffix == ".py":
        prepared = base_expressions(prepared, file)
        program: Program = PythonProgram(prepared, file, reading)
    else:
        prepared, tokens = base_references(prepared)
        program = DataProgram(prepared, suffix, file)

    values = ConfigDict()
    layers, texts = [], []
    for name, line in program.bases():
        here = Origin(file, line, BASE)
        base = resolve_base(name, file, here, reading.root)
        part = read_text_file(base.file, reading, chain=(*chain, file), origin=here)
        if base.scope is not None:
            add_scope(part.values, base.scope)
        double = values.keys() & part.values.keys()
        if double:
            key = min(double, key=str)
            raise ConfigKeyError(
                f"two bases set the key `{key}`: `{base.file}` and one before it; keys of bases may not be duplicate, "
                "so set it in one of them",
                path=str(key),
                origin=here,
            )
        dict.update(values, part.values)
        layers.append(part.layer)
        texts.append(part.text)
        used = {**part.environment, **used}

    overlay(values, reading.overrides)
    settle(values)
    own = program.run(values)
    deprecation = own.pop(DEPRECATION, None) or dict.pop(values, DEPRECATION, None)
    if deprecation is not None:
        warn_of_deprecation(file, deprecation)
    layer = Layer(
        file=file,
        text=source,
        prepared=prepared,
        suffix=suffix,
        values=own,
        bases=tuple(layers),
        tokens=tokens,
    )
    try:
        if tokens:
            own = fill_references(own, tokens, values)
            check_weight(own, file)
        merge_into(values, own)
    except ConfigTypeError as error:
        error.origin = layer.locate(error.path)
        raise
    except UnknownReference as error:
        line = prepared.count("\n", 0, prepared.index(error.token)) + 1
        raise ConfigKeyError(
            f"the bases have no `{error.path}`{error.near}; name what is there",
            path=f"{BASE}.{error.path}",
            origin=Origin(file, line),
        ) from None
    return TextFile(values, layer, "\n".join([*texts, f"{file}\n{source}"]), used)


class DataProgram:
    """A YAML, JSON or TOML file."""

    def __init__(self, text: str, suffix: str, file: str) -> None:
        self.values = parse_data(text, suffix, file)
        self.text, self.suffix, self.file = text, suffix, file

    def bases(self) -> list[tuple[str, int]]:
        names = self.values.pop(BASE, [])
        whole = Layer(file=self.file, text=self.text, prepared=self.text, suffix=self.suffix)
        listed = base_names(names, Origin(self.file, whole.locate(BASE).line if names else 1, BASE))
        return [(name, whole.locate(f"{BASE}.{step}").line) for step, name in enumerate(listed)]

    def run(self, base: ConfigDict) -> dict[str, Any]:
        return self.values


class PythonProgram:
    """A Python file in the text style.

    A trusted file is compiled from its text, which takes half as long as by way of a syntax tree. There is a tree only
    for those who need one: the restricted evaluator, and an evaluation in pieces under overrides.
    """

    def __init__(self, text: str, file: str, reading: Reading) -> None:
        self.file, self.reading = file, reading
        self.base, body = split_base(text, file)
        self.code: CodeType | None = None
        self.tree: ast.Module | None = None
        if reading.trusted and not reading.overrides:
            self.code = compiled(body, file)
        else:
            self.tree = parse_python(body, file)
        if (
            reading.style != "text"
            and may_be_import_style(text)
            and is_import_style(parse_python(text, file), file)
        ):
            raise ConfigParsingError(
                "this file is written in the import style, and a file in the text style cannot take it as its base; "
                "write `with read_base():` in both, or `_base_ = ` in both",
                origin=Origin(file, 1),
            )

    def bases(self) -> list[tuple[str, int]]:
        if self.base is None:
            return []
        value = self.base.value
        where = Origin(self.file, self.base.lineno, BASE)
        try:
            names = ast.literal_eval(value)
        except ValueError as error:
            raise ConfigTypeError(
                "`_base_` is read before the file is run, so it must be a literal text or list of texts",
                path=BASE,
                origin=where,
            ) from error
        parts = value.elts if isinstance(value, (ast.List, ast.Tuple)) else [value]
        return [(name, part.lineno) for name, part in zip(base_names(names, where), parts, strict=True)]

    def run(self, base: ConfigDict) -> dict[str, Any]:
        if self.tree is not None and not self.reading.trusted:
            from ..analysis.restricted import evaluate  # long, and only untrusted files need it

            values = evaluate(self.tree, self.file, {BASE: base}, self.reading.overrides, self.reading.budget)
            check_weight(values, self.file)
            return settings(values)
        names: dict[str, Any] = {"__file__": self.file, "__name__": "__config__", BASE: base}
        try:
            if self.code is not None:
                exec(self.code, names)
            elif self.tree is not None:
                run_program(self.tree, self.file, names, self.reading.overrides)
        except ConfigError as error:
            if error.origin is None:
                error.origin = last_line(error, self.file)
            raise
        except Exception as error:
            raise ConfigEvaluationError(raised(error, names), origin=last_line(error, self.file)) from error
        names.pop(BASE)
        return settings(names)


Program = DataProgram | PythonProgram


def base_names(names: Any, origin: Origin) -> list[str]:
    """The bases as a list; one may be given as a text."""
    listed = [names] if isinstance(names, str) else names
    if not isinstance(listed, (list, tuple)) or not all(isinstance(name, str) for name in listed):
        raise ConfigTypeError(
            f"`_base_` is a text or a list of texts, not {names!r}", path=BASE, origin=origin
        )
    return list(listed)


def settings(names: dict[str, Any]) -> dict[str, Any]:
    """What of the names of an evaluated file is a setting: no dunder, no function of the file, no module."""
    return {
        name: value
        for name, value in names.items()
        if name[:2] != "__" and not isinstance(value, (FunctionType, ModuleType))
    }


def add_scope(value: Any, scope: str) -> None:
    """Give `_scope_` to every outermost dictionary with a `type`, so that it is looked up in its own package."""
    if isinstance(value, dict):
        if "type" in value:
            value.setdefault("_scope_", scope)
            return
        for part in dict.values(value):
            add_scope(part, scope)
    elif isinstance(value, (list, tuple)):
        for part in value:
            add_scope(part, scope)


def warn_of_deprecation(file: str, deprecation: Any) -> None:
    """Say what the file that marks itself as old recommends instead."""
    details = deprecation if isinstance(deprecation, dict) else {}
    message = f"the configuration `{file}` is deprecated"
    if "expected" in details:
        message += f"; use `{details['expected']}` instead"
    if "reference" in details:
        message += f"; see {details['reference']}"
    warnings.warn(message, DeprecationWarning, stacklevel=2)
