"""Merging dicts in a way that `torch.fx` can record."""

from __future__ import annotations

from typing import Any

from torch import fx


def merge_dict(*args: Any) -> Any:
    """One dict of all; later ones win. Under `torch.fx`, dicts that are not known yet are merged when the graph runs.

    Raises `AssertionError` for anything that is not a dict.

    >>> merge_dict({"a": 1}, {"a": 2, "b": 3})
    {'a': 2, 'b': 3}
    """
    merged: dict[Any, Any] = {}
    for each in args:
        if isinstance(each, fx.Proxy):
            return each.tracer.create_proxy("call_function", merge_dict, args, {})
        if not isinstance(each, dict):
            raise AssertionError(f"merge_dict takes dicts, not a {type(each).__name__}")
        merged.update(each)
    return merged
