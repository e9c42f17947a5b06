"""What a dry run found: problems with their places, and facts about the run that it would be."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from traceback import extract_tb

from eng_config import Config, ConfigError


@dataclass(slots=True)
class Findings:
    """What a dry run found: problems, each with its place, and facts about the run that it would be."""

    problems: list[ConfigError] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)


class Notes:
    """The findings while they are made, each problem once.

    `bad` are the top-level keys with a problem: what they make is not there, and what depends on it is left out.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.findings = Findings()
        self.bad: set[str] = set()
        self._seen: set[tuple[type[Exception], str]] = set()

    def note(self, path: str, what: str) -> None:
        """Add a problem at a key path, with the place of the nearest key above that has one."""
        steps = path.split(".")
        origin = None
        while steps and origin is None:
            origin = self.config.origin(".".join(steps))
            steps.pop()
        self.findings.problems.append(ConfigError(what, path=path, origin=origin))
        self.bad.add(path.partition(".")[0])

    def fact(self, name: str, text: str) -> None:
        """Add a fact; a second one of the same name is joined to the first."""
        known = self.findings.facts.get(name)
        self.findings.facts[name] = text if known is None else f"{known}; {text}"

    def are_bad(self, names: Iterable[str]) -> bool:
        """Whether one of these top-level keys has a problem."""
        return bool(self.bad & set(names))

    @contextmanager
    def trying(self, path: str, doing: str) -> Iterator[None]:
        """Make an exception a problem of that path, unless the same line failed in the same way before."""
        try:
            yield
        except Exception as error:
            what, at = _told(error)
            if (type(error), at or what) in self._seen:
                self.bad.add(path.partition(".")[0])
                return
            self._seen.add((type(error), at or what))
            self.note(path, f"{doing}: {what}{at}")


def _told(error: Exception) -> tuple[str, str]:
    """What an exception says in one line, and the last line of the user's own code that took part, or nothing."""
    message = str(error.args[0] if isinstance(error, KeyError) and error.args else error)
    first = next(iter(message.strip().splitlines()), "")
    own = [
        frame
        for frame in extract_tb(error.__traceback__)
        if "/eng_" not in frame.filename and f"{os.sep}torch{os.sep}" not in frame.filename
        and not frame.filename.startswith(("<", sys.base_prefix + "/lib/"))
    ]  # fmt: skip
    at = f" (at {os.path.relpath(own[-1].filename)}:{own[-1].lineno}, in {own[-1].name})" if own else ""
    return f"{type(error).__name__}: {first}", at
