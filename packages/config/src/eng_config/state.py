"""What a `Config` is made of: reading it from a file of any style, and evaluating the file again under overrides."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from .analysis.layer import Content, Layer
from .analysis.parse import PythonText
from .bounds import Budget, too_deep
from .errors import ConfigKeyError, ConfigSyntaxError, ConfigValueError, UntrustedConfigError
from .node import ConfigDict, attach
from .origin import Origin, split_path
from .overrides import apply_overrides
from .paths import chain_at
from .reading.import_file import read_import_file
from .reading.imports import import_custom_modules
from .reading.source import Reading
from .reading.text_file import read_text_file
from .substitute import shown

__all__ = ["State", "check_reserved"]

RESERVED_KEYS = ("filename", "text", "pretty_text", "env_variables")


class State(NamedTuple):
    """What a `Config` has; its users may read these with an underscore in front, as with MMEngine (`cfg._cfg_dict`)."""

    cfg_dict: ConfigDict
    filename: str | None
    text: str
    env_variables: dict[str, str]
    format_python_code: bool = True
    #: what the file only imported
    imported: Mapping[str, Any] = {}
    #: everything that was merged in so far, by key path
    merged: Mapping[str, Any] = {}
    #: how the file was read, None for settings that are of no file
    reading: Reading | None = None
    trusted: bool = True

    @staticmethod
    def read(
        file: str, suffix: str, text: str, reading: Reading, *, imports: bool, formatted: bool = True
    ) -> State:
        """Return the state of a file; `imports` runs its `custom_imports`, `formatted` is for its pretty text."""
        content = read_file(file, suffix, text, reading)
        listed = dict.get(content.values, "custom_imports") if content.layer.imported is None else None
        if imports and listed:
            origin = content.layer.chain(("custom_imports",))[-1]
            if not reading.trusted:
                raise UntrustedConfigError(
                    "imports run code, and the file is not trusted; read it with `trust=True` if it is yours",
                    origin=origin,
                )
            import_custom_modules(listed, origin)
        return State(
            content.values,
            None if file == "<string>" else file,
            content.text,
            dict(content.environment),
            formatted,
            content.imported,
            reading=None if file == "<string>" else reading,
            trusted=reading.trusted,
        )

    def shown(self, values: Any) -> Any:
        """Return values as they may be written: what the environment alone knows becomes its reference again."""
        return shown(values, self.text, self.env_variables)

    def recomputed(self, options: Mapping[str, Any]) -> State:
        """Return the state with the values of the file evaluated under the options.

        Raises `ConfigValueError` where that would lose what code has changed since the file was read.
        """
        if self.reading is None or self.filename is None:
            raise ConfigValueError(
                "only what was read from a file can be evaluated again; leave `recompute` out"
            )
        if self._evaluated(self.filename, self.reading).values != self.cfg_dict:
            raise ConfigValueError(
                "the configuration or its file was changed since it was read, and evaluating it again would lose that; "
                "override right after reading",
                origin=Origin(self.filename, 1),
            )
        new = self.reading._replace(overrides={**self.reading.overrides, **options})
        content = self._evaluated(self.filename, new)
        return self._replace(cfg_dict=content.values, imported=content.imported, reading=new)

    def _evaluated(self, file: str, reading: Reading) -> Content:
        """The content of the file with everything that was merged in before."""
        suffix = os.path.splitext(file)[1].lower()
        reading = reading._replace(budget=Budget())
        content = read_file(file, suffix, reading.text(file), reading)
        apply_overrides(content.values, self.merged, self._known_origin, lists=True)
        return content

    def _known_origin(self, path: str) -> Origin:
        chain = chain_at(self.cfg_dict, split_path(path))
        return chain[-1] if chain else Origin("<unknown>", 0, path, "code")


def read_file(file: str, suffix: str, text: str, reading: Reading) -> Content:
    """Return what a text and its bases give, every node with its origin."""
    try:
        if suffix == ".py" and is_import_style(text, file, reading.style):
            content = read_import_file(PythonText(text, file), reading)
        else:
            content = read_text_file(file, reading, text=text, suffix=suffix)
    except RecursionError:  # of a trusted file, which is not weighed
        raise too_deep(Origin(file, 1)) from None
    check_reserved(content.values, content.layer)
    attach(content.values, content.layer, ())
    return content


def check_reserved(keys: Iterable[Any], layer: Layer | None = None) -> None:
    """Raise `ConfigKeyError` for keys that are attributes of a `Config` itself."""
    for key in RESERVED_KEYS:
        if key in keys:
            raise ConfigKeyError(
                f"`{key}` is reserved for the configuration itself; give the setting another name",
                path=key,
                origin=layer.chain((key,))[-1] if layer is not None else None,
            )


def is_import_style(text: str, file: str, style: str | None) -> bool:
    if style is not None:
        return style == "import"
    try:
        return PythonText(text, file).is_import_style()
    except ConfigSyntaxError:  # `{{ ... }}` may stand where Python cannot read it
        return False
