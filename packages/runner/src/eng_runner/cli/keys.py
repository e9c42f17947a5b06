"""`eng keys`: every key that a configuration may hold, from the table that the Runner and the checks read."""

from __future__ import annotations

import argparse
import sys

from .common import WRONG_INPUT, show_examples
from .table import print_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `eng keys`."""
    parser.add_argument("name", nargs="*", help="only these keys, with all that is known of them")
    show_examples(parser, "eng keys", "eng keys train_cfg randomness")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the table, or the rows of some keys in full."""
    from eng_registry import suggest

    from ..plan.keys import KEYS

    unknown = [name for name in options.name if name not in KEYS]
    for name in unknown:
        print(
            f"error: no key `{name}`; {suggest(name, list(KEYS)) or '`eng keys` lists all'}", file=sys.stderr
        )
    if unknown:
        return WRONG_INPUT
    if not options.name:
        print_table(["key", "what it is for"], [[key.name, key.help] for key in KEYS.values()])
        return 0
    for name in options.name:
        print("\n".join(_in_full(name)))
    return 0


def _in_full(name: str) -> list[str]:
    """Return the lines about one key."""
    from ..plan.keys import KEYS

    key = KEYS[name]
    choices = f": {', '.join(map(repr, key.choices))}" if key.choices else ""
    rows = [
        ("for", key.help),
        ("holds", f"{key.shape}{choices}"),
        ("default", repr(key.default)),
        ("argument of", "the Runner" if key.is_argument else "nothing; it stays in the configuration"),
        (
            "changed on resume",
            "; ".join([str(key.effect), *(f"{part}: {e}" for part, e in key.below.items())]),
        ),
    ]
    return [name, *(f"  {label:<18} {text}" for label, text in rows)]
