"""Where records go: a console, a file. A full disk or a closed terminal is said once and stops no run."""

from __future__ import annotations

import logging
import logging.handlers
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from eng_logging.errors import ArgumentError
from eng_logging.format import CONSOLE_TIME, FILE_TIME, JsonFormatter, LineFormatter

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["OnceFilter", "console_handler", "file_handler", "json_handler", "rank_path"]


class OnceFilter(logging.Filter):
    """Lets a warning pass once; the same text again is dropped. Other levels pass always.

    Example:
        >>> once = OnceFilter()
        >>> record = logging.LogRecord("eng", logging.WARNING, "train.py", 1, "no GPU", (), None)
        >>> once.filter(record), once.filter(record)
        (True, False)
    """

    def __init__(self) -> None:
        super().__init__()
        self._seen: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno != logging.WARNING:
            return True
        text = record.getMessage()
        if text in self._seen:
            return False
        self._seen.add(text)
        return True


class _SaysOnce(logging.Handler):
    """A failing write is reported on stderr once; the run goes on."""

    _failed = False

    def handleError(self, record: logging.LogRecord) -> None:
        if _is_complete(record):
            self._say_once()
        else:  # the handler is well: who logged has to know where, and standard logging says so
            super().handleError(record)

    def _say_once(self) -> None:
        if self._failed:
            return
        self._failed = True
        error = sys.exception()
        try:
            where = getattr(self, "baseFilename", "the console")
            print(f"eng_logging: {where} cannot be written, lines are lost: {error!r}", file=sys.stderr)
        except (OSError, ValueError, AttributeError):
            pass  # stderr is gone as well: nobody is left to be told


class _StdoutHandler(_SaysOnce, logging.StreamHandler[TextIO]):
    """Writes to whatever ``sys.stdout`` is at that moment, as ``print`` does."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]  # a read-only view, on purpose
        return sys.stdout

    def format(self, record: logging.LogRecord) -> str:
        """The line; what the encoding of the console lacks is escaped, not lost."""
        encoding = getattr(self.stream, "encoding", None) or "utf-8"
        return super().format(record).encode(encoding, "backslashreplace").decode(encoding)


class _RichHandler(_SaysOnce):
    """Prints above a live progress bar of the same console."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        from rich.text import Text

        try:
            self._console.print(Text.from_ansi(self.format(record)), soft_wrap=True)
        except Exception:
            self.handleError(record)


class _OnDisk(_SaysOnce):
    """A file on a disk that may be full, also when it is closed."""

    def close(self) -> None:
        try:
            super().close()
        except OSError:
            self._say_once()


class _FileHandler(_OnDisk, logging.FileHandler):
    """Plain lines; what has no place in UTF-8, such as a path of unknown encoding, is escaped."""

    def __init__(self, path: str | os.PathLike[str], mode: str) -> None:
        super().__init__(path, mode, encoding="utf-8", errors="backslashreplace")


def console_handler(level: int | str, console: Console | bool = True) -> logging.Handler:
    """A handler for people: a rich console when given, else standard output, in colour on a terminal."""
    handler: logging.Handler
    if not isinstance(console, bool) and not hasattr(console, "is_terminal"):
        raise ArgumentError(f"console is True, False or a rich.console.Console, not {console!r}")
    if isinstance(console, bool):
        handler = _StdoutHandler()
        color = _wants_color(sys.stdout)
    else:
        handler = _RichHandler(console)
        color = console.is_terminal and not console.no_color
    handler.setFormatter(LineFormatter(color=color, datefmt=CONSOLE_TIME))
    return _ready(handler, level)


def file_handler(
    path: str | os.PathLike[str], level: int | str, mode: str = "a", cfg: Mapping[str, Any] | None = None
) -> logging.Handler:
    """A handler that writes plain lines to a file, whose folder is made.

    Args:
        path: The file.
        level: What is less is left out.
        mode: ``a`` to append, ``w`` to begin anew.
        cfg: ``type`` names a file handler of ``logging.handlers`` (or ``FileHandler``); the rest are its
            arguments.

    Raises:
        ValueError: If ``type`` is no file handler.
    """
    handler = _custom_file_handler(path, cfg) if cfg else _FileHandler(_with_folder(path), mode)
    handler.setFormatter(LineFormatter(datefmt=FILE_TIME))
    return _ready(handler, level)


def json_handler(path: str | os.PathLike[str], level: int | str) -> logging.Handler:
    """A handler that appends one JSON object per record to a file."""
    handler = _FileHandler(_with_folder(path), "a")
    handler.setFormatter(JsonFormatter())
    return _ready(handler, level)


def rank_path(path: str | os.PathLike[str], rank: int) -> Path:
    """The file of one rank among several: ``run.log`` -> ``run_<user@host>_device0_rank1.log``."""
    path = Path(path)
    where = _user_at_host()
    return path.with_name(
        f"{path.stem}_{where + '_' if where else ''}device{device_id()}_rank{rank}{path.suffix}"
    )


def device_id() -> int | str:
    """The accelerator of this process, as the environment tells: a number, or the text of an UUID."""
    local_rank = int(os.environ.get("LOCAL_RANK", "0"))
    visible = [name.strip() for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    device = visible[local_rank] if local_rank < len(visible) else str(local_rank)
    return int(device) if device.isdigit() else device


def _is_complete(record: logging.LogRecord) -> bool:
    """Whether the arguments of a message fit it."""
    try:
        record.getMessage()
    except Exception:
        return False
    return True


def _ready(handler: logging.Handler, level: int | str) -> logging.Handler:
    handler.setLevel(level)
    handler.addFilter(OnceFilter())
    return handler


def _custom_file_handler(path: str | os.PathLike[str], cfg: Mapping[str, Any]) -> logging.Handler:
    arguments = dict(cfg)
    if "type" not in arguments:
        raise ArgumentError(f"file_handler_cfg needs a `type`, it has {sorted(arguments)}")
    name = arguments.pop("type")
    kind = logging.FileHandler if name == "FileHandler" else getattr(logging.handlers, str(name), None)
    if not (isinstance(kind, type) and issubclass(kind, logging.FileHandler)):
        raise ArgumentError(f"`{name}` is no file handler of logging.handlers, like `RotatingFileHandler`")
    arguments = {"filename": os.fspath(path), "encoding": "utf-8", "errors": "backslashreplace"} | arguments
    _with_folder(arguments["filename"])
    # a full disk ends no run with these either
    handler: logging.Handler = type(kind.__name__, (_OnDisk, kind), {})(**arguments)
    return handler


def _with_folder(path: str | os.PathLike[str]) -> str | os.PathLike[str]:
    """The path, whose folder is made."""
    Path(path).absolute().parent.mkdir(parents=True, exist_ok=True)
    return path


def _wants_color(stream: TextIO | None) -> bool:
    """A terminal that nobody asked to stay plain (https://no-color.org)."""
    if stream is None or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return not stream.closed and stream.isatty()


def _user_at_host() -> str:
    import getpass
    import socket

    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (KeyError, OSError, ImportError):  # a container without that user
        return ""
