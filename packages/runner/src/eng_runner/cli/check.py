"""`eng check`."""

from __future__ import annotations

import argparse

from .common import add_config_arguments, load_config, show_examples, told_plainly


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `eng check`."""
    add_config_arguments(parser)
    show_examples(
        parser,
        "eng check config.py",
        "eng check config.py --world-size 512",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Report every problem at once, then build all parts to see whether they can be."""
    from ..check import report_problems
    from ..runner import Runner

    config = load_config(options)
    report_problems(config)
    with told_plainly():
        Runner.from_cfg(config).prepare()
    print(f"{options.config}: no problem found")
    return 0
