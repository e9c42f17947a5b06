"""`eng config`: the commands of eng-config, with a check that knows what the runner builds."""

from __future__ import annotations

import argparse

from eng_config import Config, add_cli_arguments


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `eng config`."""
    add_cli_arguments(parser, check=_check)


def _check(config: Config) -> list[str]:
    from ..check import find_problems  # loads torch, which the other commands do without

    return find_problems(config)
