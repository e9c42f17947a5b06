"""The commands on configurations, for any program: `python -m eng_config`, and `eng config` of eng-runner.

Exit codes: 0 done, 2 the configuration or the command line is wrong.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from .arguments import parse_overrides
from .config import Config
from .convert import write_import_style
from .dump import difference, text_of
from .errors import ConfigError
from .reading.source import SUFFIXES
from .substitute import shown

__all__ = ["add_cli_arguments", "main"]

WRONG = 2
LANGUAGES = {".py": "python", ".json": "json", ".toml": "toml", ".yaml": "yaml", ".yml": "yaml"}

Check = Callable[[Config], Iterable[object]]


def add_cli_arguments(parser: argparse.ArgumentParser, *, check: Check | None = None) -> None:
    """Give a parser the commands `show`, `explain`, `diff`, `check` and `convert`.

    The parsed options have `run`: `options.run(options)` does it and gives the exit code. `check` gives the problems
    of a configuration, for the command of that name; each is printed as it is.

    >>> parser = argparse.ArgumentParser(prog="config")
    >>> add_cli_arguments(parser)
    >>> parser.parse_args(["explain", "net.py", "model.depth"]).path
    'model.depth'
    """
    commands = parser.add_subparsers(dest="action", metavar="COMMAND", required=True)

    def command(
        name: str, summary: str, run: Callable[[argparse.Namespace], int], *files: str
    ) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        for file in files:
            made.add_argument(file, help="a configuration file: .py, .yaml, .json or .toml")
        made.add_argument(
            "--no-trust", action="store_true", help="read Python files as data, without running them"
        )
        made.add_argument(
            "--cfg-options",
            nargs="+",
            default=[],
            metavar="KEY=VALUE",
            help="override values, as in training",
        )
        made.set_defaults(run=lambda options: run_plainly(run, options))
        return made

    shown = command("show", "print the whole configuration, bases and overrides merged", run_show, "config")
    shown.add_argument("--format", choices=sorted(LANGUAGES), default=".py", help="the format (default: .py)")
    explained = command(
        "explain", "print every file and line that set a value, first to last", run_explain, "config"
    )
    explained.add_argument("path", help="a key path: optim_wrapper.optimizer.lr")
    command("diff", "print what differs between two configurations", run_diff, "config", "other")
    command(
        "check",
        "say everything that is wrong with a configuration, without building it",
        lambda options: run_check(options, check),
        "config",
    )
    converted = command("convert", "write a configuration in another format or style", run_convert, "config")
    converted.add_argument("output", help=f"the file to write: {', '.join(SUFFIXES)}")
    converted.add_argument(
        "--style",
        choices=["text", "import"],
        default="text",
        help="for a .py file: `text` writes one file with all values, `import` one file for each base",
    )


def main(argv: Sequence[str] | None = None) -> int:
    """`python -m eng_config`: one command; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m eng_config", description="Show, explain, compare, check and convert configurations."
    )
    add_cli_arguments(parser)
    options = parser.parse_args(argv)
    code: int = options.run(options)
    return code


def run_plainly(run: Callable[[argparse.Namespace], int], options: argparse.Namespace) -> int:
    """Run a command; an error in the user's input is its message on stderr, without a traceback.

    Modules beside the file are found, as they are in a training of it.
    """
    try:
        with importing_from_beside(options.config):
            return run(options)
    except (ConfigError, OSError) as error:  # OSError: a place that cannot be written to
        if isinstance(error, BrokenPipeError):  # the reader of our output has seen enough
            raise
        print(f"error: {error}", file=sys.stderr)
        return WRONG


def load(file: str, options: argparse.Namespace, *, imports: bool = False) -> Config:
    """The configuration of a file; its `custom_imports` are for building, so only a check runs them."""
    cfg = Config.fromfile(file, trust=False if options.no_trust else None, import_custom_modules=imports)
    if options.cfg_options:
        cfg.merge_from_dict(parse_overrides(options.cfg_options), recompute=True)
    return cfg


def run_show(options: argparse.Namespace) -> int:
    cfg = load(options.config, options)
    written = shown(cfg.to_dict(), cfg.text, cfg.env_variables)
    show(text_of(written, options.format).rstrip("\n"), LANGUAGES[options.format])
    return 0


def run_explain(options: argparse.Namespace) -> int:
    show(load(options.config, options).explain(options.path), "text")
    return 0


def run_diff(options: argparse.Namespace) -> int:
    old, new = (load(file, options).pretty_text for file in (options.config, options.other))
    found = difference(old, new, options.config, options.other)
    if found:
        show(found, "diff")
    return 0


def run_check(options: argparse.Namespace, check: Check | None) -> int:
    cfg = load(options.config, options, imports=not options.no_trust)
    problems = list(check(cfg)) if check is not None else []
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    if problems:
        return WRONG
    show(f"{options.config}: nothing is wrong", "text")
    return 0


@contextmanager
def importing_from_beside(file: str) -> Iterator[None]:
    """Put the folder of the file on `sys.path` for a block."""
    folder = os.path.dirname(os.path.abspath(file))
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)


def run_convert(options: argparse.Namespace) -> int:
    cfg = load(options.config, options)
    if options.style == "text":
        cfg.dump(options.output)
        written = [options.output]
    else:
        written = write_import_style(cfg, options.output)
    for file in written:
        show(os.fspath(file), "text")
    return 0


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
