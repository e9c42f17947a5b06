"""The registry: a table from names to classes or functions, part of a tree of tables, that builds what it names."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from eng_registry.build import build_from_cfg
from eng_registry.describe import table
from eng_registry.discovery import complete
from eng_registry.errors import TakenError, WrongTypeError
from eng_registry.lookup import find, split_scope_key
from eng_registry.missing import known
from eng_registry.node import Claim, Node, Place
from eng_registry.scope import ROOT_SCOPE, DefaultScope
from eng_registry.switch import registry_in_force
from eng_registry.trail import mark

T = TypeVar("T")

logger = logging.getLogger(__name__)


class Registry(Node):
    """A table from names to classes or functions.

    A name is searched here, then in `parent` and its parents. `scope` is the prefix that reaches this registry from
    the rest of the tree (`scope.Name`); without one it is the top-level package that creates the registry. `locations`
    are modules to import on the first miss; `entry_point` is the name under which other distributions may announce
    such modules (see `discovery.py`), `provider` the distribution to install for the names that are expected here.
    `allow_import` holds patterns of import paths that may stand for a name (`"torch.nn.*"`).

    >>> activations = Registry("activation", scope="demo")
    >>> @activations.register_module()
    ... class Sigmoid:
    ...     def __init__(self, slope=1.0):
    ...         self.slope = slope
    >>> activations.build({"type": "Sigmoid", "slope": 2.0}).slope
    2.0
    """

    parent: Registry | None
    children: dict[str, Registry]

    def __init__(
        self,
        name: str,
        build_func: Callable[..., Any] | None = None,
        parent: Registry | None = None,
        scope: str | None = None,
        locations: Sequence[str] = (),
        *,
        entry_point: str | None = None,
        provider: str | None = None,
        allow_import: Sequence[str] = (),
    ) -> None:
        if parent is not None and not isinstance(parent, Registry):
            raise WrongTypeError(f"parent must be a Registry, not {type(parent).__name__}")
        if scope is not None and not isinstance(scope, str):
            raise WrongTypeError(f"scope must be a str, not {type(scope).__name__}")
        if scope is None:
            scope = _package_of(sys._getframe(1).f_globals)
        super().__init__(name, scope, parent, tuple(locations), entry_point, provider, tuple(allow_import))
        if build_func is None:
            build_func = build_from_cfg if parent is None else parent.build_func
        self.build_func = build_func
        if parent is not None:
            parent._add_child(self)
        known.add(self)

    @property
    def root(self) -> Registry:
        """The registry at the top of the tree."""
        registry = self
        while registry.parent is not None:
            registry = registry.parent
        return registry

    split_scope_key = staticmethod(split_scope_key)

    def __len__(self) -> int:
        return len(self.module_dict)

    def __bool__(self) -> bool:
        return True

    def __contains__(self, key: str) -> bool:
        return self.get(key) is not None

    def __repr__(self) -> str:
        return table(self)

    def register_module(
        self, name: str | Sequence[str] | None = None, force: bool = False, module: Any = None
    ) -> Any:
        """Register a class or function, as a decorator or by `module=`; what is registered is returned unchanged.

        `name` is one name or several; without one, `module.__name__`. A taken name is an error that says where both
        were registered, unless `force`; the same source run again (a reloaded module, a notebook cell) takes its own
        old place. If two packages claim a name, both imports succeed: asking for the bare name is the error, and
        `package.Name` reaches each.
        """
        if force is not True and force is not False:
            raise WrongTypeError(f"force must be a bool, not {type(force).__name__}")
        names = _names(name)
        if module is not None:
            self._register(module, names, force, _place(sys._getframe(1)))
            return module

        def register(module: T) -> T:
            self._register(module, names, force, _place(sys._getframe(1)))
            return module

        return register

    def get(self, key: str) -> Any | None:
        """The object that `key` names, or None.

        Searched are this registry and its parents, `scope.Name` in the registry of that scope, and an import path if
        it is allowed; a registry that misses a name first imports its locations and entry points.
        """
        if not isinstance(key, str):
            raise WrongTypeError(f"a key must be a str, not {type(key).__name__}: {key!r}")
        return find(self, key)

    def build(self, cfg: Any, *args: Any, **kwargs: Any) -> Any:
        """`build_func(cfg, *args, **kwargs, registry=self)`: by default `build_from_cfg`."""
        try:
            return self.build_func(cfg, *args, **kwargs, registry=self)
        except Exception as error:
            mark(error, cfg, self.name)
            raise

    def import_from_location(self) -> None:
        """Import now what would be imported on the first miss: locations and entry points."""
        complete(self)

    @contextmanager
    def switch_scope_and_registry(self, scope: str | None) -> Iterator[Registry]:
        """Put `scope` in force for a block that gets the registry answering for it; None leaves the one in force."""
        with DefaultScope.overwrite_default_scope(scope):
            registry = registry_in_force(self)
            assert isinstance(registry, Registry)
            yield registry

    def _add_child(self, child: Registry) -> None:
        if child.scope in self.children:
            raise TakenError(f"registry {self.label} already has a child of scope `{child.scope}`")
        self.children[child.scope] = child

    def _register(self, module: Any, names: Sequence[str] | None, force: bool, place: Place) -> None:
        if not callable(module):
            raise WrongTypeError(
                f"only a class or a callable can be registered, not {type(module).__name__}: {module!r}"
            )
        if names is None:
            names = (_own_name(module),)
        for name in names:
            if force:
                self._forced.add(name)
                self._clashes.pop(name, None)
            elif (name in self.module_dict or name in self._clashes) and not self._settle(
                name, module, place
            ):
                continue
            self.module_dict[name] = module
            self._places[name] = place

    def _settle(self, name: str, module: Any, place: Place) -> bool:
        """Whether `module` may take the taken `name`; a claim of another package is kept beside the first."""
        claims = self._clashes.get(name) or [Claim(self.module_dict[name], self._places.get(name, place))]
        for i, claim in enumerate(claims):
            if _is_again(claim, Claim(module, place)):
                claims[i] = Claim(module, place)
                return name not in self._clashes
        rival = next((c for c in claims if c.place.owner == place.owner), None)
        if rival is None and place.owner != "__main__":
            if name not in self._forced:
                self.module_dict.pop(name, None)
            self._clashes[name] = [*claims, Claim(module, place)]
            return False
        first = rival or claims[0]
        raise TakenError(
            f"{name} is already registered in {self.label} as {_described(first.obj)} at {first.place.where}; "
            f"{_described(module)} at {place.where} needs another name, or force=True to take its place"
        )


def _names(name: str | Sequence[str] | None) -> Sequence[str] | None:
    if name is None:
        return None
    if isinstance(name, str):
        return (name,)
    if isinstance(name, Sequence) and all(isinstance(part, str) for part in name):
        return name
    raise WrongTypeError(
        f"name must be None, a str or a sequence of str, not {type(name).__name__}: {name!r}"
    )


def _own_name(module: Any) -> str:
    try:
        return str(module.__name__)
    except AttributeError:
        raise WrongTypeError(f"{module!r} has no __name__: pass `name=`") from None


def _place(frame: Any) -> Place:
    return Place(frame.f_code, frame.f_lineno, frame.f_globals.get("__name__", "__main__"))


def _is_again(old: Claim, new: Claim) -> bool:
    """Whether `new` is the same object or the same source run again, as after a reload.

    Running a file again compiles it again; a second definition of the name within the same code, on another line, is a
    second object.
    """
    if old.obj is new.obj:
        return True
    same_source = (
        type(old.obj) is type(new.obj)
        and hasattr(new.obj, "__qualname__")
        and _identity(old.obj) == _identity(new.obj)
    )
    second = old.place.code is new.place.code and old.place.line != new.place.line
    return same_source and not second


def _identity(obj: Any) -> tuple[Any, Any]:
    return getattr(obj, "__module__", None), getattr(obj, "__qualname__", None)


def _described(obj: Any) -> str:
    module, name = _identity(obj)
    return f"{module}.{name}" if name else repr(obj)


def _package_of(namespace: dict[str, Any]) -> str:
    name = namespace.get("__name__")
    if not isinstance(name, str):
        logger.warning(
            "The scope of a registry cannot be told from where it is created; it is `%s`.", ROOT_SCOPE
        )
        return ROOT_SCOPE
    return name.partition(".")[0]
