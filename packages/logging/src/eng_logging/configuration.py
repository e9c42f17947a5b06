"""Bring what all packages log to the console and the file of one run, and take exactly that away again.

The packages log through ``logging.getLogger(__name__)``. While a handle is open, the loggers of its
`root_loggers` forward to the run in force in the current context, so two runs in one process do not mix
their files. Python's root logger is not touched.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, ClassVar, Self

from eng_logging.errors import ArgumentError
from eng_logging.handlers import console_handler, file_handler, json_handler
from eng_logging.logger import MMLogger, log_path

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from types import TracebackType

    from rich.console import Console

__all__ = ["ENG_LOGGERS", "LoggingHandle", "configure"]

ENG_LOGGERS = (
    "eng",
    *(
        f"eng_{package}"
        for package in (
            "checkpoint",
            "compat",
            "config",
            "dataset",
            "dist",
            "evaluator",
            "fileio",
            "logging",
            "model",
            "optim",
            "registry",
            "runner",
            "structures",
            "visualization",
        )
    ),
)
"""The top of the logger tree of each eng package."""


class LoggingHandle:
    """What `configure` has set up; `close` (or leaving the ``with`` block) undoes it."""

    def __init__(self, logger: MMLogger, root_loggers: Sequence[str], level: int, propagate: bool) -> None:
        self.logger = logger
        self._before = MMLogger._instance_dict.get(logger.instance_name)
        MMLogger._keep(logger.instance_name, logger)
        # by the logger: two names may mean the same one, the root of all
        self._roots = [_Root.of(name) for name in {logging.getLogger(name).name for name in root_loggers}]
        for root in self._roots:
            root.open(logger, level, propagate)
        self._closed = False

    @property
    def log_file(self) -> str | None:
        """The file that this process writes, if it writes one."""
        return self.logger.log_file

    def as_current(self) -> AbstractContextManager[MMLogger]:
        """Inside the ``with`` block what is logged in this context belongs to this run."""
        return self.logger.as_current()

    def close(self) -> None:
        """Take away what `configure` attached; closing twice does nothing."""
        if self._closed:
            return
        self._closed = True
        for root in self._roots:
            root.close(self.logger)
        if MMLogger._instance_dict.get(self.logger.instance_name) is self.logger:
            del MMLogger._instance_dict[self.logger.instance_name]
            if self._before is not None and self._before.handlers:  # still open: its name is its own again
                MMLogger._instance_dict[self.logger.instance_name] = self._before
        self.logger.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def configure(
    *,
    name: str = "eng",
    level: int | str = "INFO",
    file: str | os.PathLike[str] | None = None,
    json_file: str | os.PathLike[str] | None = None,
    rank: int = 0,
    world_size: int = 1,
    console: Console | bool = True,
    root_loggers: Sequence[str] = ENG_LOGGERS,
    propagate: bool = False,
) -> LoggingHandle:
    """Show and keep what is logged, until the handle is closed.

    Args:
        name: Printed for lines of `handle.logger`, and the name of that logger for `MMLogger.get_instance`.
        level: The least level that is shown. On other ranks than 0 the console shows errors only.
        file: Append plain lines to this file, on rank 0; with a level of DEBUG each rank writes its own.
        json_file: Append one JSON object per line to this file, on rank 0.
        rank: Of this process.
        world_size: How many processes there are.
        console: ``False`` for none; a ``rich.console.Console`` to print above its live displays.
        root_loggers: Also take what these loggers of ``logging.getLogger`` and their children log.
        propagate: Whether those loggers still hand their records to Python's root logger.

    Raises:
        ValueError: If there is no such level, or another argument makes no sense; nothing is left behind.
        OSError: If a file cannot be opened; nothing is left behind.

    Example:
        >>> import tempfile, pathlib
        >>> path = pathlib.Path(tempfile.mkdtemp(), "run.log")
        >>> with configure(file=path, console=False) as handle:
        ...     logging.getLogger("eng_runner.loops").info("epoch %d", 1)
        >>> path.read_text().endswith(" - eng_runner.loops - INFO - epoch 1\\n")
        True
    """
    level = _level_number(level)
    if isinstance(root_loggers, str):
        raise ArgumentError(f"root_loggers are several names: write [{root_loggers!r}]")
    path = log_path(file, level, rank, world_size, distributed=False)
    with ExitStack() as opened:  # closed again if one of them cannot be opened
        handlers: list[logging.Handler] = []
        if console is not False:
            handlers.append(console_handler(level if rank == 0 else logging.ERROR, console))
        if path is not None:
            handlers.append(opened.enter_context(closing(file_handler(path, level))))
        if json_file is not None and rank == 0:
            handlers.append(opened.enter_context(closing(json_handler(json_file, level))))
        logger = MMLogger(name, name, handlers=handlers, rank=rank, world_size=world_size)
        opened.pop_all()
    logger._log_file = None if path is None else os.path.abspath(path)
    return LoggingHandle(logger, root_loggers, level, propagate)


class _Forward(logging.Handler):
    """Hands a record of the tree to the run in force."""

    def __init__(self, runs: list[MMLogger]) -> None:
        super().__init__()
        self._runs = runs

    def emit(self, record: logging.LogRecord) -> None:
        run = MMLogger.get_current_instance()
        if run not in self._runs:
            run = self._runs[-1]
        run.handle(record)


class _Root:
    """One logger of the tree while at least one run listens to it."""

    _open: ClassVar[dict[str, _Root]] = {}

    @classmethod
    def of(cls, name: str) -> _Root:
        return cls._open.get(name) or cls(name)

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)
        self._runs: list[MMLogger] = []
        self._levels: list[int] = []
        self._forward = _Forward(self._runs)
        self._before = (self._logger.level, self._logger.propagate)

    def open(self, run: MMLogger, level: int, propagate: bool) -> None:
        if not self._runs:
            self._open[self._logger.name] = self
            self._logger.addHandler(self._forward)
        self._runs.append(run)
        self._levels.append(level)
        self._logger.setLevel(min(self._levels))
        self._logger.propagate = propagate

    def close(self, run: MMLogger) -> None:
        at = self._runs.index(run)
        del self._runs[at], self._levels[at]
        if self._runs:
            self._logger.setLevel(min(self._levels))
            return
        del self._open[self._logger.name]
        self._logger.removeHandler(self._forward)
        level, self._logger.propagate = self._before
        self._logger.setLevel(level)


def _level_number(level: int | str) -> int:
    levels = logging.getLevelNamesMapping()
    if isinstance(level, str) and level not in levels:
        raise ArgumentError(f"there is no level {level!r}; there are: {', '.join(levels)}")
    return levels[level] if isinstance(level, str) else level
