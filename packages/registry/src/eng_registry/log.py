"""The logger of a room, fetched when there is something to say: importing `logging` costs more than this package."""

from __future__ import annotations

TYPE_CHECKING = False  # as in `typing`, whose import costs more than this package
if TYPE_CHECKING:
    from logging import Logger


def logger(name: str) -> Logger:
    from logging import getLogger

    return getLogger(name)
