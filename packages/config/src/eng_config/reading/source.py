"""What the readers of both styles share: how files are opened, executed and blamed."""

from __future__ import annotations

import ast
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple

from ..analysis.parse import BASE, invalid_python
from ..bounds import MAX_BYTES, Budget
from ..errors import (
    ConfigError,
    ConfigEvaluationError,
    ConfigFileNotFoundError,
    ConfigParsingError,
    ConfigSyntaxError,
    suggest,
)
from ..origin import Origin
from ..paths import overlay
from .bases import is_remote

__all__ = ["SUFFIXES", "Reading", "blaming", "compiled", "execute", "names_beside", "settings"]

SUFFIXES = (".py", ".json", ".toml", ".yaml", ".yml")


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
            text = self.fetch(file)
            self.take(file, len(text), origin)
            return text.removeprefix("\ufeff")
        try:
            found = os.stat(file)
            if stat.S_ISREG(found.st_mode):
                self.take(file, found.st_size, origin)
                with open(file, encoding="utf-8") as stream:
                    text = stream.read() if self.trusted else stream.read(MAX_BYTES)
                return text.removeprefix("\ufeff")
        except ConfigError:
            raise
        except UnicodeDecodeError as error:
            raise ConfigSyntaxError(f"this is not UTF-8 text: {error}", origin=Origin(file, 1)) from error
        except (OSError, ValueError) as error:  # ValueError: a name that no file can have
            raise not_read(unreadable(file, error), origin) from error
        raise not_read(not_a_file(file, found.st_mode), origin)

    def take(self, file: str, size: int, origin: Origin | None) -> None:
        """Take a file that is not trusted from the budget."""
        if not self.trusted:
            self.budget.take_file(file, size, origin)

    def enter(self, file: str, chain: tuple[str, ...], path: str, origin: Origin | None) -> tuple[str, ...]:
        """The files that lead to the bases of this one; raises `ConfigParsingError` when it is one of them itself."""
        if file in chain:
            circle = " -> ".join([*chain[chain.index(file) :], file])
            raise ConfigParsingError(
                f"the bases go in a circle: {circle}; take one of them out", path=path, origin=origin
            )
        return (*chain, file)


def not_read(what: str, origin: Origin | None) -> ConfigFileNotFoundError:
    return ConfigFileNotFoundError(what, origin=origin)


def unreadable(file: str, error: Exception) -> str:
    """What to say of a file that cannot be opened."""
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return f"there is no file `{file}`{suggest(os.path.basename(file), names_beside(file))}"
    return f"`{file:.200}` cannot be read: {error}"


def not_a_file(file: str, mode: int) -> str:
    """What to say of a folder, a pipe or a device."""
    if not stat.S_ISDIR(mode):
        return f"`{file}` is a pipe or a device; write what it gives into a file"
    within = [name for name in names_beside(os.path.join(file, "")) if name.endswith(SUFFIXES)]
    return f"`{file}` is a folder; name a file in it, which has {', '.join(within) or 'none'}"


def names_beside(file: str) -> list[str]:
    """The names of the files in the folder that a file would be in."""
    folder = os.path.dirname(file)
    return sorted(os.listdir(folder)) if os.path.isdir(folder) else []


def compiled(program: ast.Module | str, file: str) -> CodeType:
    """Return the code of a text or of a syntax tree; raises `ConfigSyntaxError` with the line."""
    try:
        return compile(program, file, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise invalid_python(error, file) from error


def execute(
    program: ast.Module | str, file: str, names: dict[str, Any], overrides: Mapping[str, Any] = {}
) -> None:
    """Execute a trusted file; under overrides in pieces, each followed by the overrides.

    Raises `ConfigEvaluationError` with the line for whatever the file raises.
    """
    whole = compiled(
        program, file
    )  # also where it runs in pieces: what cannot be compiled does not run at all
    with blaming(file, names):
        if isinstance(program, str) or not overrides:
            exec(whole, names)
            return
        for statement in program.body:
            exec(compiled(ast.Module([statement], []), file), names)
            overlay(names, overrides)


@contextmanager
def blaming(file: str, names: Iterable[str]) -> Iterator[None]:
    """Give errors of the file the line that was running, and the nearest of the names for one that is not there."""
    try:
        yield
    except ConfigError as error:
        error.origin = error.origin or last_line(error, file)
        raise
    except Exception as error:
        near = suggest(error.name or "", names) if isinstance(error, NameError) else ""
        raise ConfigEvaluationError(
            f"the file raised {type(error).__name__}: {error}{near}", origin=last_line(error, file)
        ) from error


def last_line(error: BaseException, file: str) -> Origin:
    """The last line of the file that was running when it raised."""
    line, step = 0, error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename == file:
            line = step.tb_lineno
        step = step.tb_next
    return Origin(file, line)


def settings(names: Mapping[str, Any], *, beside: tuple[type, ...] = ()) -> dict[str, Any]:
    """Return what of the names of an executed file is a setting: not dunders, functions, modules and types `beside`."""
    kinds = (FunctionType, ModuleType, *beside)
    return {
        name: value
        for name, value in names.items()
        if name[:2] != "__" and name != BASE and not isinstance(value, kinds)
    }
