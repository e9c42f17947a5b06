"""Config: the settings of one run, read from a file, changed by overrides, written back."""

from __future__ import annotations

import os
import sys
import warnings
from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Iterator, Mapping
from sys import _getframe
from typing import TYPE_CHECKING, Any, Self

from .analysis.derived import left_behind
from .analysis.explain import explain
from .bounds import Budget
from .dump import difference, text_of
from .errors import (
    ConfigError,
    ConfigFormatError,
    ConfigTypeError,
    DerivedValuesWarning,
)
from .node import METHODS, ConfigDict, duplicate, plain
from .origin import Origin, Trace, caller_origin, split_path
from .overrides import Overrides, apply_overrides, check_options
from .paths import chain_at, trace_of
from .reading.bases import is_remote
from .reading.source import SUFFIXES, Reading
from .state import State, check_reserved

if TYPE_CHECKING:
    from pathlib import Path

    from .part import Finder, Part

__all__ = ["Config", "trace"]


class Config:
    """Settings by key, from a file in one of several formats or from a dictionary.

    Items and attributes are those of the `ConfigDict` inside, and so are its methods (`get`, `pop`, `update`, ...).

    >>> cfg = Config(dict(optimizer=dict(type="SGD", lr=0.1)))
    >>> cfg.merge_from_dict({"optimizer.lr": 0.2})
    >>> cfg.optimizer.lr
    0.2
    >>> print(cfg.pretty_text, end="")
    optimizer = dict(lr=0.2, type='SGD')
    """

    # `__dict__` is the node itself, so that reading an attribute costs what reading a dictionary costs
    __slots__ = ("__dict__", "__weakref__", "_state")

    _state: State

    def __init__(
        self,
        cfg_dict: Mapping[str, Any] | None = None,
        cfg_text: str | None = None,
        filename: str | Path | None = None,
        env_variables: Mapping[str, str] | None = None,
        format_python_code: bool = True,
    ) -> None:
        if cfg_dict is not None and not isinstance(cfg_dict, dict):
            raise ConfigTypeError(
                f"a configuration is made of a dictionary, not of a {type(cfg_dict).__name__}"
            )
        check_reserved(cfg_dict or ())
        file = os.fspath(filename) if filename is not None else None
        if cfg_text is None:
            cfg_text = Reading(trusted=True).text(file) if file is not None else ""
        node = cfg_dict if isinstance(cfg_dict, ConfigDict) else ConfigDict(cfg_dict or {})
        self._set(State(node, file, cfg_text, dict(env_variables or {}), format_python_code))

    # From files and texts

    @staticmethod
    def fromfile(
        filename: str | Path,
        use_predefined_variables: bool = True,
        import_custom_modules: bool = True,
        use_environment_variables: bool = True,
        lazy_import: bool | None = None,
        format_python_code: bool = True,
        *,
        trust: bool | None = None,
        reader: Callable[[str], str] | None = None,
    ) -> Config:
        """Read a `.py`, `.json`, `.yaml`, `.yml` or `.toml` file and its bases.

        A local Python file that the user names is code, and runs; everything else is data. `trust=False` reads a
        Python file as data too, by the restricted evaluator, and keeps all bases below the folder of the file;
        `trust=True` runs a remote file, and lets data files have Python bases that run and `custom_imports`.
        `reader` gives the text of a URI such as `s3://bucket/cfg.py`. `lazy_import` says which style a Python file
        has, when it is not to be found out.

        Raises `ConfigFileNotFoundError`, `ConfigFormatError`, `ConfigSyntaxError` and other `ConfigError`s, each
        with the file and the line.
        """
        file = os.fspath(filename)
        if not is_remote(file):
            file = os.path.abspath(os.path.expanduser(file))
        suffix = os.path.splitext(file)[1].lower()
        trusted = (suffix == ".py" and not is_remote(file)) if trust is None else trust
        reading = Reading(
            predefined=use_predefined_variables,
            environment=use_environment_variables,
            trusted=trusted,
            root=None if trusted else os.path.dirname(file),
            style=None if lazy_import is None else "import" if lazy_import else "text",
            fetch=reader,
            budget=Budget(),
        )
        text = reading.text(file)
        state = State.read(
            file, suffix, text, reading, imports=import_custom_modules, formatted=format_python_code
        )
        return config_of(state)

    @staticmethod
    def fromstring(cfg_str: str, file_format: str, *, trust: bool | None = None) -> Config:
        """Read a text in one of the formats, named by its suffix; relative bases are those of the current folder.

        >>> Config.fromstring("lr: 1e-3", ".yaml").lr
        0.001
        """
        if file_format not in SUFFIXES:
            raise ConfigFormatError(f"`{file_format}` is no known format; there is: {', '.join(SUFFIXES)}")
        if file_format != ".py" and "dict(" in cfg_str:
            warnings.warn(
                f"the text looks like Python, but it is read as {file_format}", UserWarning, stacklevel=2
            )
        trusted = file_format == ".py" if trust is None else trust
        reading = Reading(trusted=trusted, root=None if trusted else os.getcwd(), budget=Budget())
        return config_of(State.read("<string>", file_format, cfg_str, reading, imports=True))

    # Identity

    @property
    def filename(self) -> str | None:
        """The file that the settings were read from."""
        return self._state.filename

    @property
    def text(self) -> str:
        """The raw text of every file that was read, each after a line with its name, bases first."""
        return self._state.text

    @property
    def env_variables(self) -> dict[str, str]:
        """The environment variables that were put in, and their values."""
        return self._state.env_variables

    @property
    def trusted(self) -> bool:
        """Whether the settings may name any code: those of a trusted Python file, or made by code."""
        return self._state.trusted

    @property
    def pretty_text(self) -> str:
        """Python source of the settings, keys sorted; it loads as an equal configuration."""
        return self._text_in(".py")

    def __repr__(self) -> str:
        return f"Config (path: {self.filename}): {dict.__repr__(self._state.shown(self._state.cfg_dict))}"

    # As a mapping

    def __getattr__(self, name: str) -> Any:
        if name[:2] == "__" or name == "_state":  # protocols that ask for their method, and a copy under way
            raise AttributeError(name)
        state = self._state
        if name in METHODS and not name.startswith("_"):
            return getattr(state.cfg_dict, name)
        if name in STATE:
            return getattr(state, name[1:])
        if name in state.imported and name not in state.cfg_dict:
            return state.imported[name]
        return state.cfg_dict[name]

    def __getitem__(self, name: str) -> Any:
        return self._state.cfg_dict[name]

    def __setattr__(self, name: str, value: Any) -> None:
        if name in STATE:
            self._set(self._state._replace(**{name[1:]: value}))
        else:
            self[name] = value

    def __setitem__(self, name: str, value: Any) -> None:
        self._state.cfg_dict[name] = value
        self._set(self._state)

    def __delattr__(self, name: str) -> None:
        delattr(self._state.cfg_dict, name)

    def __delitem__(self, name: str) -> None:
        del self._state.cfg_dict[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._state.cfg_dict)

    def __len__(self) -> int:
        return len(self._state.cfg_dict)

    def __contains__(self, name: object) -> bool:
        return name in self._state.cfg_dict

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Config):
            return self._state.cfg_dict == other._state.cfg_dict
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]  # settings change

    def keys(self) -> Any:
        """The top-level keys."""
        return self._state.cfg_dict.keys()

    # State and copies

    def _set(self, state: State) -> None:
        """Put a state in force; attributes are read from its node directly, unless a key has the name of a method."""
        node = state.cfg_dict
        direct = node.__dict__ is node and OWN_NAMES.isdisjoint(dict.keys(node))
        set_state(self, state)
        set_attributes(self, node if direct else {})

    def __getstate__(self) -> State:
        state = self._state
        if state.reading is None:
            return state
        return state._replace(reading=state.reading._replace(fetch=None))  # which belongs to this process

    def __setstate__(self, state: State) -> None:
        self._set(state)

    def __copy__(self) -> Self:
        other = object.__new__(type(self))
        other._set(self.__getstate__()._replace(cfg_dict=self._state.cfg_dict.copy()))
        return other

    def copy(self) -> Self:
        """A new Config whose top-level values are shared."""
        return self.__copy__()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        other = object.__new__(type(self))
        memo[id(self)] = other
        other._set(State(*[duplicate(part, memo) for part in self.__getstate__()]))
        return other

    # Changing

    def merge_from_dict(
        self, options: Mapping[str, Any], allow_list_keys: bool = True, *, recompute: bool = False
    ) -> None:
        """Put values in by key path, all or none: `{"model.depth": 50, "pipeline.0.size": 224}`.

        Digits are positions in lists that are there, unless `allow_list_keys=False`. A dictionary is merged into
        the dictionary that is there. Raises `ConfigKeyError` for a position that is not there and `ConfigTypeError`
        for a path through a value that has nothing inside.

        Values that the file computed from an overridden one stay as they are, and a `DerivedValuesWarning` names
        them; with `recompute=True` the file is evaluated again with the new values instead. That needs a
        configuration that was read from a file and not changed by code since.
        """
        origin = options.origin if isinstance(options, Overrides) else caller_origin(_getframe(1))
        check_options(options)
        state = self._state.recomputed(options) if recompute and options else self._state
        apply_overrides(state.cfg_dict, options, origin, lists=allow_list_keys)
        if state is self._state:
            for text in left_behind(state.cfg_dict, options):
                warnings.warn(text, DerivedValuesWarning, stacklevel=2)
        self._set(state._replace(merged={**state.merged, **options}))

    @staticmethod
    def auto_argparser(description: str | None = None) -> tuple[ArgumentParser, Config]:
        """A parser with an option for every value of the file that is named on the command line, and its values.

        The options that were given are for `merge_from_dict`: `cfg.merge_from_dict(vars(parser.parse_args()))` after
        taking out `config`.
        """
        from .arguments import add_options

        parser = ArgumentParser(description=description)
        parser.add_argument("config", help="a configuration file")
        given = [part for part in sys.argv[1:] if part not in ("-h", "--help")]
        cfg = Config.fromfile(parser.parse_known_args(given)[0].config)
        add_options(parser, cfg.to_dict())
        return parser, cfg

    # Origins

    def origin(self, path: str) -> Origin | None:
        """Where the value at a key path was set last; None when nothing is known, as for settings made by code."""
        chain = self.origins(path)
        return chain[-1] if chain else None

    def origins(self, path: str) -> tuple[Origin, ...]:
        """Everything that set the value at a key path, first to last: bases, the file, the command line, code."""
        return chain_at(self._state.cfg_dict, split_path(path))

    def explain(self, path: str) -> str:
        """In words: the value at a key path, and every file and line that set it, first to last.

        >>> print(Config.fromstring("optimizer = dict(type='SGD', lr=0.1)", ".py").explain("optimizer.lr"))
        optimizer.lr = 0.1
          <string>:1
        """
        return explain(self._state.cfg_dict, path, self._state.shown)

    def check(
        self,
        registries: Mapping[str, Part | Finder | Mapping[str, Any]],
        *,
        keys: Iterable[str] | None = None,
    ) -> tuple[ConfigError, ...]:
        """Every problem that can be known before anything is built; empty when there is none. Nothing is raised.

        Unknown types, unknown and missing arguments (through `**kwargs` and base classes), literals that do not
        suit an annotation, and, given the known top-level `keys`, keys that look like one of them. `registries` says
        who knows the names at which key paths: patterns as in `fnmatch`, without the positions in lists; the most
        literal one wins. A typed dictionary that no pattern names belongs to the registry of what it is inside of.

        >>> cfg = Config(dict(model=dict(type="Rang", start=0)))
        >>> for problem in cfg.check({"model": {"Range": range}}):
        ...     print(problem)
        model.type: there is no `Rang` (did you mean `Range`?); there is: Range; write one of these
        """
        from .check import find_problems  # `inspect` and `typing` take longer to import than all of this

        return find_problems(self._state.cfg_dict, registries, keys)

    # Writing

    def to_dict(self, keep_imported: bool = False) -> dict[str, Any]:
        """Nested plain dictionaries, objects imported on demand as dotted names; imported names only when asked."""
        return {**(plain(dict(self._state.imported)) if keep_imported else {}), **plain(self._state.cfg_dict)}

    def _to_lazy_dict(self, keep_imported: bool = False) -> dict[str, Any]:
        return {
            **(self._state.imported if keep_imported else {}),
            **plain(self._state.cfg_dict, keep_lazy=True),
        }

    def dump(self, file: str | Path | None = None) -> str | None:
        """The settings as text in the format of the file they were read from, or written to `file` in its format.

        >>> print(Config(dict(a=1, b=2)).dump(), end="")
        a = 1
        b = 2
        """
        suffix = os.path.splitext(file if file is not None else self.filename or "config.py")[1].lower()
        if suffix not in SUFFIXES:
            raise ConfigFormatError(f"`{file}` is of no known format; end it in one of {', '.join(SUFFIXES)}")
        text = self._text_in(suffix)
        if file is None:
            return text
        with open(file, "w", encoding="utf-8") as stream:
            stream.write(text)
        return None

    def _text_in(self, suffix: str) -> str:
        state = self._state
        return text_of(state.shown(plain(state.cfg_dict)), suffix, formatted=state.format_python_code)

    @staticmethod
    def diff(cfg1: str | Path | Config, cfg2: str | Path | Config) -> str:
        """What differs between two configurations or files, as a unified diff of their pretty texts, "" for nothing."""
        old, new = (cfg if isinstance(cfg, Config) else Config.fromfile(cfg) for cfg in (cfg1, cfg2))
        return difference(old.pretty_text, new.pretty_text, old.filename or "", new.filename or "")


# `__setattr__` sets keys; these set the slots
set_state: Callable[[Config, State], None] = Config.__dict__["_state"].__set__
set_attributes: Callable[[Config, dict[str, Any]], None] = Config.__dict__["__dict__"].__set__
STATE = frozenset(f"_{name}" for name in State._fields)
OWN_NAMES = frozenset(name for name in dir(Config) if name[:2] != "__") | STATE


def config_of(state: State) -> Config:
    cfg = Config()
    cfg._set(state)
    return cfg


def trace(cfg: Config) -> Trace | None:
    """Return what knows where the settings are written; None for settings that are of no file."""
    return trace_of(cfg._state.cfg_dict)
