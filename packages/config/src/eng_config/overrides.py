"""Putting values in by key path, as the command line and `merge_from_dict` give them: all of them, or none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from .errors import ConfigKeyError, ConfigTypeError
from .merge import DELETE, without_flags
from .node import ATOMS, ConfigDict, attach, settle, wrap
from .origin import COMMAND_LINE, Fixed, Origin, Path, Place, join_path, position_of, spell_path, split_path

__all__ = ["Overrides", "apply_overrides", "check_options"]


class Overrides(dict[str, Any]):
    """Values by key path that also know which of the arguments gave each."""

    def __init__(self, values: dict[str, Any] | None = None, arguments: dict[str, int] | None = None) -> None:
        super().__init__(values or {})
        self.arguments = dict(arguments or {})

    def origin(self, path: str) -> Origin:
        """The argument that gave the value: its number, counted from 1, is the line."""
        return Origin(COMMAND_LINE, self.arguments.get(path, 0), path, how="command line")

    def joined(self, other: Overrides) -> Overrides:
        """These and the others after them; a key given twice has its last value."""
        first = len(self.arguments)
        later = {path: first + number for path, number in other.arguments.items()}
        return Overrides({**self, **other}, {**self.arguments, **later})

    def __reduce__(self) -> tuple[Any, ...]:
        return Overrides, (dict(self), self.arguments)


def check_options(options: object) -> None:
    """Raise `ConfigTypeError` for what is not a mapping from key paths."""
    if not isinstance(options, Mapping) or not all(isinstance(path, str) for path in options):
        raise ConfigTypeError(
            f"overrides are a dictionary from key paths to values, not {options!r:.60}; write `{{'a.b': 1}}`"
        )


def apply_overrides(
    root: ConfigDict, options: Mapping[str, Any], origin: Callable[[str], Origin], *, lists: bool
) -> None:
    """Put every value at its key path; when one cannot be put, none is, and the error names it.

    `origin` says where the value of a path was given. With `lists`, digits in a path are positions in lists that
    are there. A dictionary is merged into a dictionary, by the rules of `merge.py`.
    """
    undo = Undo()
    try:
        for path, value in options.items():
            put(root, path, value, origin(path), lists, undo)
    except Exception:
        undo.take_back()
        raise


class Undo:
    """How to take back what was put in: the steps to do, last first, and what every place knew before."""

    __slots__ = ("known", "steps")

    def __init__(self) -> None:
        self.steps: list[Callable[[], None]] = []
        self.known: dict[Place, dict[Path, tuple[Origin, ...]]] = {}

    def record(self, place: Place, steps: Path, origin: Origin) -> None:
        """Record an origin in a place, so that it can be taken back."""
        edits = place.edits
        if place not in self.known:
            self.known[place] = edits.copy()
        if edits:
            place.record(steps, origin)
        else:
            edits[steps] = (origin,)

    def take_back(self) -> None:
        for step in reversed(self.steps):
            step()
        for place, edits in self.known.items():
            place.edits = edits


def put(root: ConfigDict, path: str, value: Any, origin: Origin, lists: bool, undo: Undo) -> None:
    """Put one value, and say how to take it back."""
    *outer, last = path.split(".")
    node: Any = root
    for step in outer:
        node = dict.get(node, step)
        if type(node) is not ConfigDict:
            break
    else:
        if (
            type(value) in ATOMS and last in node
        ):  # nearly all overrides: one number or text for another value
            undo.steps.append(partial(dict.__setitem__, node, last, dict.__getitem__(node, last)))
            dict.__setitem__(node, last, value)
            if node._place is not None:
                undo.record(node._place, (last,), origin)
            return
    put_anywhere(root, path, value, origin, lists, undo)


def put_anywhere(root: ConfigDict, path: str, value: Any, origin: Origin, lists: bool, undo: Undo) -> None:
    """Put one value of any kind, be it through lists or to where nothing is yet."""
    *outer, last = path.split(".")
    target = Target(root, root._place, ())
    done = ""
    for step in outer:
        done = join_path(done, step)
        key = find(target.container, step, done, origin, lists)
        inner = target.get(key)
        if inner is None and key not in target.container:
            inner = ConfigDict()
            target.store(key, inner, origin, undo)
        elif not isinstance(inner, (ConfigDict, list)):
            raise no_container(inner, path, done, origin)
        target = target.inside(key, inner)
    store_merged(target, find(target.container, last, path, origin, lists), value, origin, path, undo)


class Target(NamedTuple):
    """A dictionary or list that a value is put into, and where that is recorded: `steps` below the nearest node."""

    container: Any
    place: Place | None
    steps: Path

    def get(self, key: Any) -> Any:
        return dict.get(self.container, key) if isinstance(self.container, dict) else self.container[key]

    def inside(self, key: Any, value: Any) -> Target:
        if isinstance(value, ConfigDict):
            return Target(value, value._place, ())
        return Target(value, self.place, (*self.steps, key))

    def store(self, key: Any, value: Any, origin: Origin, undo: Undo) -> None:
        """Store a value as it is, with its origin, and say how to take it back."""
        container, place = self.container, self.place
        there, old = isinstance(container, list) or key in container, self.get(key)
        if isinstance(container, ConfigDict):
            dict.__setitem__(container, key, value)
            settle(container)
        else:
            container[key] = value
        undo.steps.append(partial(take_back, container, key, there, old))
        if place is not None:
            undo.record(place, (*self.steps, key), origin)
            if isinstance(value, (dict, list, tuple)):
                attach(value, Fixed(origin), (*place.path, *self.steps, key))


def find(container: Any, step: str, path: str, origin: Origin, lists: bool) -> Any:
    """The key or the position that one step of a path means."""
    if isinstance(container, dict):
        if step in container:
            return step
        if step.endswith("]"):
            dotted = spell_path(split_path(path))
            raise ConfigKeyError(
                f"a position stands behind a dot in a key path; write `{dotted}`", path=path, origin=origin
            )
        position = position_of(step)
        return position if position is not None and position in container else step
    if not lists:
        raise ConfigTypeError(
            f"`{step}` is a position in a list, which `allow_list_keys=False` forbids; give the whole list",
            path=path,
            origin=origin,
        )
    position = position_of(step)
    if position is None or position >= len(container):
        raise ConfigKeyError(
            f"`{step}` is no position in a list of {len(container)}; positions are 0 to {len(container) - 1}, "
            "and a longer list is given whole",
            path=path,
            origin=origin,
        )
    return position


def store_merged(target: Target, key: Any, value: Any, origin: Origin, path: str, undo: Undo) -> None:
    """Store a value; a dictionary over a dictionary is merged key by key."""
    if isinstance(value, dict) and not value.get(DELETE, False):
        here = isinstance(target.container, list) or key in target.container
        old = target.get(key) if here else None
        if isinstance(old, ConfigDict):
            for inner, part in dict.items(value):
                if inner != DELETE:
                    store_merged(target.inside(key, old), inner, part, origin, join_path(path, inner), undo)
            return
        if here:
            raise no_container(old, join_path(path, next(iter(value), "")), path, origin)
    target.store(
        key, wrap(without_flags(value)) if isinstance(value, (dict, list, tuple)) else value, origin, undo
    )


def take_back(container: Any, key: Any, there: bool, old: Any) -> None:
    if isinstance(container, list):
        container[key] = old
        return
    if there:
        dict.__setitem__(container, key, old)
    else:
        dict.pop(container, key)
    settle(container)


def no_container(value: Any, path: str, above: str, origin: Origin) -> ConfigTypeError:
    kind = type(value).__name__
    return ConfigTypeError(
        f"`{above}` is {value!r} ({kind}), which has nothing inside; give `{above}` a dictionary with `_delete_=True` "
        "to put it in that place",
        path=path,
        origin=origin,
    )
