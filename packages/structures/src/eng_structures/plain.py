"""Elements as plain data and back, for files that run no code when they are read.

Plain data is what ``torch.load(weights_only=True)`` reads with an empty allow-list: tensors, numbers, texts,
None, and lists, tuples and dicts of them. Pickle works on elements as well; it is for one's own processes.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

from eng_structures.element import BaseDataElement
from eng_structures.errors import ElementTypeError, ElementValueError

_ELEMENT = "__element__"
_ARRAY = "__ndarray__"
_MARKS = frozenset({_ELEMENT, _ARRAY})


def to_plain(element: BaseDataElement) -> dict[str, Any]:
    """`element` as a dict of plain data; elements and arrays inside are kept as such.

    >>> import torch
    >>> plain = to_plain(BaseDataElement(metainfo={'id': 7}, score=torch.tensor(0.5)))
    >>> plain['metainfo'], plain['data']
    ({'id': 7}, {'score': tensor(0.5000)})

    Raises:
        ElementTypeError: a value is not plain data; the message has its path.
    """
    return _plain_element(element, type(element).__name__)


def from_plain(plain: Mapping[str, Any]) -> BaseDataElement:
    """The element that `to_plain` was given: same class, fields and values.

    Nothing is imported: the class must be one that this process knows.

    >>> from_plain(to_plain(BaseDataElement(metainfo={'id': 7}))).id
    7

    Raises:
        ElementValueError: `plain` does not come from `to_plain`, or its class is not known here.
    """
    if set(plain) != {_ELEMENT, "metainfo", "data"}:
        raise ElementValueError(
            "this is not what to_plain gave: it has the keys __element__, metainfo and data"
        )
    element = _class_of(plain[_ELEMENT])()
    element.set_metainfo({name: _restored(value) for name, value in plain["metainfo"].items()})
    element.set_data({name: _restored(value) for name, value in plain["data"].items()})
    return element


def _plain_element(element: BaseDataElement, path: str) -> dict[str, Any]:
    return {
        _ELEMENT: _name(type(element)),
        "metainfo": {name: _plain(value, f"{path}.{name}") for name, value in element.metainfo_items()},
        "data": {name: _plain(value, f"{path}.{name}") for name, value in element.items()},
    }


def _plain(value: Any, path: str) -> Any:
    if value is None or type(value) in (bool, int, float, str, torch.Tensor):
        return value
    if isinstance(value, torch.Tensor):  # a Parameter or another subclass: its numbers are what counts
        return value.detach().as_subclass(torch.Tensor)
    if isinstance(value, BaseDataElement):
        return _plain_element(value, path)
    if isinstance(value, np.generic) and isinstance(value.item(), bool | int | float | str):
        return value.item()
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufc":
        return {_ARRAY: torch.from_numpy(np.ascontiguousarray(value).copy())}
    if type(value) in (list, tuple):
        return type(value)(_plain(item, f"{path}[{place}]") for place, item in enumerate(value))
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value) and not _MARKS & set(value):
        return {key: _plain(item, f"{path}.{key}") for key, item in value.items()}
    raise ElementTypeError(
        f"{path}: a {type(value).__name__} is not plain data; keep tensors, arrays, numbers, texts, and lists, "
        "tuples and dicts (with texts as keys) of them"
    )


def _restored(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return type(value)(_restored(item) for item in value)
    if not isinstance(value, Mapping):
        return value
    if _ELEMENT in value:
        return from_plain(value)
    if _ARRAY in value:
        return value[_ARRAY].cpu().numpy()
    return {key: _restored(item) for key, item in value.items()}


def _class_of(name: object) -> type[BaseDataElement]:
    known = {_name(kind): kind for kind in _family(BaseDataElement)}
    if name not in known:
        raise ElementValueError(
            f"no element class {name!r} is known here; import its module first. Known: {', '.join(sorted(known))}"
        )
    return known[str(name)]


def _family(kind: type[BaseDataElement]) -> Iterator[type[BaseDataElement]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _family(child)


def _name(kind: type) -> str:
    return (
        kind.__name__
        if kind.__module__.startswith("eng_structures.")
        else f"{kind.__module__}.{kind.__qualname__}"
    )
