"""What to say when a name is not found: where it was searched, what is near, where it does exist, what to install."""

from __future__ import annotations

import weakref
from collections.abc import Iterator

from eng_registry.errors import NotRegisteredError
from eng_registry.lookup import split_scope_key
from eng_registry.node import Node
from eng_registry.suggest import suggest

#: Every registry of the process, to tell where else a name is.
known: weakref.WeakSet[Node] = weakref.WeakSet()
SHOWN = 12


def not_registered(node: Node, key: str) -> NotRegisteredError:
    """The error for a name that `node` cannot find; the reason is attached if a provider failed to import."""
    error = NotRegisteredError(f"{key} is not in the {node.label} registry. " + " ".join(hints(node, key)))
    failures = [failure.error for part in lineage(node) for failure in part._failures]
    if len(failures) == 1:
        error.__cause__ = failures[0]
    elif failures:
        error.__cause__ = ExceptionGroup("entry points that could not be imported", failures)
    return error


def hints(node: Node, key: str) -> Iterator[str]:
    """What helps, most helpful first."""
    _, name = split_scope_key(key)
    registered = sorted({name for part in lineage(node) for name in part.module_dict})
    nearest = suggest(key, registered) or suggest(name, registered)
    if nearest:
        yield nearest[0].upper() + nearest[1:]
    elsewhere = [
        f"{other.label} as `{other.scope}.{name}`" if other._root is node._root else other.label
        for other in sorted(known, key=lambda other: other.label)
        if name in other.module_dict and other is not node
    ]
    if elsewhere:
        yield f"It is in {', '.join(elsewhere)}."
    for part in lineage(node):
        for failure in part._failures:
            yield f"The {failure.source} could not be imported: {type(failure.error).__name__}: {failure.error}."
        if part._provider is not None and not is_installed(part._provider):
            yield f"{part.label} is filled by {part._provider}, which is not installed: pip install {part._provider}."
    if "." in key:
        yield f"To import it by its path, say so in code: with allow_import({key.rpartition('.')[0] + '.*'!r})."
    if registered:
        more = f", ... ({len(registered)} in all)" if len(registered) > SHOWN else ""
        yield f"Registered: {', '.join(registered[:SHOWN])}{more}."
    else:
        yield "Nothing is registered; is the module that registers it imported?"


def lineage(node: Node | None) -> Iterator[Node]:
    """`node` and its parents: what a name without scope is searched in."""
    while node is not None:
        yield node
        node = node.parent


def is_installed(distribution: str) -> bool:
    # The metadata reader costs more than this whole package, and only a failure needs it.
    from importlib.metadata import PackageNotFoundError, version

    try:
        version(distribution)
    except PackageNotFoundError:
        return False
    return True
