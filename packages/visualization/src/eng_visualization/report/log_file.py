"""What a log file says: the environment in its first lines; warnings and errors, each once, with how often."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

__all__ = ["LoggedWarning", "read_environment", "read_warnings"]

_LINE = re.compile(
    r"^(?P<time>\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) - (?P<logger>\S+) - (?P<level>[A-Z]+) - (?P<text>.*)$"
)
_FACT = re.compile(r"^ {4}(?P<name>\S.*?) {2,}(?P<value>\S.*)$")
_BAD = ("WARNING", "ERROR", "CRITICAL")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedWarning:
    """Something that a run warned about: when it did first, and how many times."""

    time: str
    level: str
    text: str
    times: int


def read_warnings(files: Iterable[Iterable[str]]) -> tuple[LoggedWarning, ...]:
    """Those in the lines of several log files, oldest first."""
    first: dict[tuple[str, str], str] = {}
    times: dict[tuple[str, str], int] = {}
    for lines in files:
        for time, level, text in _records(lines):
            first.setdefault((level, text), time)
            times[level, text] = times.get((level, text), 0) + 1
    return tuple(
        LoggedWarning(time=time, level=level, text=text, times=times[level, text])
        for (level, text), time in first.items()
    )


def read_environment(lines: Iterable[str]) -> dict[str, str]:
    """What a run found itself in: the lines ``    name    value`` that follow the first record of its log."""
    found: dict[str, str] = {}
    for line in itertools.islice(lines, 1, None):
        if (fact := _FACT.match(line.rstrip())) is None:
            break
        found[fact["name"]] = fact["value"]
    return found


def _records(lines: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """Time, level and text of the bad lines; a text may go on over several lines."""
    time = level = ""
    text: list[str] = []
    for line in lines:
        match = _LINE.match(line)
        if match is None:
            if text:
                text.append(line.rstrip())
            continue
        if text:
            yield time, level, "\n".join(text)
        time, level = match["time"], match["level"]
        text = [match["text"]] if level in _BAD else []
    if text:
        yield time, level, "\n".join(text)
