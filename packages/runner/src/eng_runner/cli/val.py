"""`eng val`."""

from __future__ import annotations

import argparse

from .test import add_evaluation_arguments


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `eng val`."""
    add_evaluation_arguments(parser, "val")
