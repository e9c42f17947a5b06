"""What a registry is made of: its names, its place in the tree, and where its names come from.

Only data. Searching is in `lookup.py`, filling from other packages in `discovery.py`; users hold a
`Registry`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import CodeType

from eng_registry.scope import canonical

TYPE_CHECKING = False  # as in `typing`, whose import costs more than this package
if TYPE_CHECKING:
    from typing import Any


class Place:
    """Where an object was registered: the code that was running, the instruction in it, and its module's globals.

    A line number is not kept, because counting lines is slow and only an error asks for them.
    """

    __slots__ = ("code", "instruction", "namespace")

    def __init__(self, code: CodeType, instruction: int, namespace: dict[str, Any]) -> None:
        self.code = code
        self.instruction = instruction
        self.namespace = namespace

    @property
    def line(self) -> int | None:
        for start, end, line in self.code.co_lines():
            if start <= self.instruction < end:
                return line
        return None

    @property
    def package(self) -> str:
        """The top-level package that registered it."""
        return str(self.namespace.get("__name__", "__main__")).partition(".")[0]

    def __str__(self) -> str:
        return f"{self.code.co_filename}:{self.line}"


class Claim:
    """One of several packages' objects for one name."""

    __slots__ = ("obj", "place")

    def __init__(self, obj: Any, place: Place) -> None:
        self.obj = obj
        self.place = place


class Failure:
    """An entry point that could not be imported, and why."""

    __slots__ = ("error", "source")

    def __init__(self, source: str, error: Exception) -> None:
        self.source = source
        self.error = error


class Node:
    """One registry in its tree."""

    __slots__ = (
        "_allow_import",
        "_by_scope",
        "_claims",
        "_complete",
        "_entry_point",
        "_failures",
        "_forced",
        "_gives_way",
        "_locations",
        "_places",
        "_provider",
        "_scope",
        "_top",
        "children",
        "module_dict",
        "name",
        "parent",
        "scope",
    )

    def __init__(
        self,
        name: str,
        scope: str,
        parent: Node | None,
        locations: Sequence[str],
        entry_point: str | None,
        provider: str | None,
        allow_import: Sequence[str],
    ) -> None:
        self.name = name
        self.scope = scope
        self.parent = parent
        self.children: dict[str, Any] = {}
        self._top: Node = self if parent is None else parent._top
        #: the live table from names to objects
        self.module_dict: dict[str, Any] = {}
        self._scope = canonical(scope)
        #: of a root: the first registry of each scope in its tree, depth first
        self._by_scope: dict[str, Node] = {self._scope: self}
        self._places: dict[str, tuple[CodeType, int, dict[str, Any]]] = {}
        #: names that several packages claim; such a name is in `module_dict` only if one of them used force
        self._claims: dict[str, list[Claim]] = {}
        self._forced: set[str] = set()
        #: names whose object any other one may take the place of
        self._gives_way: set[str] = set()
        self._locations = tuple(locations)
        self._entry_point = entry_point
        self._provider = provider
        self._allow_import = tuple(allow_import)
        self._complete = False
        self._failures: list[Failure] = []

    @property
    def label(self) -> str:
        """`scope::name`, as messages call it."""
        return f"{self.scope}::{self.name}"

    def _adopt(self, child: Node) -> None:
        self.children[child.scope] = child
        self._top._by_scope = {node._scope: node for node in reversed([*self._top._downwards()])}

    def _upwards(self) -> Iterator[Node]:
        """This node and its parents, nearest first."""
        node: Node | None = self
        while node is not None:
            yield node
            node = node.parent

    def _downwards(self) -> Iterator[Node]:
        """This node and all below it, depth first."""
        yield self
        for child in self.children.values():
            yield from child._downwards()
