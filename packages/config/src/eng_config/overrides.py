"""Putting values in by key path, as the command line and `merge_from_dict` give them: all of them, or none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from .errors import ConfigKeyError, ConfigTypeError
from .merge import DELETE, without_flags
from .node import ATOMS, ConfigDict, attach, place_of, settle, wrap
from .origin import (
    COMMAND_LINE,
    Fixed,
    Origin,
    Path,
    Place,
    join_path,
    position_of,
    spell_path,
    split_path,
)

#: what a dictionary has under a key that is not there
ABSENT = object()

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
    """What was replaced so far, and what was known of the origins before."""

    __slots__ = ("edits", "replaced")

    def __init__(self) -> None:
        self.replaced: list[tuple[Any, Any, Any]] = []
        self.edits: dict[Place, dict[Path, tuple[Origin, ...]]] = {}

    def record(self, place: Place, steps: Path, origin: Origin) -> None:
        """Record an origin, so that it can be taken back."""
        if place not in self.edits:
            self.edits[place] = place.edits.copy()
        place.record(steps, origin)

    def take_back(self) -> None:
        for container, key, old in reversed(self.replaced):
            if isinstance(container, list):
                container[key] = old
                continue
            if old is ABSENT:
                dict.pop(container, key)
            else:
                dict.__setitem__(container, key, old)
            settle(container)
        for place, edits in self.edits.items():
            place.edits = edits


def put(root: ConfigDict, path: str, value: Any, origin: Origin, lists: bool, undo: Undo) -> None:
    """Put one value at a key path; containers on the way that are not there are made."""
    *outer, last = path.split(".")
    node: Any = root
    for step in outer:
        node = dict.get(node, step)
        if type(node) is not ConfigDict:
            break
    else:
        if type(value) in ATOMS and last in node:  # nearly always: one number or text for another value
            undo.replaced.append((node, last, dict.__getitem__(node, last)))
            dict.__setitem__(node, last, value)
            place = place_of(node)
            if place is not None:
                undo.record(place, (last,), origin)
            return
    target = Target(root, place_of(root), ())
    done = ""
    for step in outer:
        done = join_path(done, step)
        key = find(target.container, step, done, origin, lists)
        if not target.has(key):
            target.store(key, ConfigDict(), origin, undo)
        inner = target.get(key)
        if not isinstance(inner, (ConfigDict, list)):
            raise no_container(inner, path, done, origin)
        target = target.inside(key, inner)
    put_merged(target, find(target.container, last, path, origin, lists), value, origin, path, undo)


def put_merged(target: Target, key: Any, value: Any, origin: Origin, path: str, undo: Undo) -> None:
    """Put one value into a container; a dictionary over a dictionary is merged key by key."""
    if isinstance(value, dict) and not value.get(DELETE, False) and target.has(key):
        old = target.get(key)
        if not isinstance(old, ConfigDict):
            raise no_container(old, join_path(path, next(iter(value), "")), path, origin)
        for inner, part in dict.items(value):
            if inner != DELETE:
                put_merged(target.inside(key, old), inner, part, origin, join_path(path, inner), undo)
        return
    stored = wrap(without_flags(value)) if isinstance(value, (dict, list, tuple)) else value
    target.store(key, stored, origin, undo)


class Target(NamedTuple):
    """A dictionary or list that a value is put into, and where that is recorded: `steps` below the nearest node."""

    container: Any
    place: Place | None
    steps: Path

    def has(self, key: Any) -> bool:
        return isinstance(self.container, list) or key in self.container

    def get(self, key: Any) -> Any:
        container = self.container
        return dict.get(container, key, ABSENT) if isinstance(container, dict) else container[key]

    def inside(self, key: Any, value: Any) -> Target:
        if isinstance(value, ConfigDict):
            return Target(value, place_of(value), ())
        return Target(value, self.place, (*self.steps, key))

    def store(self, key: Any, value: Any, origin: Origin, undo: Undo) -> None:
        """Store a value as it is, with its origin."""
        undo.replaced.append((self.container, key, self.get(key)))
        if isinstance(self.container, ConfigDict):
            dict.__setitem__(self.container, key, value)
            settle(self.container)
        else:
            self.container[key] = value
        if self.place is not None:
            undo.record(self.place, (*self.steps, key), origin)
            attach(value, Fixed(origin), (*self.place.path, *self.steps, key))


def find(container: Any, step: str, path: str, origin: Origin, lists: bool) -> Any:
    """The key or the position that one step of a path means."""
    index = position_of(step)
    if isinstance(container, dict):
        if step.endswith("]") and step not in container:
            dotted = spell_path(split_path(path))
            raise ConfigKeyError(
                f"a position stands behind a dot in a key path; write `{dotted}`", path=path, origin=origin
            )
        return index if step not in container and index is not None and index in container else step
    if not lists:
        raise ConfigTypeError(
            f"`{step}` is a position in a list, which `allow_list_keys=False` forbids; give the whole list",
            path=path,
            origin=origin,
        )
    if index is None or index >= len(container):
        raise ConfigKeyError(
            f"`{step}` is no position in a list of {len(container)}; positions are 0 to {len(container) - 1}, "
            "and a longer list is given whole",
            path=path,
            origin=origin,
        )
    return index


def no_container(value: Any, path: str, above: str, origin: Origin) -> ConfigTypeError:
    return ConfigTypeError(
        f"`{above}` is {value!r} ({type(value).__name__}), which has nothing inside; give `{above}` a dictionary with "
        "`_delete_=True` to put it in that place",
        path=path,
        origin=origin,
    )
