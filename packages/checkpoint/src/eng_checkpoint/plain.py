"""What a checkpoint may hold: tensors and plain values, so that reading it never runs code.

The types are those that `torch.load(weights_only=True)` builds with an empty allow-list. They are compared
exactly: a subclass (a config's dict, a numpy float, a named tuple) would be pickled by the name of its
class.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor, nn

from .errors import PlainDataError

_LEAVES = {
    bool,
    bytes,
    complex,
    float,
    int,
    str,
    type(None),
    torch.Size,
    torch.Tensor,
    torch.device,
    torch.dtype,
    nn.Buffer,
    nn.Parameter,
}
_MAPPINGS = {dict, OrderedDict}
_SEQUENCES = {list, tuple, set}
_KEYS = {bool, float, int, str, type(None)}
_VALUES = {bool, float, int, str, type(None)}  # those that need no look inside


def check_plain(state: Any, path: str = "", *, also: tuple[type, ...] = ()) -> None:
    """Return when `state` is plain data, else raise `PlainDataError` with the path of the first that is not.

    Args:
        path: Where the state stands, for the message.
        also: Types that are let through besides.

    Example:
        >>> check_plain({"epoch": 3, "weights": [torch.zeros(2)]})
        >>> check_plain({"hooks": {"ema": {"decay": lambda step: 0.9}}})
        Traceback (most recent call last):
        ...
        eng_checkpoint.errors.PlainDataError: `hooks.ema.decay` holds a function, and a checkpoint holds ...
    """
    _check(state, path, (), also)


def _check(value: Any, path: str, above: tuple[int, ...], also: tuple[type, ...]) -> None:
    kind = type(value)
    if kind in also:
        return
    if kind in _LEAVES:
        if kind is bytes and not value:  # pickle writes these as a call, which torch refuses to read
            raise PlainDataError(path, "empty bytes")
        if isinstance(value, Tensor):
            for name, attribute in vars(value).items():
                _check(attribute, _join(path, name), (), also)
        return
    if id(value) in above:
        raise PlainDataError(path, "a container that holds itself")
    if kind in _MAPPINGS:
        for key, item in value.items():
            if type(key) not in _KEYS:
                raise PlainDataError(_join(path, repr(key)), f"a key that is {_described(key)}")
            _check(item, _join(path, key), (*above, id(value)), also)
        if kind is OrderedDict and value.__dict__:  # such as the `_metadata` of a module's state
            _check(value.__dict__, _join(path, "__dict__"), (*above, id(value)), also)
    elif kind in _SEQUENCES:
        if _VALUES.issuperset(map(type, value)):  # a long history of numbers costs no call for each
            return
        for index, item in enumerate(value):
            _check(item, _join(path, index), (*above, id(value)), also)
    else:
        raise PlainDataError(path or "the state", _described(value))


def _join(path: str, key: Any) -> str:
    return f"{path}.{key}" if path else str(key)


def _described(value: Any) -> str:
    kind = type(value)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
