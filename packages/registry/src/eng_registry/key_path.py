"""Where in a configuration something went wrong.

The innermost build knows only its own mapping. Each build around it finds that mapping in its own one and
puts the way to it in front. Nothing of this costs anything until something fails.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

TYPE_CHECKING = False  # as in `typing`, whose import costs more than this package
if TYPE_CHECKING:
    from typing import Any


class KeyPath:
    """The way from the root of a configuration to a fault in it, known from its end first."""

    __slots__ = ("_known", "_subject", "origin", "path")

    def __init__(self, path: str = "", origin: str | None = None) -> None:
        self.path = path
        self.origin = origin
        #: the configuration that `path` starts from; None before any build has seen the fault
        self._subject: Any = None
        #: whether the configuration itself told the whole path
        self._known = False

    def extend(self, cfg: Any, key: str) -> None:
        """Let the path start from `cfg`, which was being built; `key` is the one to blame if the fault is in `cfg`."""
        if self._known or self._subject is cfg:
            return
        own = origin_of(cfg)
        if self._subject is None:
            own_key = origin_of(cfg, key) or own
            self.origin = self.origin or (spell_origin(own_key) if own_key is not None else None)
        else:
            self.path = join(position(cfg, self._subject), self.path)
        self._subject = cfg
        if own is not None:
            self.prefix(own.path)
            self.origin = self.origin or spell_origin(own)
            self._known = True

    def prefix(self, path: str) -> None:
        if not self._known:
            self.path = join(path, self.path)

    def __reduce__(self) -> tuple[Any, ...]:
        return KeyPath, (self.path, self.origin)


def origin_of(cfg: Any, key: str | None = None) -> Any | None:
    """What `cfg` tells about where it (or the value of its `key`) was written: `file`, `line`, `path`.

    Any mapping may know, by a method `__origin__(key=None)`.
    """
    ask = getattr(type(cfg), "__origin__", None)
    return ask(cfg, key) if callable(ask) else None


def spell_origin(origin: Any) -> str:
    return f"{origin.file}:{origin.line}" if origin.line else str(origin.file)


def join(head: str, tail: str) -> str:
    """Two pieces of a key path as one.

    >>> join("model", "backbone"), join("hooks", "[0].type"), join("", "a"), join("a", "")
    ('model.backbone', 'hooks[0].type', 'a', 'a')
    """
    if not head or not tail:
        return head or tail
    return head + tail if tail.startswith("[") else f"{head}.{tail}"


def position(outer: Any, inner: Any) -> str:
    """The key path of the mapping `inner` within `outer`.

    Found by identity. A constructor may have changed a copy of what it was given before building that: then
    the only part of the same `type` is meant, be it `outer` itself. Where that is no help either, the path
    says whose part it is: `<ResNet>`.

    >>> stem = {"type": "Stem"}
    >>> position({"type": "Net", "layers": [stem]}, stem), position({"type": "Net"}, stem)
    ('layers[0]', '<Net>')
    """
    parts = list(parts_of(outer))
    for path, part in parts:
        if part is inner:
            return path
    alike = [path for path, part in parts if kind_of(part) == kind_of(inner) is not None]
    return alike[0] if len(alike) == 1 else f"<{label(outer)}>"


def parts_of(value: Any, path: str = "", above: tuple[int, ...] = ()) -> Iterator[tuple[str, Any]]:
    """All mappings and lists in `value`, itself first, with their key paths."""
    if id(value) in above:
        return
    if isinstance(value, Mapping):
        yield path, value
        for key, part in value.items():
            yield from parts_of(part, join(path, str(key)), (*above, id(value)))
    elif isinstance(value, (list, tuple)):
        yield path, value
        for i, part in enumerate(value):
            yield from parts_of(part, f"{path}[{i}]", (*above, id(value)))


def kind_of(cfg: Any) -> Any | None:
    """The `type` of a configuration, if it has one."""
    return cfg.get("type") if isinstance(cfg, Mapping) else None


def label(cfg: Any) -> str:
    """What a configuration builds, in a word."""
    kind = kind_of(cfg)
    if kind is None:
        return type(cfg).__name__
    return str(getattr(kind, "__name__", kind))
