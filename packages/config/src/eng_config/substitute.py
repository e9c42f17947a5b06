"""The `{{ ... }}` of configuration files: predefined variables, environment variables, values of the base.

All are replaced in the text, before it is parsed, so they work in every format and values computed from them
follow. Lines are kept, so that the origin of a value stays true.

A reference without a default, `{{$TOKEN}}`, says that its value belongs to the machine and not to the file. Texts
that hold such a value show the reference again when a configuration is dumped or printed; loading the dump puts the
value back in.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from .errors import ConfigKeyError, ConfigSyntaxError, suggest
from .origin import Origin, position_of

__all__ = [
    "UnknownReference",
    "base_expressions",
    "base_references",
    "environment_variables",
    "fill_references",
    "predefined_variables",
    "shown",
    "tokens_in",
]

#: linear in the length of the text: what was matched is not given back (`++`), and no default reaches into the next one
ENVIRONMENT = re.compile(
    r"\{\{\s*+(?P<quote>['\"]?)\s*+\$\s*+(?P<name>\w++)\s*+"
    r"(?::\s*+(?P<default>(?:(?!\{\{)\S)*?)\s*+)?(?P=quote)\s*+\}\}"
)
BASE = re.compile(r"\{\{\s*_base_\.(?P<path>[\w.]+)\s*\}\}")
#: what tells the texts and comments of Python from its code, and where a statement starts; a text that is not closed
#: reaches to the end, so that the search is linear
PYTHON_PARTS = re.compile(
    rf"""(?P<base>{BASE.pattern})"""
    r"""|(?P<text>[rRbBuUfF]{0,2}(?P<quotes>\'\'\'|\"\"\"|'|\")(?:\\.|(?!(?P=quotes))[^\\])*+(?P<closed>(?P=quotes))?)"""
    r"""|(?P<comment>\#[^\n]*|\\\n)|(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<end>\n)|(?P<code>[^\s'\"\#()\[\]{}\\]+)""",
    re.DOTALL,
)
REFERENCE = re.compile(
    r"(?<![^\s\[{(,:])(?P<quote>['\"]?)\{\{\s*_base_\.(?P<alone>[\w.]+)\s*\}\}(?P=quote)(?=\s*(?:[\]}),#\n]|$))"
    r"|\{\{\s*_base_\.(?P<within>[\w.]+)\s*\}\}"
)
#: characters of a value that is not looked for within other texts
SHORT = 4
TOKEN = re.compile("_base_reference_[0-9a-f]{16}")


def predefined_variables(text: str, file: str) -> str:
    """Put the parts of the name of the file in: `fileDirname`, `fileBasename`, `...NoExtension`, `fileExtname`.

    >>> predefined_variables("work_dir = './work/{{ fileBasenameNoExtension }}'", "/configs/resnet.py")
    "work_dir = './work/resnet'"
    """
    if "{{" not in text:
        return text
    folder, name = os.path.split(file)
    stem, suffix = os.path.splitext(name)
    parts = {
        "fileDirname": folder.replace(os.sep, "/"),
        "fileBasename": name,
        "fileBasenameNoExtension": stem,
        "fileExtname": suffix,
    }
    return re.sub(r"\{\{\s*(" + "|".join(parts) + r")\s*\}\}", lambda found: parts[found[1]], text)


def environment_variables(
    text: str, file: str, environment: Mapping[str, str] | None = None
) -> tuple[str, dict[str, str]]:
    """Put environment variables in; the result is the text and the variables that it used.

    `{{$NAME:default}}` falls back to its default; `{{$NAME}}` and `{{$NAME:}}` have none and raise
    `ConfigKeyError`. With quotes inside of the braces the value stands bare, so that `{{'$WORKERS:4'}}` is a number.

    >>> environment_variables("n = {{'$N:4'}}\\nroot = '{{$ROOT:/data}}'", "cfg.py", {"N": "8"})
    ("n = 8\\nroot = '/data'", {'N': '8'})
    """
    if "$" not in text:
        return text, {}
    values = os.environ if environment is None else environment
    used: dict[str, str] = {}

    def value(found: re.Match[str]) -> str:
        name = found["name"]
        if name in values:
            used[name] = values[name]
            return values[name]
        if found["default"]:
            return found["default"]
        line = text.count("\n", 0, found.start()) + 1
        raise ConfigKeyError(
            f"the environment variable `{name}` is not set and has no default; "
            f"set it or write `{{{{${name}:default}}}}`",
            origin=Origin(file, line),
        )

    return ENVIRONMENT.sub(value, text), used


def base_expressions(text: str, file: str) -> str:
    """Put the Python expression in the place of each `{{ _base_.key.path }}`, which may then be computed with.

    Comments and documentation stay as they are. Within any other text it could not be a value: `ConfigSyntaxError`
    tells the line and the f-string to write.

    >>> base_expressions("width = {{ _base_.model.stages.0.width }}", "cfg.py")
    "width = _base_['model']['stages'][0]['width']"
    """
    if "_base_" not in text or BASE.search(text) is None:
        return text
    depth, is_start = 0, True

    def replaced(found: re.Match[str]) -> str:
        nonlocal depth, is_start
        kind, whole = found.lastgroup, found[0]
        is_documentation = is_start and not depth
        if kind != "comment":
            is_start = kind == "end" and not depth
        depth += (kind == "open") - (kind == "close")
        if kind == "base":
            steps = found["path"].split(".")
            keys = [step if position_of(step) is not None else repr(step) for step in steps]
            return "_base_" + "".join(f"[{key}]" for key in keys)
        within = BASE.search(whole) if found["closed"] and not is_documentation else None
        if within is not None:
            raise ConfigSyntaxError(
                f"`{within[0]}` stands within a text, where it is no value; take the quotes away, or put the "
                f"value into the text: f'... {{_base_.{within['path']}}} ...'",
                origin=Origin(file, text.count("\n", 0, found.start() + within.start()) + 1),
            )
        return whole

    return PYTHON_PARTS.sub(replaced, text)


def base_references(text: str) -> tuple[str, dict[str, str]]:
    """Put a token in the place of each `{{ _base_.key.path }}` of a data file; the result maps tokens to key paths.

    One that stands alone, in quotes or without, becomes a quoted token, and later the value itself; within a longer
    text it becomes a bare token, and later the words of the value.
    """
    if "_base_" not in text or "{{" not in text:
        return text, {}
    tokens: dict[str, str] = {}

    def token(found: re.Match[str]) -> str:
        name = f"_base_reference_{os.urandom(8).hex()}"
        tokens[name] = found["alone"] or found["within"]
        return f'"{name}"' if found["alone"] else name

    return REFERENCE.sub(token, text), tokens


def fill_references(value: Any, tokens: Mapping[str, str], base: Any) -> Any:
    """The value with every token replaced by what the base has at its key path."""
    if isinstance(value, str):
        if value in tokens:
            return look_up(base, tokens[value], value)
        for token in tokens_in(value, tokens):
            value = value.replace(token, str(look_up(base, tokens[token], token)))
        return value
    if isinstance(value, dict):
        return {key: fill_references(part, tokens, base) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(fill_references(part, tokens, base) for part in value)
    return value


def tokens_in(text: str, tokens: Mapping[str, str]) -> list[str]:
    """The tokens that a text holds, or is."""
    return [token for token in TOKEN.findall(text) if token in tokens] if tokens else []


class UnknownReference(LookupError):
    """The base has nothing at the key path that a token stands for."""

    def __init__(self, token: str, path: str, near: str) -> None:
        super().__init__(path)
        self.token, self.path, self.near = token, path, near


def look_up(base: Any, path: str, token: str) -> Any:
    """What the base has at a written key path."""
    for step in path.split("."):
        try:
            position = position_of(step) if isinstance(base, (list, tuple)) else None
            base = base[step if position is None else position]
        except (LookupError, TypeError):
            keys = [str(key) for key in base] if isinstance(base, dict) else []
            raise UnknownReference(token, path, suggest(step, keys)) from None
    return base


def shown(values: Any, text: str, environment: Mapping[str, str]) -> Any:
    """Return values as they may be written: what the environment alone knows becomes its reference again."""
    secrets = secret_values(text, environment)
    return hide(values, secrets) if secrets else values


def secret_values(text: str, environment: Mapping[str, str]) -> dict[str, str]:
    """The values, longest first, and the references without default by which the text took them in.

    >>> secret_values("a = '{{$TOKEN}}'; n = {{'$N:4'}}", {"TOKEN": "s3cret", "N": "8"})
    {'s3cret': '{{$TOKEN}}'}
    """
    names = (
        {found["name"] for found in ENVIRONMENT.finditer(text) if not found["default"]} if "$" in text else ()
    )
    values = {environment[name]: f"{{{{${name}}}}}" for name in names if environment.get(name)}
    return dict(sorted(values.items(), key=lambda item: -len(item[0])))


def hide(value: Any, secrets: Mapping[str, str]) -> Any:
    """The value with the references in the place of what they stand for; a short one only where it is all of a text."""
    if isinstance(value, str):
        for secret, reference in secrets.items():
            if value == secret or len(secret) >= SHORT:
                value = value.replace(secret, reference)
        return value
    if isinstance(value, dict):
        return {key: hide(part, secrets) for key, part in dict.items(value)}
    if type(value) in (list, tuple, set, frozenset):
        return type(value)(hide(part, secrets) for part in value)
    return value
