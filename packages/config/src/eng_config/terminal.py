"""What the commands print: coloured on a terminal where rich is installed, plain everywhere else."""

from __future__ import annotations

import sys

__all__ = ["show"]


def show(text: str, language: str) -> None:
    """Print a text that is written in a language: `python`, `yaml`, `json`, `toml`, `diff` or `text`."""
    if sys.stdout.isatty() and language != "text":
        try:
            from rich.console import Console  # not needed, only nicer
            from rich.syntax import Syntax
        except ImportError:
            pass
        else:
            # the colours of the terminal itself, which can be read on a light and on a dark one
            Console().print(Syntax(printable(text), language, theme="ansi_dark", word_wrap=True))
            return
    print(printable(text))


def printable(text: str) -> str:
    """The text with an escape for every letter that standard output cannot encode; Python reads it back."""
    encoding = sys.stdout.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)
