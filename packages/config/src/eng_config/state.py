"""What a `Config` is made of, and evaluating its file again under overrides."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from .bounds import Budget
from .errors import ConfigValueError
from .node import ConfigDict
from .origin import Origin, split_path
from .overrides import apply_overrides
from .paths import chain_at
from .reading.content import Content
from .reading.read import read_file
from .reading.source import Reading
from .secrets import hide, secret_values

__all__ = ["State"]


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

    def shown(self, values: Any) -> Any:
        """Return values as they may be written: what the environment alone knows becomes its reference again."""
        secrets = secret_values(self.text, self.env_variables)
        return hide(values, secrets) if secrets else values

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
        content = read_file(file, suffix, reading.text(file), reading, imports=False)
        apply_overrides(content.values, self.merged, self._known_origin, lists=True)
        return content

    def _known_origin(self, path: str) -> Origin:
        chain = chain_at(self.cfg_dict, split_path(path))
        return chain[-1] if chain else Origin("<unknown>", 0, path, "code")
