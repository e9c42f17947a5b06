"""`eng check`."""

from __future__ import annotations

import argparse
import sys
from time import perf_counter

from .common import WRONG_INPUT, add_config_arguments, load_config, show_examples


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `eng check`."""
    add_config_arguments(parser)
    parser.add_argument(
        "--world-size",
        type=int,
        default=1,
        metavar="N",
        help="see what N processes would meet, on this machine alone",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="only read the configuration, without building and running anything",
    )
    show_examples(parser, "eng check config.py", "eng check config.py --world-size 512")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Report every problem at once; without any, what the run would be."""
    begin = perf_counter()
    config = load_config(options)
    if options.quick:
        from ..plan.check import report_problems

        report_problems(config)
        print(f"{options.config}: no problem found")
        return 0
    from ..plan.dry_run import rehearse

    findings = rehearse(config, world_size=options.world_size)
    for problem in findings.problems:
        print(f"error: {problem}", file=sys.stderr)
    if findings.problems:
        return WRONG_INPUT
    print(f"{options.config}: no problem found")
    width = max(map(len, findings.facts), default=0)
    for name, fact in findings.facts.items():
        print(f"  {name:<{width}}  {fact}")
    print(f"  {'checked':<{width}}  in {perf_counter() - begin:.1f} s")
    return 0
