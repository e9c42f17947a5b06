"""What a registry is made of: its names, its place in the tree, and where its names come from.

Only data; searching is `lookup.py`, filling from other packages `discovery.py`, and what users hold is `registry.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import CodeType
from typing import Any, NamedTuple

from eng_registry.scope import canonical


class Place(NamedTuple):
    """Where an object was registered: the running code, its line, and the name of its module."""

    code: CodeType
    line: int
    module: str

    @property
    def where(self) -> str:
        return f"{self.code.co_filename}:{self.line}"

    @property
    def owner(self) -> str:
        """The top-level package that registered it."""
        return self.module.partition(".")[0]


class Claim(NamedTuple):
    """One of several packages' objects under one name."""

    obj: Any
    place: Place


class Failure(NamedTuple):
    """An entry point that could not be imported, and why."""

    source: str
    error: Exception


class Node:
    """One registry in its tree."""

    def __init__(
        self,
        name: str,
        scope: str,
        parent: Node | None,
        locations: Sequence[str],
        entry_point: str | None,
        provider: str | None,
        allowed_imports: tuple[str, ...],
    ) -> None:
        self.name = name
        self.scope = scope
        self.parent = parent
        self.children: dict[str, Any] = {}
        #: the live table from names to objects
        self.module_dict: dict[str, Any] = {}
        self._places: dict[str, Place] = {}
        self._forced: set[str] = set()
        self._clashes: dict[str, list[Claim]] = {}
        self._locations = locations
        self._entry_point = entry_point
        self._provider = provider
        self._allowed_imports = allowed_imports
        self._complete = False
        self._failures: list[Failure] = []

    @property
    def label(self) -> str:
        """`scope::name`, as messages call it."""
        return f"{self.scope}::{self.name}"

    @property
    def _root(self) -> Node:
        node = self
        while node.parent is not None:
            node = node.parent
        return node

    def _has_scope(self, scope: str) -> bool:
        return canonical(self.scope) == canonical(scope)

    def _walk(self) -> Iterator[Node]:
        """This node and all below it, depth first."""
        yield self
        for child in self.children.values():
            yield from child._walk()
