"""One registry as the search sees it: its names, what may fill it, and its position in the tree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from weakref import WeakSet

from eng_registry.discovery import Source
from eng_registry.names import Names
from eng_registry.scope import ALIASES, canonical

TYPE_CHECKING = False  # as in `typing`, whose import costs more than this package
if TYPE_CHECKING:
    from typing import Any


class Node:
    """One registry in its tree; `owner` is the `Registry` that users have."""

    __slots__ = (
        "__weakref__",
        "allow_import",
        "by_scope",
        "canonical_scope",
        "children",
        "names",
        "objects",
        "owner",
        "parent",
        "scope",
        "source",
        "top",
    )

    def __init__(
        self,
        owner: Any,
        scope: str,
        parent: Node | None,
        names: Names,
        source: Source,
        allow_import: Sequence[str],
    ) -> None:
        self.owner = owner
        self.scope = scope
        self.canonical_scope = canonical(scope)
        self.parent = parent
        self.children: dict[str, Node] = {}
        self.top: Node = self if parent is None else parent.top
        self.names = names
        #: the table of `names`, at hand because every search reads it
        self.objects = names.objects
        self.source = source
        self.allow_import = tuple(allow_import)
        #: of a root: the first registry of each scope in its tree, depth first
        self.by_scope: dict[str, Node] = {self.canonical_scope: self}
        everywhere.add(self)
        if parent is not None:
            parent.children[scope] = self
            self.top.by_scope = {node.canonical_scope: node for node in reversed([*self.top.downwards()])}

    @property
    def label(self) -> str:
        """`scope::name`, as messages call it."""
        return self.names.label

    def seen(self, scope: str) -> Node | None:
        """The registry that a scope in front of a name means: this one, a child, the root, or one below the root."""
        scope = ALIASES.get(
            scope, scope
        )  # `canonical`, without the call: every name with a prefix comes here
        if scope == self.canonical_scope:
            return self
        if scope in self.children:
            return self.children[scope]
        top = self.top
        return top if scope == top.canonical_scope else top.children.get(scope)

    def upwards(self) -> Iterator[Node]:
        """This node and its parents, nearest first."""
        node: Node | None = self
        while node is not None:
            yield node
            node = node.parent

    def downwards(self) -> Iterator[Node]:
        """This node and all below it, depth first."""
        yield self
        for child in self.children.values():
            yield from child.downwards()


#: Every registry of the process, to say where else a name is.
everywhere: WeakSet[Node] = WeakSet()
