"""From a name, with or without a scope in front, to an object.

    Name          this registry, then its parents up to the root
    scope.Name    exactly that scope's registry, or what the package `scope` registered here
    a.b.Name      an import path, only where `allow_import` says so

A registry that misses a name first imports whatever may fill it (`discovery.py`).
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import Any

from eng_registry.discovery import complete
from eng_registry.errors import AmbiguousNameError
from eng_registry.imports import import_object, is_allowed
from eng_registry.node import Claim, Node
from eng_registry.scope import canonical

logger = logging.getLogger(__name__)


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
    scope, name = split_scope_key(key)
    if scope is None:
        return find_upwards(node, name)
    found = find_in_scope(node, scope, name)
    if found is not None:
        return found
    return import_object(key, node._allowed_imports)


def find_upwards(node: Node | None, name: str) -> Any | None:
    """The object of that name in `node` or the nearest parent that has it."""
    while node is not None:
        found = find_own(node, name)
        if found is not None:
            return found
        node = node.parent
    return None


def find_own(node: Node, name: str) -> Any | None:
    """The object of that name in this very registry."""
    found = node.module_dict.get(name)
    if found is None and complete(node):
        found = node.module_dict.get(name)
    if found is None and name in node._clashes:
        raise ambiguous(node, name)
    return found


def find_in_scope(node: Node, scope: str, name: str) -> Any | None:
    """The object of that name in the registry of that scope, seen from `node`."""
    if node._has_scope(scope):
        return find_claimed(node, scope, name)
    if scope in node.children:
        return find(node.children[scope], name)
    root = node._root
    if not root._has_scope(scope) and scope not in root.children:
        complete(node)
        complete(root)
        if scope not in root.children:
            import_scope(scope, node)
    if root is not node and (root._has_scope(scope) or scope in root.children):
        return find_in_scope(root, scope, name)
    if scope in root.children:
        return find(root.children[scope], name)
    return registered_by(node, scope, name) or registered_by(root, scope, name)


def find_claimed(node: Node, scope: str, name: str) -> Any | None:
    """The object of that name in a registry asked for by its own scope: a package of that scope wins a clash."""
    found = node.module_dict.get(name)
    if found is None and complete(node):
        found = node.module_dict.get(name)
    if found is None and name in node._clashes:
        at_home = [claim.obj for claim in node._clashes[name] if is_of_scope(claim, scope)]
        if len(at_home) != 1:
            raise ambiguous(node, name)
        return at_home[0]
    return found


def registered_by(node: Node, package: str, name: str) -> Any | None:
    """What the top-level package `package` registered here under that name."""
    for claim in node._clashes.get(name, ()):
        if claim.place.owner == package:
            return claim.obj
    if name in node.module_dict and node._places[name].owner == package:
        return node.module_dict[name]
    return None


def is_of_scope(claim: Claim, scope: str) -> bool:
    """Whether the package that claims the name is `scope` or one of its family (`eng_optim` is of `eng`)."""
    owner, scope = claim.place.owner, canonical(scope)
    return owner == scope or owner.startswith(scope + "_")


def ambiguous(node: Node, name: str) -> AmbiguousNameError:
    """The error that names all who claim `name`, with how to reach each."""
    claims = "; ".join(f"`{c.place.owner}.{name}` ({c.place.where})" for c in node._clashes[name])
    return AmbiguousNameError(
        f"{name} is registered in {node.label} by several packages; say which one is meant: {claims}"
    )


def node_of_scope(node: Node, scope: str) -> Node | None:
    """The registry of that scope in the tree of `node`, or None."""
    for candidate in node._root._walk():
        if candidate._has_scope(scope):
            return candidate
    return None


def import_scope(scope: str, node: Node) -> None:
    """Import `<scope>.registry`, where a project keeps its registries, if that import is allowed."""
    module = f"{scope}.registry"
    if not scope.isidentifier() or not is_allowed(module, node._allowed_imports):
        return
    try:
        import_module(module)
    except ModuleNotFoundError as error:
        if error.name not in (scope, module):
            raise
