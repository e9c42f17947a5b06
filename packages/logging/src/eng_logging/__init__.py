"""Run history, log files and console for training."""

from eng_logging.configuration import ENG_LOGGERS, LoggingHandle, configure
from eng_logging.errors import ArgumentError, LoggingError
from eng_logging.format import JsonFormatter, LineFormatter
from eng_logging.history import MessageHub
from eng_logging.logger import MMLogger
from eng_logging.manager import ManagerMeta, ManagerMixin
from eng_logging.printing import print_log
from eng_logging.series import HistoryBuffer

__all__ = [
    "ArgumentError",
    "ENG_LOGGERS",
    "HistoryBuffer",
    "JsonFormatter",
    "LineFormatter",
    "LoggingError",
    "LoggingHandle",
    "MMLogger",
    "ManagerMeta",
    "ManagerMixin",
    "MessageHub",
    "configure",
    "print_log",
]
