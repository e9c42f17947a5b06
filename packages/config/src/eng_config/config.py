"""Config: the settings of one run, read from a file, changed by overrides, written back."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from sys import _getframe
from typing import Any, Self

from .bases import is_remote
from .dump import python_text
from .errors import (
    ConfigFormatError,
    ConfigKeyError,
    ConfigSyntaxError,
    ConfigTypeError,
    UntrustedConfigError,
)
from .formats import write_data
from .imports import import_custom_modules as import_listed
from .lazy_file import read_lazy_file
from .node import METHODS, ConfigDict, attach, duplicate, plain, settle
from .origin import Origin, caller_origin, split_path
from .overrides import Overrides, apply_overrides
from .reading import Reading, parse_python
from .style import is_import_style
from .text_file import SUFFIXES, read_text_file

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
        "_text",
        "_trusted",
    )

    _cfg_dict: ConfigDict
    _env_variables: dict[str, str]
    _filename: str | None
    _format_python_code: bool
    _imported: dict[str, Any]
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
            cfg_text = Path(filename).read_text(encoding="utf-8") if filename is not None else ""
        self.__setstate__(
            {
                "_cfg_dict": cfg_dict if isinstance(cfg_dict, ConfigDict) else ConfigDict(cfg_dict or {}),
                "_env_variables": dict(env_variables or {}),
                "_filename": os.fspath(filename) if filename is not None else None,
                "_format_python_code": format_python_code,
                "_imported": {},
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
        )
        cfg = read(file, suffix, reading.text(file), reading, import_custom_modules)
        object.__setattr__(cfg, "_filename", file)
        object.__setattr__(cfg, "_format_python_code", format_python_code)
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
        reading = Reading(trusted=trusted, root=None if trusted else os.getcwd())
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
        return python_text(self._cfg_dict, formatted=self._format_python_code)

    def __repr__(self) -> str:
        return f"Config (path: {self._filename}): {dict.__repr__(self._cfg_dict)}"

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
        return {name: getattr(self, name) for name in STATE}

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

    def merge_from_dict(self, options: Mapping[str, Any], allow_list_keys: bool = True) -> None:
        """Put values in by key path, all or none: `{"model.depth": 50, "pipeline.0.size": 224}`.

        Digits are positions in lists that are there, unless `allow_list_keys=False`. A dictionary is merged into
        the dictionary that is there. Raises `ConfigKeyError` for a position that is not there and `ConfigTypeError`
        for a path through a value that has nothing inside.
        """
        origin = options.origin if isinstance(options, Overrides) else caller_origin(_getframe(1))
        apply_overrides(self._cfg_dict, options, origin, lists=allow_list_keys)
        self._settle()

    # Origins

    def origin(self, path: str) -> Origin | None:
        """Where the value at a key path was set last; None when nothing is known, as for settings made by code."""
        chain = self.origins(path)
        return chain[-1] if chain else None

    def origins(self, path: str) -> tuple[Origin, ...]:
        """Everything that set the value at a key path, first to last: bases, the file, the command line, code."""
        value: Any = self._cfg_dict
        chain: tuple[Origin, ...] = ()
        for step in split_path(path):
            value, chain = step_down(value, step, chain)
        return chain

    # Writing

    def to_dict(self, keep_imported: bool = False) -> dict[str, Any]:
        """Nested plain dictionaries, objects imported on demand as dotted names; imported names only when asked."""
        return {**(plain(self._imported) if keep_imported else {}), **plain(self._cfg_dict)}

    def _to_lazy_dict(self, keep_imported: bool = False) -> dict[str, Any]:
        return {**(self._imported if keep_imported else {}), **plain(self._cfg_dict, keep_lazy=True)}

    def dump(self, file: str | Path | None = None) -> str | None:
        """The settings as text in the format of the file they were read from, or written to `file` in its format.

        >>> Config(dict(a=1, b=2)).dump()
        'a = 1\nb = 2\n'
        """
        suffix = os.path.splitext(os.fspath(file if file is not None else self._filename or ".py"))[1].lower()
        if suffix not in SUFFIXES:
            raise ConfigFormatError(f"`{file}` is of no known format; end it in one of {', '.join(SUFFIXES)}")
        text = self.pretty_text if suffix == ".py" else write_data(self.to_dict(), suffix)
        if file is None:
            return text
        with open(file, "w", encoding="utf-8") as stream:
            stream.write(text)
        return None


STATE = tuple(name for name in Config.__slots__ if name[:2] != "__")
OWN_NAMES = frozenset(name for name in dir(Config) if name[:2] != "__")
DECISIVE = re.compile(r"^[ \t]*(?:from|import|with)\b", re.MULTILINE)


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
    if DECISIVE.search(text) is None:
        return False
    try:
        return is_import_style(parse_python(text, file), file)
    except ConfigSyntaxError:  # `{{ ... }}` may stand where Python cannot read it
        return False


def step_down(value: Any, step: str, chain: tuple[Origin, ...]) -> tuple[Any, tuple[Origin, ...]]:
    """The value one step further down a path, and what set it."""
    if isinstance(value, dict):
        key: Any = int(step) if step not in value and step.isdigit() and int(step) in value else step
        if key not in value:
            return None, ()
        place = value._place if isinstance(value, ConfigDict) else None
        return dict.get(value, key), place.chain(key) if place is not None else chain
    if isinstance(value, (list, tuple)) and step.isdigit() and int(step) < len(value):
        inner = value[int(step)]
        place = inner._place if isinstance(inner, ConfigDict) else None
        return inner, place.chain() if place is not None else deeper(chain, step)
    return None, ()


def deeper(chain: tuple[Origin, ...], step: str) -> tuple[Origin, ...]:
    return chain
