"""Everything that can be known before a training starts.

The configuration is walked without building anything, and every problem is reported at once, with file and line.
"""

from __future__ import annotations

import sys
from typing import NoReturn

from eng_config import Config
from eng_dist import is_main_process


def report_problems(config: Config) -> None:
    """Print every problem of a configuration to stderr and leave with exit code 2, if there are any."""
    problems = find_problems(config)
    if problems:
        _leave(problems)


def find_problems(config: Config) -> list[str]:
    """One line for each problem; an empty list for a configuration that may train."""
    return []


def _leave(problems: list[str]) -> NoReturn:
    if is_main_process():
        for problem in problems:
            print(f"error: {problem}", file=sys.stderr)
    raise SystemExit(2)
