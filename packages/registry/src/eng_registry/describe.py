"""Registries told to people: the table of one, the tree of all, the count of everything."""

from __future__ import annotations

from eng_registry.node import Node


def table(node: Node) -> str:
    """The names of a registry and their objects, sorted by name, as a table of text."""
    rows = [("Names", "Objects"), *((name, str(obj)) for name, obj in sorted(node.module_dict.items()))]
    width = max(len(name) for name, _ in rows)
    lines = [f"{name:<{width}}  {obj}".rstrip() for name, obj in rows]
    lines.insert(1, f"{'-' * width}  {'-' * max(len(obj) for _, obj in rows)}")
    return "\n".join([f"Registry of {node.name} (scope {node.scope}, {len(node.module_dict)} names)", *lines])
