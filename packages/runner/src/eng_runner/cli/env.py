"""`eng env`."""

from __future__ import annotations

import argparse
from importlib.metadata import distributions


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`eng env` has no arguments."""
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print what a bug report needs."""
    from ..engine.environment import describe_environment

    facts = describe_environment()
    facts |= {
        str(dist.metadata["Name"]): dist.version
        for dist in distributions()
        if str(dist.metadata["Name"]).startswith("eng-")
    }
    width = max(map(len, facts))
    for name, value in facts.items():
        print(f"{name:<{width}}  {value}")
    return 0
