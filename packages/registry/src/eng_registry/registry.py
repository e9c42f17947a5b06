"""The registry: a table from names to classes or functions, in a tree of such tables, that builds what it names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from sys import _getframe
from types import FrameType

from eng_registry.build import build_from_cfg
from eng_registry.describe import table
from eng_registry.discovery import Source
from eng_registry.errors import TakenError, WrongTypeError
from eng_registry.log import logger
from eng_registry.lookup import find, registry_in_force, search
from eng_registry.names import Names
from eng_registry.node import Node
from eng_registry.notes import mark
from eng_registry.scope import ROOT_SCOPE, DefaultScope, in_force, split_scope_key

TYPE_CHECKING = False  # as in `typing`, whose import costs more than this package
if TYPE_CHECKING:
    from typing import Any


class Registry:
    """A table from names to classes or functions.

    A name is searched here, then in `parent` and above. `scope` is the prefix that reaches this registry from
    the rest of the tree (`scope.Name`); without one it is the top-level package that creates the registry.
    `build_func` is what `build` calls; without one it is the parent's.

    Names may come from elsewhere on the first miss: from the modules in `locations`, and from those that
    other distributions announce under `entry_point` (see `discovery.py`); `provider` is the distribution to
    install if there are none. `allow_import` holds patterns of import paths that are names here as well
    (`"torch.nn.*"`).

    >>> activations = Registry("activation", scope="demo")
    >>> @activations.register_module()
    ... class Sigmoid:
    ...     def __init__(self, slope=1.0):
    ...         self.slope = slope
    >>> activations.build({"type": "Sigmoid", "slope": 2.0}).slope
    2.0
    """

    split_scope_key = staticmethod(split_scope_key)

    _node: Node

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
            scope = self.infer_scope()
        if parent is not None and scope in parent.children:
            raise TakenError(f"the {parent.label} registry already has a child of scope `{scope}`")
        self.name = name
        self.scope = scope
        self.parent = parent
        self.children: dict[str, Registry] = {}
        names = Names(self.label)
        #: the live table from names to objects
        self.module_dict: dict[str, Any] = names.objects
        self._node = Node(
            self,
            scope,
            None if parent is None else parent._node,
            names,
            Source(self.label, locations, entry_point, provider),
            allow_import,
        )
        self._names = names
        if parent is not None:
            parent.children[scope] = self
        inherited = build_from_cfg if parent is None else parent.build_func
        self.build_func: Callable[..., Any] = inherited if build_func is None else build_func

    @staticmethod
    def infer_scope() -> str:
        """The top-level package of the code that called the function that calls this: the scope of a new registry."""
        return _package_of(_getframe(2))

    @property
    def label(self) -> str:
        """`scope::name`, as messages call it."""
        return f"{self.scope}::{self.name}"

    @property
    def root(self) -> Registry:
        """The registry at the top of the tree."""
        return self if self.parent is None else self.parent.root

    def __len__(self) -> int:
        return len(self.module_dict)

    def __bool__(self) -> bool:
        return True  # an empty registry is still there

    def __contains__(self, key: str) -> bool:
        return self.get(key) is not None

    def __repr__(self) -> str:
        return table(f"Registry of {self.name} (scope {self.scope}, {len(self)} names)", self.module_dict)

    def register_module(
        self,
        name: str | Sequence[str] | None = None,
        force: bool = False,
        module: Any = None,
        *,
        gives_way: bool = False,
    ) -> Any:
        """Register a class or function, by decoration or as `module=`; it is returned as it is.

        `name` is one name or several; without one it is `module.__name__`. A taken name is a TakenError that
        says where both objects were registered, unless `force` takes it away. The same source run again (a
        reloaded module, a notebook cell) takes its own old place. If two packages claim a name, both can be
        imported: asking for that name is the error, and `package.Name` reaches each.

        `gives_way` is for what a library has ready under a name that its users may want for their own (`Accuracy`): any
        other registration of the name, before or after, takes its place without a word.
        """
        if force is not True and force is not False:
            raise WrongTypeError(f"force must be a bool, not {type(force).__name__}")
        names = None if name is None else _names(name)
        if module is not None:
            self._names.register(module, names, force, _getframe(1), gives_way)
            return module
        if names is None and not force and not gives_way:
            return self._decorate

        def register(module: Any) -> Any:
            self._names.register(module, names, force, _getframe(1), gives_way)
            return module

        return register

    def get(self, key: str) -> Any | None:
        """The object that `key` names, or None.

        `Name` is searched here and in the parents, `scope.Name` in the registry of that scope; then, where
        that is allowed, the key is an import path. A registry that misses a name first imports what may bring
        it.
        """
        if not isinstance(key, str):
            raise WrongTypeError(f"a key must be a str, not {type(key).__name__}: {key!r}")
        return find(self._node, key)

    def find(self, key: str, scope: str | None = None) -> Any:
        """The object that `build` would use for the type `key`, in the scope in force or, with `scope`, in that one.

        Raises NotRegisteredError, which says where it was searched and what to do.
        """
        current = in_force.get()
        if scope is None or (current is not None and current.scope_name == scope):
            return search(self._node, key, scope)
        with DefaultScope.overwrite_default_scope(scope):
            return search(self._node, key, scope)

    def build(self, cfg: Any, *args: Any, **kwargs: Any) -> Any:
        """`build_func(cfg, *args, **kwargs, registry=self)`: without an own `build_func`, `build_from_cfg`.

        Errors name the place in the configuration, also when this is called by the constructor of a larger
        part.
        """
        try:
            if not args and not kwargs:  # the common case, spared of packing and unpacking
                return self.build_func(cfg, registry=self)
            return self.build_func(cfg, *args, **kwargs, registry=self)
        except Exception as error:
            mark(error, cfg)
            raise

    def import_from_location(self) -> None:
        """Import now what the first miss would import."""
        self._node.source.complete()

    @contextmanager
    def switch_scope_and_registry(self, scope: str | None) -> Iterator[Registry]:
        """Put `scope` in force for a block (None: leave the one in force) and give it the registry that answers."""
        with DefaultScope.overwrite_default_scope(scope):
            yield registry_in_force(self._node).owner

    def _decorate(self, module: Any) -> Any:
        self._names.register(module, None, False, _getframe(1))
        return module


def _names(name: object) -> Sequence[str]:
    if isinstance(name, str):
        return (name,)
    if isinstance(name, Sequence) and all(isinstance(part, str) for part in name):
        return name
    raise WrongTypeError(f"name must be a str or a sequence of str, not {type(name).__name__}: {name!r}")


def _package_of(frame: FrameType) -> str:
    """The top-level package whose code runs in `frame`."""
    name = frame.f_globals.get("__name__")
    if isinstance(name, str):
        return name.partition(".")[0]
    logger(__name__).warning("A registry is created outside any module; its scope is `%s`.", ROOT_SCOPE)
    return ROOT_SCOPE
