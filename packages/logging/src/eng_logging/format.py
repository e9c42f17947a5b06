"""One record to one line of text: for people (`LineFormatter`) and for programs (`JsonFormatter`)."""

from __future__ import annotations

import json
import logging

from eng_logging.errors import ArgumentError

__all__ = ["CONSOLE_TIME", "FILE_TIME", "JsonFormatter", "LineFormatter"]

CONSOLE_TIME = "%m/%d %H:%M:%S"
FILE_TIME = "%Y/%m/%d %H:%M:%S"

# ANSI: underlined, and the colour that says how bad it is
_COLOURS = {logging.DEBUG: "32", logging.INFO: "37", logging.WARNING: "33", logging.ERROR: "31"}
_BLINKING = (logging.WARNING, logging.ERROR)


class LineFormatter(logging.Formatter):
    """``<time> - <logger> - <LEVEL> - <message>``; from ERROR on also file, function and line.

    Args:
        color: Colour and underline the level with ANSI codes.
        blink: Let WARNING and ERROR blink as well; needs `color`.
        datefmt: The layout of the time.

    Example:
        >>> record = logging.LogRecord("eng", logging.INFO, "train.py", 1, "loss: %.2f", (0.5,), None)
        >>> LineFormatter(datefmt="12:00").format(record)
        '12:00 - eng - INFO - loss: 0.50'
    """

    def __init__(self, color: bool = False, blink: bool = False, datefmt: str = FILE_TIME) -> None:
        if blink and not color:
            raise ArgumentError("blink needs color=True")
        super().__init__(datefmt=datefmt)
        self._color = color
        self._blink = blink
        self._known: tuple[tuple[int, str | None], str] | None = None

    def formatMessage(self, record: logging.LogRecord) -> str:
        place = f"{record.pathname} - {record.funcName} - {record.lineno} - "
        where = place if record.levelno >= logging.ERROR else ""
        return f"{record.asctime} - {record.name} - {self._level(record)} - {where}{record.message}"

    def usesTime(self) -> bool:
        return True

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        """The time as text, written out once a second; each time if it has milliseconds (a `datefmt` of None)."""
        if datefmt is None:
            return super().formatTime(record)
        key = (int(record.created), datefmt)
        known = self._known
        if known is None or known[0] != key:
            known = self._known = key, super().formatTime(record, datefmt)
        return known[1]

    def _level(self, record: logging.LogRecord) -> str:
        if not self._color:
            return record.levelname
        # a level between two known ones looks like the one below it
        below = max((level for level in _COLOURS if level <= record.levelno), default=logging.DEBUG)
        blink = "5;" if self._blink and below in _BLINKING else ""
        return f"\x1b[4;{blink}{_COLOURS[below]}m{record.levelname}\x1b[0m"


class JsonFormatter(logging.Formatter):
    """One JSON object per record: ``time`` (seconds since 1970), ``level``, ``logger``, ``message``, and
    ``error`` (the traceback) if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "time": round(record.created, 3),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["error"] = self.formatException(record.exc_info)
        return json.dumps(fields, ensure_ascii=False)
