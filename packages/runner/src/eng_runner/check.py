"""Everything that can be known before a training starts.

The configuration is walked without building anything, and every problem is reported at once, with file and line.
"""

from __future__ import annotations

import sys
from difflib import get_close_matches
from typing import NoReturn

from eng_config import Config
from eng_dist import is_main_process

from .build import RUNNER_KEYS

OTHER_KEYS = (
    "custom_imports",
    "compile",
    "strategy",
    "model_wrapper_cfg",
    "find_unused_parameters",
    "tta_model",
)
"""What a configuration may hold beside the arguments of the runner; any other key is a variable of its author."""


def report_problems(config: Config) -> None:
    """Print every problem of a configuration to stderr and leave with exit code 2, if there are any."""
    problems = find_problems(config)
    if problems:
        _leave(problems)


def find_problems(config: Config) -> list[str]:
    """One line for each problem; an empty list for a configuration that may train."""
    return misspelled_keys(config)


def misspelled_keys(config: Config) -> list[str]:
    """Top-level keys that are nearly one that the runner knows and that is not there itself."""
    problems = []
    for key in config:
        known = [name for name in (*RUNNER_KEYS, *OTHER_KEYS) if name not in config]
        near = get_close_matches(key, known, n=1, cutoff=0.85)
        if key not in (*RUNNER_KEYS, *OTHER_KEYS) and near:
            place = config.origin(key)
            where = f"{place}: " if place is not None else ""
            problems.append(
                f"{where}{key}: is no key that the runner knows; did you mean `{near[0]}`? "
                "(a variable of your own needs a name less like it)"
            )
    return problems


def _leave(problems: list[str]) -> NoReturn:
    if is_main_process():
        for problem in problems:
            print(f"error: {problem}", file=sys.stderr)
    raise SystemExit(2)
