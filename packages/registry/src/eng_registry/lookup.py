"""From a name, with or without a scope in front, to an object.

    Name          this registry, then its parents up to the root
    scope.Name    the registry of that scope, or what the package `scope` itself registered here
    a.b.Name      an import path, where `allow_import` says so

A registry that misses a name first imports whatever may fill it (`discovery.py`).
"""

from __future__ import annotations

from importlib import import_module

from eng_registry.discovery import complete
from eng_registry.errors import AmbiguousNameError
from eng_registry.imports import import_object, is_allowed
from eng_registry.log import logger
from eng_registry.node import Claim, Node, Place
from eng_registry.scope import ALIASES, canonical, in_force

TYPE_CHECKING = False  # as in `typing`, whose import costs more than this package
if TYPE_CHECKING:
    from typing import Any

_warned: set[tuple[str, str]] = set()


def split_scope_key(key: str) -> tuple[str | None, str]:
    """The scope before the first dot, and the rest.

    >>> split_scope_key("A"), split_scope_key("s.t.A")
    ((None, 'A'), ('s', 't.A'))
    """
    scope, dot, rest = key.partition(".")
    return (scope, rest) if dot else (None, key)


def find(node: Node, key: str) -> Any | None:
    """The object that `key` means when asked at `node`, or None."""
    found = node.module_dict.get(key)
    if found is not None:
        return found
    scope, dot, name = key.partition(".")
    if not dot:
        return _find_upwards(node, key)
    target = seen_from(node, scope)
    found = target.module_dict.get(name) if target is not None else None
    if found is None:
        found = _find_in_scope(node, scope, name)
    return found if found is not None else import_object(key, node._allow_import)


def seen_from(node: Node, scope: str) -> Node | None:
    """The registry that a scope in front of a name means: this one, a child, the root, or one below the root."""
    scope = ALIASES.get(scope, scope)  # `canonical`, without the call: this is on the road of every prefix
    if scope == node._scope:
        return node
    if scope in node.children:
        return node.children[scope]  # type: ignore[no-any-return]  # a Node; Registry says so
    top = node._top
    return top if scope == top._scope else top.children.get(scope)


def registry_in_force(node: Node) -> Node:
    """The registry of the scope in force in the tree of `node`; `node` itself where there is none."""
    scope = in_force.get()
    if scope is None:
        return node
    name = canonical(scope.scope_name)
    if name == node._scope:
        return node
    top = node._top
    if name not in top._by_scope:
        _import_scope(scope.scope_name, node)
        if name not in top._by_scope:
            _warn_once(node, scope.scope_name)
            return node
    return top._by_scope[name]


def _find_upwards(node: Node, name: str) -> Any | None:
    for registry in node._upwards():
        found = _find_own(registry, name)
        if found is not None:
            return found
    return None


def _find_own(node: Node, name: str, scope: str | None = None) -> Any | None:
    """The object of that name in this very registry; with a scope, its own packages win over strangers."""
    found = node.module_dict.get(name)
    if found is None and complete(node):
        found = node.module_dict.get(name)
    if found is None and name in node._claims:
        at_home = [claim.obj for claim in node._claims[name] if scope is not None and _is_of(claim, scope)]
        if len(at_home) != 1:
            raise _ambiguous(node, name)
        return at_home[0]
    return found


def _find_in_scope(node: Node, scope: str, name: str) -> Any | None:
    """What a prefixed name means that is not in the table of that scope yet: more is imported, step by step."""
    target = seen_from(node, scope)
    if target is None:
        for registry in node._upwards():
            complete(registry)  # what fills a registry may bring scopes along
        target = seen_from(node, scope)
    if target is None:
        _import_scope(scope, node)
        target = seen_from(node, scope)
    if target is None:
        return _registered_by(node, scope, name)
    if target is node or target.parent is None:
        return _find_own(target, name, scope)
    return find(target, name)


def _registered_by(node: Node, package: str, name: str) -> Any | None:
    """What the top-level package `package` registered here or above under that name."""
    for registry in node._upwards():
        for claim in registry._claims.get(name, ()):
            if claim.place.package == package:
                return claim.obj
        if name in registry._places and Place(*registry._places[name]).package == package:
            return registry.module_dict.get(name)
    return None


def _is_of(claim: Claim, scope: str) -> bool:
    """Whether the package that claims a name is `scope` or of its family, as `eng_optim` is of `eng`."""
    package, scope = claim.place.package, canonical(scope)
    return package == scope or package.startswith(f"{scope}_")


def _ambiguous(node: Node, name: str) -> AmbiguousNameError:
    claims = ", ".join(f"`{claim.place.package}.{name}` ({claim.place})" for claim in node._claims[name])
    return AmbiguousNameError(
        f"{name} is registered in the {node.label} registry by several packages. Say which one is meant: {claims}."
    )


def _import_scope(scope: str, node: Node) -> None:
    """Import `<scope>.registry`, where a project keeps its registries, if that import is allowed."""
    module = f"{scope}.registry"
    if not scope.isidentifier() or not is_allowed(module, node._allow_import):
        return
    try:
        import_module(module)
    except ModuleNotFoundError as error:
        if error.name not in (scope, module):
            raise


def _warn_once(node: Node, scope: str) -> None:
    if (node.label, scope) in _warned:
        return
    _warned.add((node.label, scope))
    logger(__name__).warning(
        "The scope in force is `%s`, but no registry of that scope belongs to %s, which is searched instead: "
        "is the package that defines it imported?",
        scope,
        node.label,
    )
