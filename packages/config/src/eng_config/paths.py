"""Values by key path in a tree of nodes, and what set them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .errors import MissingKeyError
from .merge import DELETE, merge_into
from .node import ConfigDict, missing, place_of
from .origin import Origin, Path, Place, Trace, position_of, spell_path

__all__ = ["chain_at", "overlay", "step_into", "trace_of", "value_at"]


def step_into(value: Any, step: Any) -> tuple[Any, Any]:
    """Return the key or index that one step of a path means in a value, and what is there; raises KeyError."""
    index = position_of(step)
    if isinstance(value, dict):
        for key in (step,) if index is None else (step, index):
            if key in value:
                return key, dict.get(value, key)
    elif isinstance(value, (list, tuple)) and index is not None and index < len(value):
        return index, value[index]
    raise KeyError(step)


def value_at(root: ConfigDict, steps: Iterable[Any]) -> Any:
    """Return the value at a path; raises `MissingKeyError` where there is none."""
    value: Any = root
    done: tuple[Any, ...] = ()
    for step in steps:
        try:
            key, value = step_into(value, step)
        except KeyError:
            raise no_value(root, value, done, step) from None
        done = (*done, key)
    return value


def no_value(root: ConfigDict, value: Any, done: Path, step: Any) -> MissingKeyError:
    """The error for a step that leads nowhere from the value at `done`."""
    if isinstance(value, ConfigDict):
        return missing(value, step)
    what = f"no key `{step}`; `{spell_path(done)}` is {value!r:.60}, with nothing inside"
    if isinstance(value, (list, tuple)):
        range_of = f", from 0 to {len(value) - 1}" if value else ""
        what = f"no position `{step}`; there are {len(value)}{range_of}"
    chain = chain_at(root, done)
    return MissingKeyError(what, path=spell_path(done), origin=chain[-1] if chain else None)


def chain_at(root: ConfigDict, steps: Path) -> tuple[Origin, ...]:
    """Return all that set the value at a path below a node, first to last; empty when it is not there or not known."""
    value: Any = root
    place: Place | None = place_of(root)
    below: Path = ()
    for step in steps:
        if isinstance(value, ConfigDict) and place_of(value) is not None:
            place, below = place_of(value), ()
        try:
            key, value = step_into(value, step)
        except KeyError:
            return ()
        below = (*below, key)
    return place.chain(*below) if place is not None else ()


def trace_of(root: ConfigDict) -> Trace | None:
    """Return what knows the origins of a tree, None for one that no file was read for."""
    place = place_of(root)
    return place.trace if place is not None else None


def overlay(names: dict[Any, Any], overrides: Mapping[str, Any]) -> None:
    """Put overridden values in, in place, wherever what they are in is there already.

    A dictionary that will be merged over one of the bases gets no keys that it does not set itself.

    >>> names = {"lr": 0.1, "model": {"depth": 50}}
    >>> overlay(names, {"lr": 0.2, "model.depth": 18, "neck.width": 3})
    >>> names
    {'lr': 0.2, 'model': {'depth': 18}}
    """
    inherited = names.get("_base_", ())
    for path, value in overrides.items():
        *outer, last = path.split(".")
        container: Any = names
        try:
            for step in outer:
                container = step_into(container, step)[1]
        except KeyError:
            continue
        index = position_of(last)
        if isinstance(container, list) and index is not None and index < len(container):
            container[index] = value
        elif isinstance(container, dict) and (last in container or (outer and outer[0] not in inherited)):
            old = dict.get(container, last)
            if isinstance(value, dict) and isinstance(old, dict) and not value.get(DELETE):
                merge_into(old, value, strict=False)
            else:
                container[last] = value
