"""ConfigDict: a dictionary that is also read by attribute and knows where its values come from.

Reading an attribute costs what reading a dictionary costs, because a node is its own `__dict__`: no Python code
runs. Two kinds of nodes use `__getattr__` instead: those with a key named like a method (`items`, `copy`), so that
the method stays a method, and those with an object that is imported when it is read (`lazy.py`).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from sys import _getframe
from typing import Any, Self

from .errors import ConfigTypeError, MissingKeyError, suggest
from .lazy import Lazy, holds_lazy, resolve
from .merge import merge_into
from .origin import Fixed, Origin, Place, Trace, spell_path

__all__ = [
    "ATOMS",
    "METHODS",
    "ConfigDict",
    "attach",
    "duplicate",
    "missing",
    "node_of",
    "place_of",
    "plain",
    "settle",
    "wrap",
]

MAPPINGS = frozenset({dict, OrderedDict})
CONTAINERS = frozenset({dict, OrderedDict, list, tuple})
ATOMS = frozenset({str, int, float, bool, type(None), bytes, complex})


class ConfigDict(dict[Any, Any]):
    """A dictionary whose dictionaries, in lists and tuples too, are all of this class.

    Exact `dict` and `OrderedDict` values are converted when they are stored; other subclasses of `dict` are left
    as they are. A missing attribute and a missing item raise the same `MissingKeyError`, which is an
    `AttributeError` and a `KeyError`.

    >>> cfg = ConfigDict(model=dict(depth=50, stages=[dict(width=64)]))
    >>> cfg.model.stages[0].width
    64
    >>> cfg.model.dept
    Traceback (most recent call last):
    eng_config.errors.MissingKeyError: no key `dept` (did you mean `depth`?); there is: depth, stages
    """

    __slots__ = ("__dict__", "_place")

    _place: Place | None

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        node = super().__new__(cls)
        set_place(node, None)
        return node

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        for source in (*args, kwargs):
            if source:
                dict.update(self, raw(source))
        adopt(self)

    # Reading: `[]`, `in`, `len`, iteration and `**` are those of `dict`.

    def __missing__(self, key: Any) -> Any:
        raise missing(self, key)

    def __getattr__(self, name: str) -> Any:
        if name[:2] == "__":  # protocols that ask for their method: not a key
            raise AttributeError(name)
        return self[name]

    def items(self) -> list[tuple[Any, Any]]:  # type: ignore[override]  # a list: keys may go while it is walked
        return list(dict.items(self))

    def values(self) -> list[Any]:  # type: ignore[override]  # as `items`
        return list(dict.values(self))

    # Writing.

    def __setitem__(self, key: Any, value: Any) -> None:
        kind = type(value)
        if kind in CONTAINERS:
            value = wrap(value)
        dict.__setitem__(self, key, value)
        place = self._place
        if place is not None:
            origin = place.record_caller(key, _getframe(1))
            if kind in CONTAINERS:
                attach(value, Fixed(origin), (*place.path, key))
        if key in METHODS or (kind not in ATOMS and (type(self) is LazyNode or holds_lazy(value))):
            settle(self)

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        if name not in self:
            raise missing(self, name)
        del self[name]

    def setdefault(self, key: Any, default: Any = None) -> Any:
        if key not in self:
            self[key] = default
        return self[key]

    def pop(self, key: Any, default: Any = None) -> Any:
        """Remove the key and give its value; `default`, never an error, when there is no such key."""
        return resolve(dict.pop(self, key, default))

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Merge the given keys in: a dictionary that meets a dictionary is merged with it, not put in its place."""
        if len(args) > 1:
            raise ConfigTypeError(f"`update` takes one mapping at most, {len(args)} were given")
        for source in (*args, kwargs):
            for key, value in pairs(source):
                mine = dict.get(self, key)
                if isinstance(mine, ConfigDict) and isinstance(value, dict):
                    mine.update(value)
                else:
                    self[key] = value

    def __ior__(self, other: Any) -> Self:  # type: ignore[misc]  # one overload says what `dict` says in two
        self.update(other)
        return self

    def merge(self, other: Mapping[Any, Any]) -> None:
        """Merge `other` in; `_delete_=True` in a dictionary, at any depth, replaces instead.

        >>> cfg = ConfigDict(optimizer=dict(type="SGD", momentum=0.9))
        >>> cfg.merge(dict(optimizer=dict(_delete_=True, type="Adam")))
        >>> cfg
        {'optimizer': {'type': 'Adam'}}
        """
        merge_into(self, other, strict=False)

    # Copies.

    def __copy__(self) -> Self:
        copied: Self = restore(type(self), raw(self), self._place.copy() if self._place is not None else None)
        return copied

    def copy(self) -> Self:
        """A new node with the same values; the nodes below are shared."""
        return self.__copy__()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        copied: Self = duplicate(self, memo)
        return copied

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        kind = ConfigDict if type(self) is LazyNode else type(self)
        return restore, (kind, dict(raw(self)), self._place)

    def to_dict(self) -> dict[Any, Any]:
        """Nested plain dictionaries; objects that are imported on demand become their dotted names."""
        return plain(self)  # type: ignore[no-any-return]  # a mapping gives a dictionary

    def _to_lazy_dict(self) -> dict[Any, Any]:
        return plain(self, keep_lazy=True)  # type: ignore[no-any-return]  # as above

    def __origin__(self, key: Any = None) -> Origin | None:
        """Where the value of `key`, or this whole node, was set; None when nothing is known.

        >>> from eng_config import Config
        >>> cfg = Config.fromstring("a = 1\\nmodel = dict(depth=50)\\n", ".py")
        >>> str(cfg.model.__origin__("depth"))
        '<string>:2'
        """
        if self._place is None:
            return None
        return self._place.find() if key is None else self._place.find(key)

    @staticmethod
    def build_lazy(value: Any) -> Any:
        """The object itself for one that is imported on demand, any other value unchanged."""
        return value.build() if isinstance(value, Lazy) else value


class LazyNode(ConfigDict):
    """A node with values that are imported when they are read; `settle` makes a node one, and back."""

    __slots__ = ()

    def __getitem__(self, key: Any) -> Any:
        return resolve(dict.__getitem__(self, key))

    def __iter__(self) -> Iterator[Any]:  # own, so that `dict(node)` and `**node` come through `__getitem__`
        return iter(list(dict.keys(self)))

    def get(self, key: Any, default: Any = None) -> Any:
        return resolve(dict.get(self, key, default))

    def items(self) -> list[tuple[Any, Any]]:  # type: ignore[override]  # as in ConfigDict
        return [(key, resolve(value)) for key, value in dict.items(self)]

    def values(self) -> list[Any]:  # type: ignore[override]  # as in ConfigDict
        return [resolve(value) for value in dict.values(self)]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, ConfigDict):
            return self._to_lazy_dict() == other._to_lazy_dict()
        return isinstance(other, dict) and dict(self.items()) == other

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None  # type: ignore[assignment]  # as every dictionary


# slots and not attributes: every other name is a key
place_of: Callable[[ConfigDict], Place | None] = ConfigDict.__dict__["_place"].__get__
set_place: Callable[[ConfigDict, Place | None], None] = ConfigDict.__dict__["_place"].__set__
set_attributes: Callable[[ConfigDict, dict[Any, Any]], None] = ConfigDict.__dict__["__dict__"].__set__
METHODS = frozenset(name for name in dir(ConfigDict) if name[:2] != "__") | {"__dict__", "__class__"}


def settle(node: ConfigDict) -> None:
    """Choose how attributes of the node are read, from what it holds now."""
    lazy = any(type(value) not in ATOMS and holds_lazy(value) for value in dict.values(node))
    kind = type(node)
    if kind is LazyNode if not lazy else kind is ConfigDict:
        object.__setattr__(node, "__class__", LazyNode if lazy else ConfigDict)
    set_attributes(node, node if not lazy and METHODS.isdisjoint(dict.keys(node)) else {})


def adopt(node: ConfigDict) -> None:
    """Convert the values that a node was just filled with, and choose how they are read."""
    lazy = False
    for key, value in dict.items(node):
        kind = type(value)
        if kind in CONTAINERS:
            value = wrap(value)
            dict.__setitem__(node, key, value)
        if kind not in ATOMS and holds_lazy(value):
            lazy = True
    if lazy or not METHODS.isdisjoint(dict.keys(node)):
        settle(node)
    else:
        set_attributes(node, node)


def wrap(value: Any) -> Any:
    """The value with every exact dictionary in it, through lists and tuples, converted to a ConfigDict."""
    kind = type(value)
    if kind in MAPPINGS:
        node = ConfigDict.__new__(ConfigDict)
        dict.update(node, value)
        adopt(node)
        return node
    if kind is list or kind is tuple:
        return kind([wrap(part) if type(part) in CONTAINERS else part for part in value])
    return value


def node_of(values: Mapping[str, Any]) -> ConfigDict:
    """Return a node of these values, dictionaries in them converted, and objects not imported yet left as they are."""
    return restore(ConfigDict, {name: wrap(value) for name, value in values.items()}, None)  # type: ignore[no-any-return]  # of the given kind


def restore(kind: type[ConfigDict], values: Mapping[Any, Any], place: Place | None) -> Any:
    """A node with exactly these values, none of them converted or imported."""
    node = kind.__new__(kind)
    dict.update(node, values)
    set_place(node, place)
    settle(node)
    return node


def duplicate(value: Any, memo: dict[int, Any]) -> Any:
    """`copy.deepcopy`, quick for what configurations are made of."""
    kind = type(value)
    if kind in ATOMS:
        return value
    known = memo.get(id(value))
    if known is not None:
        return known
    if isinstance(value, ConfigDict):
        cls = ConfigDict if kind is LazyNode else type(value)
        place = value._place
        node = cls.__new__(cls)
        memo[id(value)] = node
        dict.update(node, {key: duplicate(part, memo) for key, part in dict.items(value)})
        set_place(node, place.copy() if place is not None else None)
        settle(node)
        return node
    if kind is list:
        copies: list[Any] = []
        memo[id(value)] = copies
        copies.extend([duplicate(part, memo) for part in value])
        return copies
    if kind is tuple:
        return tuple([duplicate(part, memo) for part in value])
    return deepcopy(value, memo)


def plain(value: Any, *, keep_lazy: bool = False) -> Any:
    """The value with every ConfigDict turned into a dictionary, and lazy objects into their dotted names."""
    if isinstance(value, ConfigDict):
        return {key: plain(part, keep_lazy=keep_lazy) for key, part in dict.items(value)}
    kind = type(value)
    if kind is list or kind is tuple:
        return kind([plain(part, keep_lazy=keep_lazy) for part in value])
    if isinstance(value, Lazy) and not keep_lazy:
        return value.dotted
    return value


def attach(value: Any, trace: Trace, path: tuple[Any, ...]) -> None:
    """Tell every node in the value where it stands; nodes that know already are left alone."""
    if isinstance(value, ConfigDict):
        if value._place is not None:
            return
        set_place(value, Place(trace, path))
        for key, part in dict.items(value):
            if isinstance(part, (ConfigDict, list, tuple)):
                attach(part, trace, (*path, key))
    elif type(value) is list or type(value) is tuple:
        for position, part in enumerate(value):
            if isinstance(part, (ConfigDict, list, tuple)):
                attach(part, trace, (*path, position))


def missing(node: ConfigDict, key: Any) -> MissingKeyError:
    """The error for a key that is not there."""
    keys = [str(name) for name in dict.keys(node)]
    there = ", ".join(keys[:12]) + (", ..." if len(keys) > 12 else "")
    what = f"no key `{key}`{suggest(str(key), keys)}; there is: {there or 'nothing'}"
    place = node._place
    if place is None or not place.path:
        return MissingKeyError(what)
    return MissingKeyError(what, path=spell_path(place.path), origin=place.find())


def raw(source: Any) -> Any:
    """What a mapping stores, with the objects not imported yet left as they are."""
    return dict(dict.items(source)) if isinstance(source, LazyNode) else source


def pairs(source: Any) -> Iterable[tuple[Any, Any]]:
    """The keys and values of a mapping, or of pairs, as they are stored."""
    if isinstance(source, dict):
        return list(dict.items(source))
    return list(dict(source).items())
