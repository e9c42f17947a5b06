"""`eng completion`: a script for a shell, made from the parsers of the commands, so that it never lies."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping

from .common import show_examples

INSTALL = {
    "bash": 'eval "$(eng completion bash)"           # in ~/.bashrc',
    "zsh": 'eval "$(eng completion zsh)"            # in ~/.zshrc, after compinit',
    "fish": "eng completion fish | source            # in ~/.config/fish/config.fish",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `eng completion`."""
    parser.add_argument("shell", choices=list(INSTALL))
    show_examples(parser, *INSTALL.values())
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the script."""
    from . import make_parser

    words = words_after(make_parser())
    print({"bash": bash, "zsh": zsh, "fish": fish}[options.shell](words), end="")
    return 0


def words_after(
    parser: argparse.ArgumentParser, begin: tuple[str, ...] = ()
) -> dict[tuple[str, ...], list[str]]:
    """What may follow each command: its sub-commands, or its options and the choices of its arguments.

    >>> parser = argparse.ArgumentParser(prog="eng")
    >>> _ = parser.add_subparsers().add_parser("run").add_argument("--fast", action="store_true")
    >>> words_after(parser)
    {(): ['run', '--help'], ('run',): ['--help', '--fast']}
    """
    found: dict[tuple[str, ...], list[str]] = {begin: [*_choices(parser), *_options(parser)]}
    for name, below in _below(parser).items():
        found |= words_after(below, (*begin, name))
    return found


def _below(parser: argparse.ArgumentParser) -> Mapping[str, argparse.ArgumentParser]:
    for action in parser._actions:  # argparse has no public way to ask
        if isinstance(action, argparse._SubParsersAction):
            return action.choices
    return {}


def _choices(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:
        if not action.option_strings:
            yield from map(str, action.choices or ())


def _options(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:
        yield from (option for option in action.option_strings if option.startswith("--"))


def bash(words: Mapping[tuple[str, ...], list[str]]) -> str:
    """For bash: the words of the command that was typed so far; file names where none fits."""
    cases = "\n".join(
        f'        "{" ".join(command)}") words="{" ".join(following)}" ;;'
        for command, following in words.items()
    )
    deepest = max(len(command) for command in words)
    return f"""\
# completion of eng for bash
_eng() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}" command="" words="" next i
    for ((i = 1; i < COMP_CWORD && i <= {deepest}; i++)); do
        next="${{command:+$command }}${{COMP_WORDS[i]}}"
        case "$next" in
            {"|".join(f'"{" ".join(command)}"' for command in words if command)}) command="$next" ;;
            *) break ;;
        esac
    done
    case "$command" in
{cases}
    esac
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o bashdefault -o default -F _eng eng
"""


def zsh(words: Mapping[tuple[str, ...], list[str]]) -> str:
    """For zsh, which understands bash's."""
    return f"autoload -U +X bashcompinit && bashcompinit\n{bash(words)}"


def fish(words: Mapping[tuple[str, ...], list[str]]) -> str:
    """For fish: one line for each word."""
    lines = ["# completion of eng for fish"]
    for command, following in words.items():
        commands = [word for word in following if not word.startswith("--")]
        seen = [f"__fish_seen_subcommand_from {word}" for word in command]
        if commands:
            seen.append(f"not __fish_seen_subcommand_from {' '.join(commands)}")
        condition = "; and ".join(seen) or "true"
        for word in following:
            what = f"-l {word[2:]}" if word.startswith("--") else f"-f -a {word}"
            lines.append(f"complete -c eng -n '{condition}' {what}")
    return "\n".join(lines) + "\n"
