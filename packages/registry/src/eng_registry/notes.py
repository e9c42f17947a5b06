"""Say on any error where in the configuration it came from.

Our own errors carry a key path; any other error, raised by the code of the object that was being built, keeps
its type and traceback and gets a note.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from eng_registry.errors import RegistryError
from eng_registry.key_path import KeyPath, label

TYPE_CHECKING = False  # as in `typing`, whose import costs more than this package
if TYPE_CHECKING:
    from typing import Any


class KeyPathNote(str):
    """The text of a note that can be written again when more of the key path is known."""

    __slots__ = ("key_path", "what")
    what: str
    key_path: KeyPath

    @classmethod
    def of(cls, what: str, key_path: KeyPath) -> KeyPathNote:
        file_line = f"{key_path.origin}: " if key_path.origin else ""
        path = f"`{key_path.path}` " if key_path.path else ""
        note = cls(f"{file_line}while building {path}({what})")
        note.what, note.key_path = what, key_path
        return note


def mark(error: Exception, cfg: Any) -> None:
    """Say on `error` that it came out of building `cfg`, or complete what is already said."""
    if isinstance(error, RegistryError):
        error.key_path.extend(cfg, error.key)
    else:
        index, note = _note_on(error, label(cfg))
        note.key_path.extend(cfg, "type")
        error.__notes__[index] = KeyPathNote.of(note.what, note.key_path)


@contextmanager
def config_path(path: str, cfg: Any = None) -> Iterator[None]:
    """Name the part of a larger configuration that is built within the block, for errors that come out of it.

    `cfg` is the part itself: one that knows where it was written tells its file, line and path.

    >>> from eng_registry import Registry, RegistryError
    >>> models = Registry("model", scope="demo")
    >>> try:
    ...     with config_path("model"):
    ...         models.build({"type": 3})
    ... except RegistryError as error:
    ...     error.path
    'model'
    """
    try:
        yield
    except Exception as error:
        if cfg is not None:
            mark(error, cfg)
        if isinstance(error, RegistryError):
            error.key_path.prefix(path)
        else:
            index, note = _note_on(error, path)
            note.key_path.prefix(path)
            error.__notes__[index] = KeyPathNote.of(note.what, note.key_path)
        raise


def _note_on(error: Exception, what: str) -> tuple[int, KeyPathNote]:
    for index, note in enumerate(getattr(error, "__notes__", ())):
        if isinstance(note, KeyPathNote):
            return index, note
    note = KeyPathNote.of(what, KeyPath())
    error.add_note(note)
    return len(error.__notes__) - 1, note
