"""Config: the settings of one run, read from a file, changed by overrides, written back."""

from __future__ import annotations

import os
import sys
import warnings
from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Iterator, Mapping
from sys import _getframe
from typing import TYPE_CHECKING, Any, Self

from .analysis.derived import derived_from, meets, read_of, sources_of
from .analysis.explain import history
from .analysis.style import is_import_style, may_be_import_style
from .analysis.syntax import parse_python
from .argument_parser import add_options
from .bounds import Budget
from .diff import difference
from .dump import python_text
from .errors import (
    ConfigError,
    ConfigFormatError,
    ConfigKeyError,
    ConfigSyntaxError,
    ConfigTypeError,
    ConfigValueError,
    DerivedValuesWarning,
    MissingKeyError,
    UntrustedConfigError,
)
from .formats import write_data
from .node import METHODS, ConfigDict, attach, chain_at, duplicate, missing, plain, settle, step_into
from .origin import Origin, caller_origin, spell_path, split_path
from .overrides import Overrides, apply_overrides, check_options
from .reading.bases import is_remote
from .reading.import_file import read_lazy_file
from .reading.imports import import_custom_modules as import_listed
from .reading.source import Reading
from .reading.text_file import SUFFIXES, read_text_file
from .secrets import hide, secret_values

if TYPE_CHECKING:
    from pathlib import Path

    from .part import Finder, Part

__all__ = ["RESERVED_KEYS", "Config"]

RESERVED_KEYS = ("filename", "text", "pretty_text", "env_variables")


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

    __slots__ = (
        "__dict__",
        "__weakref__",
        "_cfg_dict",
        "_env_variables",
        "_filename",
        "_format_python_code",
        "_imported",
        "_merged",
        "_reading",
        "_text",
        "_trusted",
    )

    _cfg_dict: ConfigDict
    _env_variables: dict[str, str]
    _filename: str | None
    _format_python_code: bool
    _imported: dict[str, Any]
    #: everything that was merged in so far, by key path
    _merged: dict[str, Any]
    #: how the file was read, None for settings that are of no file
    _reading: Reading | None
    _text: str
    _trusted: bool

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
        for key in RESERVED_KEYS:
            if cfg_dict and key in cfg_dict:
                raise ConfigKeyError(
                    f"`{key}` is reserved for the configuration itself; give the setting another name",
                    path=key,
                )
        if cfg_text is None:
            cfg_text = Reading().text(os.fspath(filename)) if filename is not None else ""
        self.__setstate__(
            {
                "_cfg_dict": cfg_dict if isinstance(cfg_dict, ConfigDict) else ConfigDict(cfg_dict or {}),
                "_env_variables": dict(env_variables or {}),
                "_filename": os.fspath(filename) if filename is not None else None,
                "_format_python_code": format_python_code,
                "_imported": {},
                "_merged": {},
                "_reading": None,
                "_text": cfg_text,
                "_trusted": True,
            }
        )

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
        cfg = read(file, suffix, reading.text(file), reading, import_custom_modules)
        object.__setattr__(cfg, "_filename", file)
        object.__setattr__(cfg, "_format_python_code", format_python_code)
        object.__setattr__(cfg, "_reading", reading)
        return cfg

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
        return read("<string>", file_format, cfg_str, reading, import_custom_modules=True)

    # Identity

    @property
    def filename(self) -> str | None:
        """The file that the settings were read from."""
        return self._filename

    @property
    def text(self) -> str:
        """The raw text of every file that was read, each after a line with its name, bases first."""
        return self._text

    @property
    def env_variables(self) -> dict[str, str]:
        """The environment variables that were put in, and their values."""
        return self._env_variables

    @property
    def trusted(self) -> bool:
        """Whether the settings may name any code: those of a trusted Python file, or made by code."""
        return self._trusted

    @property
    def pretty_text(self) -> str:
        """Python source of the settings, keys sorted; it loads as an equal configuration."""
        return python_text(self._shown(plain(self._cfg_dict)), formatted=self._format_python_code)

    def __repr__(self) -> str:
        return f"Config (path: {self._filename}): {dict.__repr__(self._shown(self._cfg_dict))}"

    def _shown(self, values: dict[Any, Any]) -> dict[Any, Any]:
        """The values as they may be written: what the environment alone knows stays a reference."""
        secrets = secret_values(self._text, self._env_variables)
        return hide(values, secrets) if secrets else values

    # As a mapping

    def __getattr__(self, name: str) -> Any:
        if name[:2] == "__":  # protocols that ask for their method: not a key
            raise AttributeError(name)
        if name in METHODS and not name.startswith("_"):
            return getattr(self._cfg_dict, name)
        if name in self._imported and name not in self._cfg_dict:
            return self._imported[name]
        return self._cfg_dict[name]

    def __getitem__(self, name: str) -> Any:
        return self._cfg_dict[name]

    def __setattr__(self, name: str, value: Any) -> None:
        if name in STATE:
            object.__setattr__(self, name, value)
        else:
            self[name] = value

    def __setitem__(self, name: str, value: Any) -> None:
        self._cfg_dict[name] = value
        self._settle()

    def __delattr__(self, name: str) -> None:
        delattr(self._cfg_dict, name)

    def __delitem__(self, name: str) -> None:
        del self._cfg_dict[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._cfg_dict)

    def __len__(self) -> int:
        return len(self._cfg_dict)

    def __contains__(self, name: object) -> bool:
        return name in self._cfg_dict

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Config):
            return self._cfg_dict == other._cfg_dict
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]  # settings change

    def keys(self) -> Any:
        """The top-level keys."""
        return self._cfg_dict.keys()

    # Copies

    def __getstate__(self) -> dict[str, Any]:
        state = {name: getattr(self, name) for name in STATE}
        if self._reading is not None:  # what fetches a file belongs to this process
            state["_reading"] = self._reading._replace(fetch=None)
        return state

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        for name in STATE:
            object.__setattr__(self, name, state[name])
        self._settle()

    def __copy__(self) -> Self:
        made = object.__new__(type(self))
        made.__setstate__({**self.__getstate__(), "_cfg_dict": self._cfg_dict.copy()})
        return made

    def copy(self) -> Self:
        """A new Config whose top-level values are shared."""
        return self.__copy__()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        made = object.__new__(type(self))
        memo[id(self)] = made
        made.__setstate__({name: duplicate(part, memo) for name, part in self.__getstate__().items()})
        return made

    def _settle(self) -> None:
        """Read attributes from the node directly, unless a key has the name of a method."""
        node = self._cfg_dict
        direct = node.__dict__ is node and OWN_NAMES.isdisjoint(dict.keys(node))
        object.__setattr__(self, "__dict__", node if direct else {})

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
        if recompute and options:
            values, state = self._recomputed(options)
            apply_overrides(values, options, origin, lists=allow_list_keys)
            for name, part in {**state, "_cfg_dict": values}.items():
                object.__setattr__(self, name, part)
        else:
            apply_overrides(self._cfg_dict, options, origin, lists=allow_list_keys)
            for text in left_behind(self._cfg_dict, options):
                warnings.warn(text, DerivedValuesWarning, stacklevel=2)
        self._merged.update(options)
        self._settle()

    def _recomputed(self, options: Mapping[str, Any]) -> tuple[ConfigDict, dict[str, Any]]:
        """The values of the file, evaluated with the options, and how that was done."""
        if self._reading is None or self._filename is None:
            raise ConfigValueError(
                "only what was read from a file can be evaluated again; leave `recompute` out"
            )
        file, suffix = self._filename, os.path.splitext(self._filename)[1].lower()

        def evaluated(reading: Reading) -> Config:
            cfg = read(file, suffix, reading.text(file), reading, import_custom_modules=False)
            apply_overrides(cfg._cfg_dict, self._merged, self._known_origin, lists=True)
            return cfg

        if evaluated(self._reading._replace(budget=Budget()))._cfg_dict != self._cfg_dict:
            raise ConfigValueError(
                "the configuration or its file was changed since it was read, and evaluating it again would lose that; "
                "override right after reading",
                origin=Origin(file, 1),
            )
        reading = self._reading._replace(overrides={**self._reading.overrides, **options}, budget=Budget())
        again = evaluated(reading)
        return again._cfg_dict, {"_imported": again._imported, "_reading": reading}

    def _known_origin(self, path: str) -> Origin:
        return self.origin(path) or Origin("<unknown>", 0, path, "code")

    @staticmethod
    def auto_argparser(description: str | None = None) -> tuple[ArgumentParser, Config]:
        """A parser with an option for every value of the file that is named on the command line, and its values.

        The options that were given are for `merge_from_dict`: `cfg.merge_from_dict(vars(parser.parse_args()))` after
        taking out `config`.
        """
        parser = ArgumentParser(description=description)
        parser.add_argument("config", help="a configuration file")
        file = parser.parse_known_args([part for part in sys.argv[1:] if part not in ("-h", "--help")])[
            0
        ].config
        cfg = Config.fromfile(file)
        add_options(parser, cfg.to_dict())
        return parser, cfg

    # Origins

    def origin(self, path: str) -> Origin | None:
        """Where the value at a key path was set last; None when nothing is known, as for settings made by code."""
        chain = self.origins(path)
        return chain[-1] if chain else None

    def explain(self, path: str) -> str:
        """In words: the value at a key path, and every file and line that set it, first to last.

        >>> print(Config.fromstring("optimizer = dict(type='SGD', lr=0.1)", ".py").explain("optimizer.lr"))
        optimizer.lr = 0.1
          <string>:1
        """
        steps = split_path(path)
        value = self._at(steps)
        sources = []
        for source in sources_of(self._cfg_dict, steps):
            origins = chain_at(self._cfg_dict, source)
            if origins:
                name = spell_path(source)
                sources.append((name, self._shown({name: self._at(source)})[name], origins[-1]))
        return history(path, self._shown({path: value})[path], self.origins(path), sources)

    def _at(self, steps: Iterable[Any]) -> Any:
        """The value at a path; `MissingKeyError` where there is none."""
        value: Any = self._cfg_dict
        done: tuple[Any, ...] = ()
        for step in steps:
            try:
                key, value = step_into(value, step)
            except KeyError:
                if isinstance(value, ConfigDict):
                    raise missing(value, step) from None
                what = f"no key `{step}`; `{spell_path(done)}` is {value!r:.60}, with nothing inside"
                if isinstance(value, (list, tuple)):
                    range_of = f", from 0 to {len(value) - 1}" if value else ""
                    what = f"no position `{step}`; there are {len(value)}{range_of}"
                chain = chain_at(self._cfg_dict, done)
                raise MissingKeyError(
                    what, path=spell_path(done), origin=chain[-1] if chain else None
                ) from None
            done = (*done, key)
        return value

    def origins(self, path: str) -> tuple[Origin, ...]:
        """Everything that set the value at a key path, first to last: bases, the file, the command line, code."""
        return chain_at(self._cfg_dict, split_path(path))

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

        return find_problems(self._cfg_dict, registries, keys)

    # Writing

    def to_dict(self, keep_imported: bool = False) -> dict[str, Any]:
        """Nested plain dictionaries, objects imported on demand as dotted names; imported names only when asked."""
        return {**(plain(self._imported) if keep_imported else {}), **plain(self._cfg_dict)}

    def _to_lazy_dict(self, keep_imported: bool = False) -> dict[str, Any]:
        return {**(self._imported if keep_imported else {}), **plain(self._cfg_dict, keep_lazy=True)}

    def dump(self, file: str | Path | None = None) -> str | None:
        """The settings as text in the format of the file they were read from, or written to `file` in its format.

        >>> print(Config(dict(a=1, b=2)).dump(), end="")
        a = 1
        b = 2
        """
        suffix = os.path.splitext(file if file is not None else self._filename or "config.py")[1].lower()
        if suffix not in SUFFIXES:
            raise ConfigFormatError(f"`{file}` is of no known format; end it in one of {', '.join(SUFFIXES)}")
        text = self._text_in(suffix)
        if file is None:
            return text
        with open(file, "w", encoding="utf-8") as stream:
            stream.write(text)
        return None

    def _text_in(self, suffix: str) -> str:
        return self.pretty_text if suffix == ".py" else write_data(self._shown(self.to_dict()), suffix)

    @staticmethod
    def diff(cfg1: str | Path | Config, cfg2: str | Path | Config) -> str:
        """What differs between two configurations or files, as a unified diff of their pretty texts, "" for nothing."""
        old, new = (cfg if isinstance(cfg, Config) else Config.fromfile(cfg) for cfg in (cfg1, cfg2))
        return difference(old.pretty_text, new.pretty_text, old.filename or "", new.filename or "")


STATE = tuple(name for name in Config.__slots__ if name[:2] != "__")
OWN_NAMES = frozenset(name for name in dir(Config) if name[:2] != "__")


def read(file: str, suffix: str, text: str, reading: Reading, import_custom_modules: bool) -> Config:
    """The configuration of a text, by the reader of its style."""
    cfg = Config()
    imported: dict[str, Any] = {}
    environment: dict[str, str] = {}
    if suffix == ".py" and is_import_text(text, file, reading.style):
        lazy_file = read_lazy_file(file, reading, text=text)
        values, layer, whole, imported = ConfigDict(), lazy_file.layer, lazy_file.text, lazy_file.imported
        dict.update(values, lazy_file.values)
        settle(values)
    else:
        text_file = read_text_file(file, reading, text=text, suffix=suffix)
        values, layer, whole, environment = (
            text_file.values,
            text_file.layer,
            text_file.text,
            text_file.environment,
        )
        listed = dict.get(values, "custom_imports")
        if import_custom_modules and listed:
            origin = layer.chain(("custom_imports",))[-1]
            if not reading.trusted:
                raise UntrustedConfigError(
                    "imports run code, and the file is not trusted; read it with `trust=True` if it is yours",
                    path="custom_imports",
                    origin=origin,
                )
            import_listed(listed, origin)
    for key in RESERVED_KEYS:
        if key in values:
            raise ConfigKeyError(
                f"`{key}` is reserved for the configuration itself; give the setting another name",
                path=key,
                origin=layer.chain((key,))[-1],
            )
    attach(values, layer, ())
    cfg.__setstate__(
        {
            **cfg.__getstate__(),
            "_cfg_dict": values,
            "_env_variables": environment,
            "_imported": imported,
            "_text": whole,
            "_trusted": reading.trusted,
        }
    )
    return cfg


def is_import_text(text: str, file: str, style: str | None) -> bool:
    """Whether a Python text is in the import style; most can be told without parsing them."""
    if style is not None:
        return style == "import"
    if not may_be_import_style(text):
        return False
    try:
        return is_import_style(parse_python(text, file), file)
    except ConfigSyntaxError:  # `{{ ... }}` may stand where Python cannot read it
        return False


def left_behind(root: ConfigDict, options: Mapping[str, Any]) -> Iterator[str]:
    """What to say of each option that other values, not overridden themselves, were computed from."""
    read = read_of(root, {path.partition(".")[0] for path in options})
    for path in options:
        if path.partition(".")[0] not in read:
            continue
        behind = [
            derived
            for derived in derived_from(root, split_path(path))
            if not any(meets(derived.path, split_path(other)) for other in options)
            and chain_at(root, derived.path)
        ]
        if behind:
            yield (
                f"`{path}` is overridden, but {', '.join(map(str, behind))} was computed from it before and stays; "
                "override that too, or merge with `recompute=True`"
            )
