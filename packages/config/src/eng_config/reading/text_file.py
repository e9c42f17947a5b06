"""Reading configuration files in the text style: data formats, and Python text with `_base_`.

For each file, bases first: substitute in the text, evaluate it with the merged bases at hand as `_base_`, leave out
what is not a setting, merge it over the bases. The import style is `import_file.py`.
"""

from __future__ import annotations

import ast
import os
import warnings
from typing import Any, NamedTuple

from ..analysis.layer import Content, Layer
from ..analysis.parse import BASE, PythonText
from ..bounds import check_size, check_weight
from ..errors import ConfigFormatError, ConfigKeyError, ConfigParsingError, ConfigTypeError
from ..formats import parse_data
from ..merge import merge_into
from ..node import ConfigDict, settle
from ..origin import Origin
from ..paths import overlay
from ..substitute import (
    UnknownReference,
    base_expressions,
    base_references,
    environment_variables,
    fill_references,
    predefined_variables,
)
from .bases import resolve_base
from .source import SUFFIXES, Reading, execute, settings

__all__ = ["read_text_file"]

DEPRECATION = "_deprecation_"


def read_text_file(
    file: str,
    reading: Reading,
    *,
    text: str | None = None,
    suffix: str | None = None,
    chain: tuple[str, ...] = (),
    origin: Origin | None = None,
) -> Content:
    """Read a file and its bases; `chain` are the files that led here, `origin` is the line that names this one."""
    suffix = suffix or os.path.splitext(file)[1].lower()
    if suffix not in SUFFIXES:
        raise ConfigFormatError(
            f"`{file}` is of no known format; a configuration ends in {', '.join(SUFFIXES)}", origin=origin
        )
    chain = reading.enter(file, chain, BASE, origin)
    source = reading.text(file, origin) if text is None else text
    prepared = prepare(source, file, suffix, reading)
    python = PythonText(prepared.text, file)
    if suffix == ".py":
        named = python_bases(python, reading)
    else:
        data = parse_data(prepared.text, suffix, file)
        named = data_bases(data, Layer(file=file, text="", prepared=prepared.text, suffix=suffix))
    bases = [(here, read_base_file(name, file, reading, chain, here)) for name, here in named]
    values = joined(bases)
    overlay(values, reading.overrides)
    settle(values)
    own = run_python(python, values, reading) if suffix == ".py" else data
    deprecation = own.pop(DEPRECATION, None) or dict.pop(values, DEPRECATION, None)
    if deprecation is not None:
        warn_of_deprecation(file, deprecation)
    layer = Layer(
        file=file,
        text=source,
        prepared=prepared.text,
        suffix=suffix,
        values=own,
        bases=tuple(base.layer for _, base in bases),
        tokens=prepared.tokens,
    )
    merge_over(values, own, layer)
    environment = {**prepared.environment}
    for _, base in bases:
        environment = {**base.environment, **environment}
    return Content(
        values, layer, "\n".join([*(base.text for _, base in bases), f"{file}\n{source}"]), environment
    )


class Prepared(NamedTuple):
    """A text with everything put in that does not need the bases."""

    text: str
    environment: dict[str, str]
    #: of a data file: the texts that stand for values of the bases, and the key paths of those
    tokens: dict[str, str]


def prepare(text: str, file: str, suffix: str, reading: Reading) -> Prepared:
    environment: dict[str, str] = {}
    tokens: dict[str, str] = {}
    if reading.predefined:
        text = predefined_variables(text, file)
    if reading.environment:
        text, environment = environment_variables(text, file)
    if not reading.trusted:
        check_size(text, file)
    if suffix == ".py":
        text = base_expressions(text, file)
    else:
        text, tokens = base_references(text)
    return Prepared(text, environment, tokens)


# The names of the bases, and their values


def python_bases(python: PythonText, reading: Reading) -> list[tuple[str, Origin]]:
    """The bases that a Python file names, each with its line."""
    if reading.style != "text" and python.is_import_style():
        raise ConfigParsingError(
            "this file is written in the import style, and a file in the text style cannot take it as its base; "
            "write `with read_base():` in both, or `_base_ = ` in both",
            origin=Origin(python.file, 1),
        )
    statement = python.base_assignment()
    if statement is None:
        return []
    value = statement.value
    where = Origin(python.file, statement.lineno, BASE)
    try:
        names = ast.literal_eval(value)
    except ValueError as error:
        raise ConfigTypeError(
            "`_base_` is read before the file is run, so it must be a literal text or list of texts",
            origin=where,
        ) from error
    parts = value.elts if isinstance(value, (ast.List, ast.Tuple)) else [value]
    lines = [Origin(python.file, part.lineno, BASE) for part in parts]
    return list(zip(base_names(names, where), lines, strict=True))


def data_bases(data: dict[str, Any], layer: Layer) -> list[tuple[str, Origin]]:
    """The bases that a data file names, each with its line; the key is taken out."""
    names = data.pop(BASE, [])
    where = layer.locate(BASE) if names else Origin(layer.file, 1, BASE)
    listed = base_names(names, where)
    return [(name, layer.locate(f"{BASE}.{step}")._replace(path=BASE)) for step, name in enumerate(listed)]


def base_names(names: Any, origin: Origin) -> list[str]:
    """The bases as a list; one may be given as a text."""
    listed = [names] if isinstance(names, str) else names
    if not isinstance(listed, (list, tuple)) or not all(isinstance(name, str) for name in listed):
        raise ConfigTypeError(f"`_base_` is a text or a list of texts, not {names!r}", origin=origin)
    return list(listed)


def read_base_file(name: str, file: str, reading: Reading, chain: tuple[str, ...], here: Origin) -> Content:
    base = resolve_base(name, file, here, reading.root)
    content = read_text_file(base.file, reading, chain=chain, origin=here)
    if base.scope is not None:
        add_scope(content.values, base.scope)
    return content


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


def joined(bases: list[tuple[Origin, Content]]) -> ConfigDict:
    """The values of all bases; raises `ConfigKeyError` for a key that two of them have."""
    values = ConfigDict()
    for here, base in bases:
        double = values.keys() & base.values.keys()
        if double:
            key = min(double, key=str)
            raise ConfigKeyError(
                f"two bases set the key `{key}`: `{base.layer.file}` and one before it; keys of bases may not be "
                "duplicate, so set it in one of them",
                path=str(key),
                origin=here,
            )
        dict.update(values, base.values)
    return values


# The values of the file itself


def run_python(python: PythonText, base: ConfigDict, reading: Reading) -> dict[str, Any]:
    """What a Python file sets, given its bases.

    A trusted file is compiled from its text, which takes half as long as by way of a syntax tree. There is a tree only
    for those who need one: the restricted evaluator, and an evaluation in pieces under overrides.
    """
    if not reading.trusted:
        from ..analysis.restricted import evaluate  # long, and only untrusted files need it

        values = evaluate(
            python.tree_without_base(), python.file, {BASE: base}, reading.overrides, reading.budget
        )
        check_weight(values, python.file)
        return settings(values)
    names: dict[str, Any] = {"__file__": python.file, "__name__": "__config__", BASE: base}
    if reading.overrides:
        execute(python.tree_without_base(), python.file, names, reading.overrides)
    else:
        execute(python.text_without(python.base_assignment()), python.file, names)
    return settings(names)


def merge_over(values: ConfigDict, own: dict[str, Any], layer: Layer) -> None:
    """Merge what a file sets over its bases; errors get the line of the file."""
    try:
        if layer.tokens:
            own = fill_references(own, layer.tokens, values)
            check_weight(own, layer.file)
        merge_into(values, own)
    except ConfigTypeError as error:
        error.origin = layer.locate(error.path)
        raise
    except UnknownReference as error:
        line = layer.prepared.count("\n", 0, layer.prepared.index(error.token)) + 1
        raise ConfigKeyError(
            f"the bases have no `{error.path}`{error.near}; name what is there",
            path=f"{BASE}.{error.path}",
            origin=Origin(layer.file, line),
        ) from None


def warn_of_deprecation(file: str, deprecation: Any) -> None:
    """Say what the file that marks itself as old recommends instead."""
    details = deprecation if isinstance(deprecation, dict) else {}
    message = f"the configuration `{file}` is deprecated"
    if "expected" in details:
        message += f"; use `{details['expected']}` instead"
    if "reference" in details:
        message += f"; see {details['reference']}"
    warnings.warn(message, DeprecationWarning, stacklevel=2)
