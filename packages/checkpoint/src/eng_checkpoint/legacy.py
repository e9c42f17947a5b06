"""Checkpoints of MMEngine (0.8 to 0.10), read without running any of the code that they name.

Such files hold more than plain data: histories of scalars, numpy arrays and scalars, a deque. For each of these
classes there is an inert stand-in here, which only keeps what the file says; afterwards the stand-ins become lists,
numbers, tensors. Nothing of numpy or of MMEngine is imported, and no other name becomes loadable.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

one_at_a_time = threading.Lock()
"""Held while reading, for torch keeps one table of allowed names for the whole process."""

_DTYPES = {
    "b1": torch.bool,
    "f2": torch.float16,
    "f4": torch.float32,
    "f8": torch.float64,
    "i1": torch.int8,
    "i2": torch.int16,
    "i4": torch.int32,
    "i8": torch.int64,
    "u1": torch.uint8,
}


class _HistoryBuffer:
    """What a history of scalars held: values, the counts behind them, and how many are kept."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.state = state

    def plain(self) -> dict[str, Any]:
        found = {key: _plain(value) for key, value in self.state.items()}
        return {
            "_log_history": _listed(found.get("_log_history", [])),
            "_count_history": _listed(found.get("_count_history", [])),
            "_max_length": int(found.get("_max_length", 1_000_000)),
        }


class _DType:
    """A numpy dtype: its code, and its byte order, which comes later."""

    def __init__(self, code: str, *_: Any) -> None:
        self.code = code
        self.order = "<"

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = state[1]


class _Array:
    """A numpy array: shape, dtype, order of the axes, and bytes (or, for objects, a list)."""

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, self.shape, self.dtype, self.is_fortran, self.content = state

    def plain(self) -> Any:
        if isinstance(self.content, list):
            return [_plain(item) for item in self.content]
        shape = tuple(reversed(self.shape)) if self.is_fortran else tuple(self.shape)
        flat = _decoded(self.content, self.dtype)[: math.prod(shape)]
        shaped = flat.reshape(shape)
        return shaped.permute(*reversed(range(len(shape)))) if self.is_fortran else shaped


class _Scalar:
    """A numpy number: dtype and bytes."""

    def __init__(self, dtype: _DType, content: bytes) -> None:
        self.dtype, self.content = dtype, content

    def plain(self) -> Any:
        return _decoded(self.content, self.dtype).item()


class _Method:
    """The name of a function that a file mentions; it cannot be called."""

    def __init__(self, owner: Any, name: str) -> None:
        if owner is not _HistoryBuffer:
            raise ValueError(f"a file asks for the attribute {name!r} of {owner!r}")
        self.name = name

    def plain(self) -> str:
        return self.name


def _new_array(*_: Any) -> _Array:
    return _Array()


def _new_list(items: Sequence[Any] = (), *_: Any) -> list[Any]:
    """In place of a deque; torch fills nothing but exact lists."""
    return list(items)


def _no_bytes(*_: Any) -> bytes:
    """How the content of an empty array is written."""
    return b""


_STAND_INS: dict[str, Any] = {
    "mmengine.logging.history_buffer.HistoryBuffer": _HistoryBuffer,
    "builtins.getattr": _Method,
    "__builtin__.getattr": _Method,
    "builtins.bytes": _no_bytes,
    "__builtin__.bytes": _no_bytes,
    "collections.deque": _new_list,
    "numpy.dtype": _DType,
    "numpy.ndarray": _Array,
    **{f"numpy.{core}.multiarray._reconstruct": _new_array for core in ("core", "_core")},
    **{f"numpy.{core}.multiarray.scalar": _Scalar for core in ("core", "_core")},
}


def is_reference_class(name: str | None) -> bool:
    """Whether a name that torch refused is one that this room has a stand-in for."""
    return name in _STAND_INS or f"builtins.{name}" in _STAND_INS  # torch leaves `builtins` out


@contextmanager
def stand_ins() -> Iterator[Callable[[Any], Any]]:
    """While it lasts, torch builds the stand-ins; what is yielded turns a state of them into plain data."""
    with torch.serialization.safe_globals([(item, name) for name, item in _STAND_INS.items()]):
        yield _plain


def _plain(value: Any) -> Any:
    if isinstance(value, _HistoryBuffer | _Array | _Scalar | _Method):
        return value.plain()
    if isinstance(value, OrderedDict):
        plain = OrderedDict((key, _plain(item)) for key, item in value.items())
        plain.__dict__.update(value.__dict__)
        return plain
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, tuple) and type(value) is tuple:
        return tuple(_plain(item) for item in value)
    return value


def _decoded(content: Any, dtype: _DType) -> torch.Tensor:
    raw = content if isinstance(content, bytes) else content.encode("latin1")
    if dtype.code not in _DTYPES:
        raise ValueError(f"a numpy array of dtype {dtype.code!r} has no tensor that is like it")
    if dtype.order == ">":
        size = int(dtype.code[1:])
        raw = b"".join(raw[i : i + size][::-1] for i in range(0, len(raw), size))
    return torch.frombuffer(bytearray(raw), dtype=_DTYPES[dtype.code]) if raw else torch.empty(0)


def _listed(value: Any) -> list[Any]:
    return value.tolist() if isinstance(value, torch.Tensor) else list(value)
