"""Objects as text or bytes: JSON, YAML, pickle, and whatever is registered.

`load` treats a file as data: YAML builds plain types only, and a pickle that names anything else than plain
data is refused before a line of it runs, unless the caller says `trust=True`.
"""

from __future__ import annotations

import io
import json
import pickle
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, TypeVar

import yaml

from .backend import BackendArgs
from .errors import UnsafePickleError
from .resolve import get_file_backend

_HandlerType = TypeVar("_HandlerType", bound="type[BaseFileHandler]")


class BaseFileHandler(ABC):
    """Interface of a format: to and from an open file, and to a str or bytes."""

    str_like = True
    """Whether the format is text; False for bytes."""

    @abstractmethod
    def load_from_fileobj(self, file: IO[Any], **kwargs: Any) -> Any:
        """The object that an open file holds."""

    @abstractmethod
    def dump_to_fileobj(self, obj: Any, file: IO[Any], **kwargs: Any) -> None:
        """Write an object to an open file."""

    @abstractmethod
    def dump_to_str(self, obj: Any, **kwargs: Any) -> str | bytes:
        """The object as text, or as bytes when not `str_like`."""

    def load_from_path(self, filepath: str | Path, mode: str = "r", **kwargs: Any) -> Any:
        """The object that a local file holds."""
        with open(filepath, mode) as file:
            return self.load_from_fileobj(file, **kwargs)

    def dump_to_path(self, obj: Any, filepath: str | Path, mode: str = "w", **kwargs: Any) -> None:
        """Write an object to a local file."""
        with open(filepath, mode) as file:
            self.dump_to_fileobj(obj, file, **kwargs)


class JsonHandler(BaseFileHandler):
    """JSON; sets and ranges become lists, arrays and scalars of numpy or torch their plain values."""

    def load_from_fileobj(self, file: IO[Any], **kwargs: Any) -> Any:
        return json.load(file, **kwargs)

    def dump_to_fileobj(self, obj: Any, file: IO[Any], **kwargs: Any) -> None:
        json.dump(obj, file, **{"default": to_json_value, **kwargs})

    def dump_to_str(self, obj: Any, **kwargs: Any) -> str:
        return json.dumps(obj, **{"default": to_json_value, **kwargs})


class YamlHandler(BaseFileHandler):
    """YAML of plain types; a tag that would build a Python object is refused."""

    def load_from_fileobj(self, file: IO[Any], **kwargs: Any) -> Any:
        return yaml.load(file, **{"Loader": _SafeLoader, **kwargs})

    def dump_to_fileobj(self, obj: Any, file: IO[Any], **kwargs: Any) -> None:
        yaml.dump(obj, file, **{"Dumper": _SafeDumper, **kwargs})

    def dump_to_str(self, obj: Any, **kwargs: Any) -> str:
        return str(yaml.dump(obj, **{"Dumper": _SafeDumper, **kwargs}))


class PickleHandler(BaseFileHandler):
    """Pickle; without `trust=True` only plain data and numpy arrays come out."""

    str_like = False

    def load_from_fileobj(self, file: IO[Any], *, trust: bool = False, **kwargs: Any) -> Any:
        unpickler = pickle.Unpickler if trust else PlainUnpickler
        return unpickler(file, **kwargs).load()

    def load_from_path(self, filepath: str | Path, mode: str = "rb", **kwargs: Any) -> Any:
        return super().load_from_path(filepath, mode, **kwargs)

    def dump_to_fileobj(self, obj: Any, file: IO[Any], **kwargs: Any) -> None:
        pickle.dump(obj, file, **{"protocol": 2, **kwargs})

    def dump_to_str(self, obj: Any, **kwargs: Any) -> bytes:
        return pickle.dumps(obj, **{"protocol": 2, **kwargs})

    def dump_to_path(self, obj: Any, filepath: str | Path, mode: str = "wb", **kwargs: Any) -> None:
        super().dump_to_path(obj, filepath, mode, **kwargs)


class PlainUnpickler(pickle.Unpickler):
    """Builds plain data and numpy arrays; the first other global raises `UnsafePickleError` with its name."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _PLAIN_GLOBALS:
            raise UnsafePickleError(f"{module}.{name}")
        return super().find_class(module, name)


_BUILTINS = ("bytearray", "complex", "frozenset", "range", "set", "slice")
_PLAIN_GLOBALS = {
    *((module, name) for module in ("builtins", "__builtin__") for name in (*_BUILTINS, "xrange")),
    ("collections", "OrderedDict"),
    ("_codecs", "encode"),  # how bytes are written by protocols 0 to 2
    ("datetime", "date"),
    ("datetime", "datetime"),
    ("datetime", "timedelta"),
    ("numpy", "dtype"),
    ("numpy", "ndarray"),
    *(
        (f"numpy.{core}.multiarray", name)
        for core in ("core", "_core")
        for name in ("_reconstruct", "scalar")
    ),
    *((f"numpy.{core}.numeric", "_frombuffer") for core in ("core", "_core")),
}


class _SafeLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # chosen at run time
    pass


class _SafeDumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]  # chosen at run time
    pass


def to_json_value(obj: Any) -> Any:
    """Sets, ranges, arrays and array scalars as the JSON value they mean; TypeError for anything else."""
    if isinstance(obj, set | frozenset | range):
        return list(obj)
    if hasattr(obj, "detach"):
        obj = obj.detach()
    if hasattr(obj, "tolist"):
        return obj.tolist()
    raise TypeError(f"{type(obj).__name__} has no JSON form: {obj!r}")


_handlers: dict[str, BaseFileHandler] = {
    "json": JsonHandler(),
    "pickle": PickleHandler(),
    "pkl": PickleHandler(),
    "yaml": YamlHandler(),
    "yml": YamlHandler(),
}


def register_handler(file_formats: str | list[str], **kwargs: Any) -> Callable[[_HandlerType], _HandlerType]:
    """Class decorator: make a format known by its file endings; `kwargs` go to the class.

    Example:
        >>> @register_handler("upper")
        ... class Upper(BaseFileHandler):
        ...     def load_from_fileobj(self, file):
        ...         return file.read().lower()
        ...     def dump_to_fileobj(self, obj, file):
        ...         file.write(self.dump_to_str(obj))
        ...     def dump_to_str(self, obj):
        ...         return obj.upper()
        >>> dump("quiet", file_format="upper")
        'QUIET'
    """
    formats = [file_formats] if isinstance(file_formats, str) else file_formats
    if not all(isinstance(item, str) for item in formats):
        raise TypeError(f"file formats are a str or a list of str, not {file_formats!r}")

    def decorate(cls: _HandlerType) -> _HandlerType:
        handler = cls(**kwargs)
        if not isinstance(handler, BaseFileHandler):
            raise TypeError(f"{cls.__name__} is not a BaseFileHandler")
        _handlers.update(dict.fromkeys(formats, handler))
        return cls

    return decorate


def load(
    file: str | Path | IO[Any],
    file_format: str | None = None,
    file_client_args: BackendArgs = None,
    backend_args: BackendArgs = None,
    *,
    trust: bool = False,
    **kwargs: Any,
) -> Any:
    """The object that a file holds, in the format that its ending names.

    Args:
        file: A path of any backend, or an open file, which then needs `file_format`.
        file_client_args: The older name of `backend_args`.
        trust: Let a pickle build whatever it likes, which is: run whatever it likes.
        kwargs: For the format.

    Raises:
        TypeError: An unknown format, or something that is neither a path nor a file.
        UnsafePickleError: A pickle of more than plain data, without `trust`.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp(), "numbers.json")
        >>> dump({"one": 1}, path)
        >>> load(path)
        {'one': 1}
    """
    backend_args = pick_backend_args(file_client_args, backend_args)
    handler = _handler(_format_of(file, file_format))
    if isinstance(handler, PickleHandler):
        kwargs["trust"] = trust
    if not isinstance(file, str | Path):
        return handler.load_from_fileobj(_readable(file), **kwargs)
    content = get_file_backend(file, backend_args=backend_args).get(file)
    # some programs begin UTF-8 with a mark
    stream = io.TextIOWrapper(io.BytesIO(content), "utf-8-sig") if handler.str_like else io.BytesIO(content)
    try:
        with stream:
            return handler.load_from_fileobj(stream, **kwargs)
    except Exception as error:
        error.add_note(f"while reading {str(file)!r}")
        raise


def dump(
    obj: Any,
    file: str | Path | IO[Any] | None = None,
    file_format: str | None = None,
    file_client_args: BackendArgs = None,
    backend_args: BackendArgs = None,
    **kwargs: Any,
) -> str | bytes | None:
    """Write an object in the format that the file's ending names; without a file, return the str or bytes.

    Args:
        file: A path of any backend (missing directories are made) or an open file.
        kwargs: For the format, such as `indent=2` for JSON.

    Raises:
        ValueError: Neither a file nor a format.
        TypeError: An unknown format, or something that is neither a path nor a file.
    """
    backend_args = pick_backend_args(file_client_args, backend_args)
    if file is None:
        if file_format is None:
            raise ValueError("which format? There is no file whose ending would tell, so give `file_format`")
        return _handler(file_format).dump_to_str(obj, **kwargs)
    handler = _handler(_format_of(file, file_format))
    if not isinstance(file, str | Path):
        handler.dump_to_fileobj(obj, _writable(file), **kwargs)
        return None
    content = handler.dump_to_str(obj, **kwargs)
    backend = get_file_backend(file, backend_args=backend_args)
    backend.put(content.encode() if isinstance(content, str) else content, file)
    return None


def pick_backend_args(file_client_args: BackendArgs, backend_args: BackendArgs) -> BackendArgs:
    """The one that was given; ValueError for both."""
    if file_client_args is not None and backend_args is not None:
        raise ValueError("`file_client_args` is the older name of `backend_args`: give one of them")
    return backend_args if file_client_args is None else file_client_args


def _format_of(file: object, file_format: str | None) -> str:
    if file_format is not None:
        return file_format
    if isinstance(file, str | Path):
        ending = str(file).rpartition(".")[2]
        if "/" in ending or ending == str(file):
            raise TypeError(f"{str(file)!r} has no ending that would tell its format, so give `file_format`")
        return ending
    raise TypeError(f"an open file does not tell its format, so give `file_format` (file: {file!r})")


def _handler(file_format: str) -> BaseFileHandler:
    if file_format not in _handlers:
        raise TypeError(f"unknown format {file_format!r}; there are {', '.join(sorted(_handlers))}")
    return _handlers[file_format]


def _readable(file: IO[Any]) -> IO[Any]:
    if not hasattr(file, "read"):
        raise TypeError(f"`file` is a path or an open file, not {type(file).__name__}")
    return file


def _writable(file: IO[Any]) -> IO[Any]:
    if not hasattr(file, "write"):
        raise TypeError(f"`file` is a path or an open file, not {type(file).__name__}")
    return file
