"""Asking what a sequence holds, and cutting, joining and converting sequences."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain, islice, repeat
from typing import Any

__all__ = [
    "apply_to",
    "concat_list",
    "is_list_of",
    "is_seq_of",
    "is_str",
    "is_tuple_of",
    "iter_cast",
    "list_cast",
    "slice_list",
    "to_1tuple",
    "to_2tuple",
    "to_3tuple",
    "to_4tuple",
    "to_ntuple",
    "tuple_cast",
]

Types = type | tuple[type, ...]


def is_str(x: object) -> bool:
    """Whether it is a text."""
    return isinstance(x, str)


def is_seq_of(seq: object, expected_type: Types, seq_type: type | None = None) -> bool:
    """Whether it is a sequence (of `seq_type`, by default any) of nothing but `expected_type`.

    A text is a sequence of texts; a set and a generator are no sequences. Of an empty one everything is true.

    >>> is_seq_of("abc", str), is_seq_of([], int), is_seq_of([1, "a"], int), is_seq_of({1}, int)
    (True, True, False, False)
    """
    assert seq_type is None or isinstance(seq_type, type), f"`seq_type` is a class, not {seq_type!r}"
    return isinstance(seq, Sequence if seq_type is None else seq_type) and all(
        isinstance(item, expected_type)
        for item in seq  # type: ignore[attr-defined]  # it is the caller's word that a `seq_type` can be walked
    )


def is_list_of(seq: object, expected_type: Types) -> bool:
    """Whether it is a list of nothing but `expected_type`."""
    return is_seq_of(seq, expected_type, list)


def is_tuple_of(seq: object, expected_type: Types) -> bool:
    """Whether it is a tuple of nothing but `expected_type`."""
    return is_seq_of(seq, expected_type, tuple)


def iter_cast(
    inputs: Iterable[Any], dst_type: Callable[[Any], Any], return_type: Callable[[Any], Any] | None = None
) -> Any:
    """Every item converted by `dst_type`, as an iterator or collected by `return_type`.

    Raises `TypeError` for what cannot be walked, and for a `dst_type` that is no class.

    >>> iter_cast(["1", "2"], int, return_type=tuple)
    (1, 2)
    """
    if not isinstance(inputs, Iterable):
        raise TypeError(f"inputs must be an iterable object, not {type(inputs).__name__}")
    if not isinstance(dst_type, type):
        raise TypeError(f'"dst_type" must be a valid type, not {dst_type!r}')
    items = map(dst_type, inputs)
    return items if return_type is None else return_type(items)


def list_cast(inputs: Iterable[Any], dst_type: type) -> list[Any]:
    """Every item converted by `dst_type`, in a list."""
    return list(iter_cast(inputs, dst_type))


def tuple_cast(inputs: Iterable[Any], dst_type: type) -> tuple[Any, ...]:
    """Every item converted by `dst_type`, in a tuple."""
    return tuple(iter_cast(inputs, dst_type))


def slice_list(in_list: list[Any], lens: int | list[int]) -> list[list[Any]]:
    """Cut a list into parts of one length, or of the lengths given.

    Raises `AssertionError` if the one length does not divide the list, `ValueError` if the lengths do not add up to
    it, `TypeError` for anything else.

    >>> slice_list([1, 2, 3, 4], 2), slice_list([1, 2, 3, 4], [1, 3])
    ([[1, 2], [3, 4]], [[1], [2, 3, 4]])
    """
    if isinstance(lens, int):
        assert len(in_list) % lens == 0, f"{len(in_list)} items are no multiple of {lens}"
        lens = [lens] * (len(in_list) // lens)
    if not isinstance(lens, list):
        raise TypeError(f'"lens" must be an integer or a list of integers, not {type(lens).__name__}')
    if sum(lens) != len(in_list):
        raise ValueError(f"sum of lens and list length does not match: {sum(lens)} != {len(in_list)}")
    items = iter(in_list)
    return [list(islice(items, length)) for length in lens]


def concat_list(in_list: list[list[Any]]) -> list[Any]:
    """The lists one after another in one.

    >>> concat_list([[1, 2], [3]])
    [1, 2, 3]
    """
    return list(chain.from_iterable(in_list))


def to_ntuple(n: int) -> Callable[[Any], Any]:
    """A function that repeats a scalar `n` times and returns what can be walked, texts too, as it is.

    >>> to_2tuple(3), to_2tuple([1, 2]), to_2tuple("ab")
    ((3, 3), [1, 2], 'ab')
    """

    def parse(x: Any) -> Any:
        return x if isinstance(x, Iterable) else tuple(repeat(x, n))

    return parse


to_1tuple = to_ntuple(1)
to_2tuple = to_ntuple(2)
to_3tuple = to_ntuple(3)
to_4tuple = to_ntuple(4)


def apply_to(data: Any, expr: Callable[[Any], Any], apply_func: Callable[[Any], Any]) -> Any:
    """The same structure with every leaf for which `expr` holds replaced by what `apply_func` makes of it.

    Mappings, named tuples, tuples and lists are walked and keep their types; everything else is a leaf.

    >>> apply_to({"a": [1, "x"], "b": (2,)}, lambda leaf: isinstance(leaf, int), lambda leaf: leaf + 1)
    {'a': [2, 'x'], 'b': (3,)}
    """
    if isinstance(data, dict):
        return type(data)({key: apply_to(value, expr, apply_func) for key, value in data.items()})
    if isinstance(data, tuple | list):
        items = [apply_to(item, expr, apply_func) for item in data]
        return type(data)(*items) if hasattr(data, "_fields") else type(data)(items)
    return apply_func(data) if expr(data) else data
