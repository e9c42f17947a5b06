"""Versions that can be compared, and the version of MMEngine that code finds here."""

from __future__ import annotations

import subprocess

from packaging.version import Version

__all__ = [
    "__version__",
    "digit_version",
    "get_git_hash",
    "parse_version_info",
    "version_info",
]

__version__ = "0.11.0"
"""What `mmengine.__version__` says: downstream packages compare it with what they were tested with."""

_PHASES = {"a": -3, "b": -2, "rc": -1}


def digit_version(version_str: str, length: int = 4) -> tuple[int, ...]:
    """A version as numbers that compare in its order: the release, filled up to `length`, then phase and its number.

    dev < alpha < beta < candidate < final < post. Local parts (`+cu111`) and epochs do not count.

    >>> digit_version("1.0rc1") < digit_version("1.0") < digit_version("1.0.post2")
    True
    >>> digit_version("1.10.0+cu111")
    (1, 10, 0, 0, 0, 0)
    """
    assert "parrots" not in version_str, f"{version_str!r} is the version of another framework"
    version = Version(version_str)
    release = [*version.release[:length], *[0] * (length - len(version.release))]
    if version.pre:
        return (*release, _PHASES[version.pre[0]], version.pre[1])
    if version.is_postrelease:
        return (*release, 1, version.post or 0)
    return (*release, -4 if version.is_devrelease else 0, 0)


def parse_version_info(version_str: str) -> tuple[int | str, ...]:
    """The parts of a version, a candidate as its own text.

    >>> parse_version_info("1.2.3"), parse_version_info("2.0.0rc1")
    ((1, 2, 3), (2, 0, 0, 'rc1'))
    """
    parts: list[int | str] = []
    for part in version_str.split("."):
        number, mark, candidate = part.partition("rc")
        if number.isdigit():
            parts += [int(number), f"rc{candidate}"] if mark else [int(number)]
    return tuple(parts)


version_info = parse_version_info(__version__)


def get_git_hash(fallback: str = "unknown", digits: int | None = None) -> str:
    """The commit of the working directory, or its first `digits`; empty outside a repository.

    `fallback` is for a machine without git.
    """
    if digits is not None and not isinstance(digits, int):
        raise TypeError(f"digits must be None or an integer, not {digits!r}")
    try:
        done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    except OSError:
        return fallback[:digits]
    return done.stdout.strip()[:digits]
