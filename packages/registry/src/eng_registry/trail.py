"""Where in a configuration something went wrong: the path grows while the error travels out of nested builds.

The innermost build knows only its own mapping. Each build around it looks up where in *its* mapping that one lies and
puts the way in front. Nothing of this costs anything until something fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eng_registry.errors import RegistryError


class TrailNote(str):
    """The note on an error that is not ours: which object of the configuration was being built."""

    __slots__ = ("absolute", "origin", "path", "subject", "what")
    what: str
    path: str
    origin: str | None
    absolute: bool
    subject: Any

    @classmethod
    def of(cls, what: str, path: str, origin: str | None, subject: Any, absolute: bool) -> TrailNote:
        place = f"{origin}: " if origin else ""
        at = f" at `{path}`" if path else ""
        note = cls(f"{place}while building {what}{at}")
        note.what, note.path, note.origin, note.subject, note.absolute = what, path, origin, subject, absolute
        return note


def mark(error: Exception, cfg: Any, what: str) -> None:
    """Say on `error` that it came out of building `cfg`, or lengthen the path that is already said."""
    if isinstance(error, RegistryError):
        extend(error, cfg, what)
        return
    notes: list[str] = getattr(error, "__notes__", [])
    for i, note in enumerate(notes):
        if isinstance(note, TrailNote):
            if not note.absolute and note.subject is not cfg:
                path = join(position(cfg, note.subject, what), note.path)
                path, origin, absolute = prefixed(cfg, path, note.origin)
                notes[i] = TrailNote.of(note.what, path, origin, cfg, absolute)
            return
    path, origin, absolute = prefixed(cfg, "", None)
    error.add_note(TrailNote.of(what, path, origin, cfg, absolute))


def extend(error: RegistryError, cfg: Any, what: str) -> None:
    """Put the way from `cfg` to the error's mapping in front of the error's path."""
    if error.subject is cfg or error.absolute:
        return
    if error.subject is not None:
        error.path = join(position(cfg, error.subject, what), error.path)
    error.subject = cfg
    error.path, error.origin, error.absolute = prefixed(cfg, error.path, error.origin)


def prefixed(cfg: Any, path: str, origin: str | None) -> tuple[str, str | None, bool]:
    """Path and origin completed by what `cfg` itself knows about its place, and whether it knew."""
    known = origin_of(cfg)
    if known is None:
        return path, origin, False
    return join(known.path, path), origin or f"{known.file}:{known.line}", True


def origin_of(cfg: Any, key: str | None = None) -> Any | None:
    """What `cfg` tells about where it (or its `key`) was written, if it is of a kind that knows."""
    ask = getattr(type(cfg), "__origin__", None)
    return ask(cfg, key) if callable(ask) else None


def join(head: str, tail: str) -> str:
    """Two pieces of a key path as one.

    >>> join("model", "backbone"), join("hooks", "[0].type"), join("", "a"), join("a", "")
    ('model.backbone', 'hooks[0].type', 'a', 'a')
    """
    if not head or not tail:
        return head or tail
    return head + tail if tail.startswith("[") else f"{head}.{tail}"


def position(outer: Any, inner: Any, what: str) -> str:
    """The key path of `inner` within `outer`.

    Found by identity. A constructor may have changed a copy of what it was given before building it: then the only part
    with the same `type` is meant. Where even that is not to be had, the path says whose part it is: `<ResNet>`.
    """
    spots = list(mappings(outer, ""))
    for path, part in spots:
        if part is inner:
            return path
    if isinstance(inner, Mapping):
        alike = [path for path, part in spots if path and part.get("type") == inner.get("type")]
        if len(alike) == 1:
            return alike[0]
    return f"<{what}>"


def mappings(value: Any, path: str) -> Any:
    """All (path, mapping) below `value`, itself included."""
    if isinstance(value, Mapping):
        yield path, value
        for key, part in value.items():
            yield from mappings(part, join(path, str(key)))
    elif isinstance(value, (list, tuple)):
        for i, part in enumerate(value):
            yield from mappings(part, f"{path}[{i}]")
