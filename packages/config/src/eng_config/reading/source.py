"""What the readers of both styles share: how files are read, parsed as Python, and blamed."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from ..bounds import MAX_BYTES, Budget
from ..errors import ConfigFileNotFoundError, ConfigSyntaxError
from ..origin import Origin
from ..suggestion import suggest
from .bases import is_remote

__all__ = ["Reading", "last_line", "names_beside", "raised"]


SUFFIXES = (".py", ".yaml", ".yml", ".json", ".toml")


class Reading(NamedTuple):
    """How files are read: what is substituted, whether Python may run, below which folder, in which style."""

    predefined: bool = True
    environment: bool = True
    trusted: bool = False
    root: str | None = None
    style: str | None = None
    fetch: Callable[[str], str] | None = None
    #: what is left for files that are not trusted
    budget: Budget = Budget()
    #: values that are put in, by key path, while the files are evaluated
    overrides: Mapping[str, Any] = {}

    def text(self, file: str, origin: Origin | None = None) -> str:
        """Return the text of a file, which is UTF-8 with or without a byte order mark.

        Raises `ConfigFileNotFoundError` for what is not there or not a file, before it is opened: reading a pipe may
        wait for ever. Raises `UntrustedConfigError` for a file that is not trusted and too large, before it is read.
        """
        if is_remote(file):
            if self.fetch is None:
                raise ConfigFileNotFoundError(
                    f"`{file}` is not a local file; give a `reader` that fetches it", origin=origin
                )
            return self.accepted(file, self.fetch(file).removeprefix("\ufeff"), origin)
        try:
            found = os.stat(file)
        except (OSError, ValueError) as error:
            raise unreadable(file, error, origin) from error
        if not stat.S_ISREG(found.st_mode):
            raise not_a_file(file, found.st_mode, origin)
        if not self.trusted:
            self.budget.take_file(file, found.st_size, origin)
        try:
            with open(file, encoding="utf-8") as stream:
                text = stream.read() if self.trusted else stream.read(MAX_BYTES)
            return text.removeprefix("\ufeff")
        except OSError as error:
            raise unreadable(file, error, origin) from error
        except UnicodeDecodeError as error:
            raise ConfigSyntaxError(f"this is not UTF-8 text: {error}", origin=Origin(file, 1)) from error

    def accepted(self, file: str, text: str, origin: Origin | None) -> str:
        """The text, which is taken from the budget if it is not trusted."""
        if not self.trusted:
            self.budget.take_file(file, len(text), origin)
        return text


def unreadable(file: str, error: Exception, origin: Origin | None) -> ConfigFileNotFoundError:
    """What to say of a file that cannot be opened."""
    what = f"`{file:.200}` cannot be read: {error}"
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        what = f"there is no file `{file}`{suggest(os.path.basename(file), names_beside(file))}"
    return ConfigFileNotFoundError(what, path=origin.path if origin is not None else "", origin=origin)


def not_a_file(file: str, mode: int, origin: Origin | None) -> ConfigFileNotFoundError:
    """What to say of a folder, a pipe or a device."""
    what = f"`{file}` is a pipe or a device; write what it gives into a file"
    if stat.S_ISDIR(mode):
        within = [name for name in names_beside(os.path.join(file, "")) if name.endswith(SUFFIXES)]
        what = f"`{file}` is a folder; name a file in it, which has {', '.join(within) or 'none'}"
    return ConfigFileNotFoundError(what, path=origin.path if origin is not None else "", origin=origin)


def names_beside(file: str) -> list[str]:
    """The names of the files in the folder that a file would be in."""
    folder = os.path.dirname(file)
    return sorted(os.listdir(folder)) if os.path.isdir(folder) else []


def raised(error: Exception, names: Iterable[str]) -> str:
    """What to say of an exception of a file, with the nearest of the names that are there for a wrong one."""
    near = suggest(error.name or "", names) if isinstance(error, NameError) else ""
    return f"the file raised {type(error).__name__}: {error}{near}"


def last_line(error: BaseException, file: str) -> Origin:
    """The last line of the file that was running when it raised."""
    line, step = 0, error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename == file:
            line = step.tb_lineno
        step = step.tb_next
    return Origin(file, line)
