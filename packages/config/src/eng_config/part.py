"""What a check must be told about a place of a configuration: who knows the names there, and what its builder does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from .errors import suggest

__all__ = ["Finder", "Part"]


class Finder(Protocol):
    """What a check asks a registry."""

    def find(self, key: str, scope: str | None = None) -> Any:
        """What the name means, asked in `scope`; a LookupError that says why nothing."""


class Part:
    """What may stand at a place of a configuration, for `Config.check`.

    `registry` knows the names; a dictionary from names to classes will do. `target` is what is built where there is
    no `type`. The builder adds the arguments `given` itself, and it takes the keys `taken` out before it calls the
    constructor.

    >>> Part({"SGD": object}, given=["params"])
    Part({'SGD': <class 'object'>}, target=None, given=['params'], taken=[])
    """

    __slots__ = ("given", "registry", "taken", "target")

    def __init__(
        self,
        registry: Finder | Mapping[str, Any] | None = None,
        *,
        target: Callable[..., Any] | None = None,
        given: Iterable[str] = (),
        taken: Iterable[str] = (),
    ) -> None:
        self.registry = registry
        self.target = target
        self.given = frozenset(given)
        self.taken = frozenset(taken)

    def __repr__(self) -> str:
        builder = f"given={sorted(self.given)}, taken={sorted(self.taken)}"
        return f"Part({self.registry!r}, target={self.target!r}, {builder})"

    def find(self, name: str, scope: str | None) -> Any:
        """What the name means here; a LookupError that says why nothing."""
        if self.registry is None:
            raise LookupError(f"nothing is known by the name `{name}` here")
        if isinstance(self.registry, Mapping):
            if name not in self.registry:
                there = ", ".join(sorted(self.registry)) or "nothing"
                raise LookupError(
                    f"there is no `{name}`{suggest(name, self.registry)}; there is: {there}; write one of these"
                )
            return self.registry[name]
        return self.registry.find(name, scope)
