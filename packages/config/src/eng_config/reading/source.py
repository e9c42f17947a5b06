"""What the readers of both styles share: how files are read, parsed as Python, and blamed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from ..errors import ConfigFileNotFoundError, ConfigSyntaxError, nearest
from ..origin import Origin
from .bases import is_remote

__all__ = ["Reading", "last_line", "names_beside", "raised"]


class Reading(NamedTuple):
    """How files are read: what is substituted, whether Python may run, below which folder, in which style."""

    predefined: bool = True
    environment: bool = True
    trusted: bool = False
    root: str | None = None
    style: str | None = None
    fetch: Callable[[str], str] | None = None
    #: values that are put in, by key path, while the files are evaluated
    overrides: Mapping[str, Any] = {}

    def text(self, file: str, origin: Origin | None = None) -> str:
        """The text of a file; `ConfigFileNotFoundError` when there is none."""
        if is_remote(file):
            if self.fetch is None:
                raise ConfigFileNotFoundError(
                    f"`{file}` is not a local file; give a `reader` that fetches it", origin=origin
                )
            return self.fetch(file)
        try:
            with open(file, encoding="utf-8") as stream:
                return stream.read()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            what = f"there is no file `{file}`{nearest(os.path.basename(file), names_beside(file))}"
            if os.path.isdir(file):
                within = [
                    name
                    for name in sorted(os.listdir(file))
                    if name.endswith((".py", ".yaml", ".yml", ".json", ".toml"))
                ]
                what = f"`{file}` is a folder; name a file in it, which has {', '.join(within) or 'none'}"
            raise ConfigFileNotFoundError(
                what,
                path=origin.path if origin is not None else "",
                origin=origin,
            ) from error
        except UnicodeDecodeError as error:
            raise ConfigSyntaxError(f"this is not UTF-8 text: {error}", origin=Origin(file, 1)) from error


def names_beside(file: str) -> list[str]:
    """The names of the files in the folder that a file would be in."""
    folder = os.path.dirname(file)
    return sorted(os.listdir(folder)) if os.path.isdir(folder) else []


def raised(error: Exception, names: Iterable[str]) -> str:
    """What to say of an exception of a file, with the nearest of the names that are there for a wrong one."""
    near = nearest(error.name or "", names) if isinstance(error, NameError) else ""
    return f"the file raised {type(error).__name__}: {error}{near}"


def last_line(error: BaseException, file: str) -> Origin:
    """The last line of the file that was running when it raised."""
    line, step = 0, error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename == file:
            line = step.tb_lineno
        step = step.tb_next
    return Origin(file, line)
