"""`eng report`: one HTML page about a run, or one that compares several; eng_visualization writes it."""

from __future__ import annotations

import argparse
import sys

from .common import WrongInput, show_examples
from .table import short_path, size_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `eng report`."""
    parser.add_argument("work_dir", nargs="+", help="the folder of a run; several are compared")
    parser.add_argument("--out", metavar="FILE", help="the page (default: report.html in the first folder)")
    parser.add_argument(
        "--no-verify", action="store_true", help="do not read the checkpoints to compare their digests"
    )
    show_examples(
        parser, "eng report work_dirs/config", "eng report work_dirs/a work_dirs/b --out compare.html"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the page and say where it is."""
    from eng_visualization import NotARunError, write_report

    try:
        path = write_report(options.work_dir, options.out, verify=not options.no_verify)
    except (NotARunError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        raise WrongInput from error
    print(f"{short_path(str(path))} ({size_text(path.stat().st_size)}); open it in a browser")
    return 0
