"""From the scope in force to the registry that answers."""

from __future__ import annotations

import logging

from eng_registry.lookup import import_scope, node_of_scope
from eng_registry.node import Node
from eng_registry.scope import in_force

logger = logging.getLogger(__name__)
_warned: set[tuple[str, str]] = set()


def registry_in_force(node: Node) -> Node:
    """The registry of the scope in force in the tree of `node`; `node` itself where there is none."""
    scope = in_force.get()
    if scope is None or node._has_scope(scope.scope_name):
        return node
    found = node_of_scope(node, scope.scope_name)
    if found is None:
        import_scope(scope.scope_name, node)
        found = node_of_scope(node, scope.scope_name)
    if found is None:
        _warn_once(node, scope.scope_name)
        return node
    return found


def _warn_once(node: Node, scope: str) -> None:
    if (node.label, scope) not in _warned:
        _warned.add((node.label, scope))
        logger.warning(
            "No registry `%s` of scope `%s`, which is in force: %s is searched instead. "
            "Import the package that defines it, or set another default scope.",
            node.name,
            scope,
            node.label,
        )
