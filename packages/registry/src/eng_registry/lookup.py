"""From a name, with or without a scope in front, to an object.

    Name          this registry, then its parents up to the root
    scope.Name    the registry of that scope, or what the package `scope` itself registered here
    a.b.Name      an import path, where `allow_import` says so

A registry that misses a name first imports whatever may fill it (`discovery.py`).
"""

from __future__ import annotations

from importlib import import_module

from eng_registry.imports import import_object, is_allowed
from eng_registry.log import logger
from eng_registry.missing import not_registered
from eng_registry.node import Node
from eng_registry.scope import ALIASES, canonical, in_force

TYPE_CHECKING = False  # as in `typing`, whose import costs more than this package
if TYPE_CHECKING:
    from typing import Any

_warned: set[tuple[str, str]] = set()


def search(node: Node, key: str, scope: str | None = None) -> Any:
    """What `key` means for the scope in force; with `scope`, the one that was asked for, nothing else will do.

    Without it, a name that the scope in force does not have is also searched from `node`. Raises
    `NotRegisteredError`.
    """
    answering = registry_in_force(node)
    found = find(answering, key)
    if found is None and answering is not node and scope is None:
        found = find(node, key)
    if found is None:
        raise not_registered(answering, key)
    return found


def find(node: Node, key: str) -> Any | None:
    """The object that `key` means when asked at `node`, or None."""
    found = node.objects.get(key)
    if found is not None:
        return found
    scope, dot, name = key.partition(".")
    if not dot:
        return _find_upwards(node, key)
    target = node.seen(scope)
    found = target.objects.get(name) if target is not None else None
    if found is None:
        found = _find_in_scope(node, scope, name)
    return found if found is not None else import_object(key, node.allow_import)


def registry_in_force(node: Node) -> Node:
    """The registry of the scope in force in the tree of `node`; `node` itself where there is none."""
    scope = in_force.get()
    if scope is None:
        return node
    name = ALIASES.get(scope.scope_name, scope.scope_name)  # `canonical`, without the call, as in `Node.seen`
    if name == node.canonical_scope:
        return node
    top = node.top
    if name not in top.by_scope:
        _import_scope(scope.scope_name, node)
        if name not in top.by_scope:
            _warn_once(node, scope.scope_name)
            return node
    return top.by_scope[name]


def _find_upwards(node: Node, name: str) -> Any | None:
    registry: Node | None = node
    while registry is not None:
        found = _find_own(registry, name)
        if found is not None:
            return found
        registry = registry.parent
    return None


def _find_own(node: Node, name: str, scope: str | None = None) -> Any | None:
    """The object of that name in this very registry; with a scope, its own packages win over others."""
    found = node.objects.get(name)
    if found is None and node.source.complete():
        found = node.objects.get(name)
    if found is None:
        found = node.names.claimed(name, None if scope is None else canonical(scope))
    return found


def _find_in_scope(node: Node, scope: str, name: str) -> Any | None:
    """What a prefixed name means that is not in the table of that scope yet: more is imported, step by step."""
    target = node.seen(scope)
    if target is None:
        for registry in node.upwards():
            registry.source.complete()  # what fills a registry may bring scopes along
        target = node.seen(scope)
    if target is None:
        _import_scope(scope, node)
        target = node.seen(scope)
    if target is None:
        by_package = (registry.names.registered_by(scope, name) for registry in node.upwards())
        return next((found for found in by_package if found is not None), None)
    if target is node or target.parent is None:
        return _find_own(target, name, scope)
    return find(target, name)


def _import_scope(scope: str, node: Node) -> None:
    """Import `<scope>.registry`, where a project keeps its registries, if that import is allowed."""
    module = f"{scope}.registry"
    if not scope.isidentifier() or not is_allowed(module, node.allow_import):
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
