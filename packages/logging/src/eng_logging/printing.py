"""`print_log`: one call for code that does not know which logger is in force."""

from __future__ import annotations

import logging
from typing import Any

from eng_logging.logger import MMLogger

__all__ = ["print_log"]


def print_log(msg: object, logger: logging.Logger | str | None = None, level: int = logging.INFO) -> None:
    """Print or log a message.

    Args:
        msg: The message.
        logger: ``None`` prints; a logger logs; ``"silent"`` does nothing; ``"current"`` logs to the logger
            in force; any other name to the `MMLogger` of that name.
        level: For loggers.

    Raises:
        ValueError: If there is no `MMLogger` of that name.
        TypeError: If `logger` is something else.

    Example:
        >>> print_log("hello")
        hello
        >>> print_log("not said", logger="silent")
    """
    if logger is None:
        print(msg)
    elif isinstance(logger, logging.Logger):
        logger.log(level, msg, **_CALLER)
    elif not isinstance(logger, str):
        raise TypeError(f"logger must be a Logger, a str or None, got {type(logger).__name__}")
    elif logger == "current":
        MMLogger.get_current_instance().log(level, msg, **_CALLER)
    elif MMLogger.check_instance_created(logger):
        MMLogger.get_instance(logger).log(level, msg, **_CALLER)
    elif logger != "silent":
        known = ", ".join(MMLogger._instance_dict) or "none"
        raise ValueError(f"no MMLogger named {logger!r}; there are: {known}")


# an error line shows where print_log was called, not print_log itself
_CALLER: dict[str, Any] = {"stacklevel": 2}
