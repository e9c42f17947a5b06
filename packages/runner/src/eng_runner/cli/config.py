"""`eng config`: the commands of eng-config, with a check that knows what the runner builds."""

from __future__ import annotations

import argparse

from eng_config import Config, add_cli_arguments

from .common import show_examples


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `eng config`."""
    add_cli_arguments(parser, check=_check)
    show_examples(
        parser,
        "eng config show config.py --cfg-options optim_wrapper.optimizer.lr=0.01",
        "eng config explain config.py optim_wrapper.optimizer.lr",
        "eng config diff old.py new.py",
        "eng config convert config.py config.yaml",
    )


def _check(config: Config) -> list[str]:
    from ..plan.check import find_problems  # loads torch, which the other commands do without

    return find_problems(config)
