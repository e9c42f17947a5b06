"""A logger with a name of its own and its own handlers, outside the tree of `logging.getLogger`.

So the lines of one run reach the console and the file of that run, and nobody's root handlers. Library code
does not use it: it logs through ``logging.getLogger(__name__)``, and `configure` brings that here.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from eng_logging.handlers import console_handler, file_handler, rank_path
from eng_logging.manager import ManagerMixin

__all__ = ["MMLogger"]


class MMLogger(logging.Logger, ManagerMixin):
    """The logger of a run, found by name.

    Args:
        name: The name under which `get_instance` finds it.
        logger_name: The name that is printed.
        log_file: Also write to this file; only on rank 0, unless `distributed` holds.
        log_level: For the handlers. The console of other ranks than 0 shows errors only.
        file_mode: ``w`` or ``a``.
        distributed: Every rank writes a file of its own (implied by a level of DEBUG or less).
        file_handler_cfg: Another file handler, ``dict(type="RotatingFileHandler", maxBytes=...)``.
        handlers: Use these instead of making some.
        rank: Of this process; by default what the environment says (``RANK``).
        world_size: How many processes; by default ``WORLD_SIZE``.

    Example:
        >>> log = MMLogger("example", handlers=[logging.NullHandler()])
        >>> log.info("nothing reaches the root logger")
        >>> log.parent is None
        True
    """

    def __init__(
        self,
        name: str,
        logger_name: str = "eng",
        log_file: str | os.PathLike[str] | None = None,
        log_level: int | str = "INFO",
        file_mode: str = "w",
        distributed: bool = False,
        file_handler_cfg: Mapping[str, Any] | None = None,
        *,
        handlers: Sequence[logging.Handler] | None = None,
        rank: int | None = None,
        world_size: int | None = None,
    ) -> None:
        logging.Logger.__init__(self, logger_name)
        # the next __init__ in line would be that of logging.Logger again: name the mixin's state directly
        ManagerMixin._set_name(self, name)
        rank = int(os.environ.get("RANK", "0")) if rank is None else rank
        world_size = int(os.environ.get("WORLD_SIZE", "1")) if world_size is None else world_size
        self._log_file: str | None = None
        if handlers is not None:
            for handler in handlers:
                self.addHandler(handler)
            return
        self.addHandler(console_handler(log_level if rank == 0 else logging.ERROR))
        path = log_path(log_file, log_level, rank, world_size, distributed)
        if path is not None:
            handler = file_handler(path, log_level, file_mode, file_handler_cfg)
            self._log_file = str(getattr(handler, "baseFilename", path))
            self.addHandler(handler)

    @property
    def log_file(self) -> str | None:
        """The file that this process writes, if it writes one."""
        return self._log_file

    @classmethod
    def get_current_instance(cls) -> Self:
        """The logger in force here (see `ManagerMixin`); the first call of all makes one named ``eng``."""
        try:
            return super().get_current_instance()
        except RuntimeError:
            return cls.get_instance("eng")

    def callHandlers(self, record: logging.LogRecord) -> None:
        for handler in self.handlers:
            if record.levelno >= handler.level:
                handler.handle(record)

    def setLevel(self, level: int | str) -> None:
        super().setLevel(level)
        self._cache: dict[int, bool]
        self._cache.clear()  # Logger.setLevel clears only the loggers of the tree

    def close(self) -> None:
        """Close and remove the handlers."""
        for handler in list(self.handlers):
            self.removeHandler(handler)
            handler.close()


def log_path(
    file: str | os.PathLike[str] | None, level: int | str, rank: int, world_size: int, distributed: bool
) -> Path | None:
    """The file that this rank writes, or ``None``."""
    if file is None:
        return None
    if world_size > 1 and (distributed or logging._checkLevel(level) <= logging.DEBUG):  # type: ignore[attr-defined]
        return rank_path(file, rank)
    return Path(file) if rank == 0 else None
