"""Which values of a configuration are computed from which others.

An override changes one value; what the file had computed from it before stays as it was. The values found here can
be named in a warning, or the file is evaluated again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..node import ConfigDict
from ..origin import Origin, Path, split_path
from ..paths import chain_at, trace_of
from .layer import Layer
from .position import Derived

__all__ = ["left_behind", "names_read", "sources_of"]


def left_behind(root: ConfigDict, options: Mapping[str, Any]) -> Iterator[str]:
    """Return what to say of each option that other values, not overridden themselves, were computed from."""
    files = list(layers(root))
    names = {path.partition(".")[0] for path in options}
    read = {name for name in names for layer in files if layer.mentions(name)}
    overridden = [split_path(path) for path in options] if read else []
    for path in options if read else ():
        if path.partition(".")[0] not in read:
            continue
        behind = [
            derived
            for derived in derived_from(root, split_path(path))
            if not any(meets(derived.path, other) for other in overridden) and is_in_force(root, derived)
        ]
        if behind:
            yield (
                f"`{path}` is overridden, but {', '.join(map(str, behind))} was computed from it before and stays; "
                "override that too, or merge with `recompute=True`"
            )


def is_in_force(root: ConfigDict, derived: Derived) -> bool:
    """Whether the value is still the one that was computed: nothing has set it since."""
    chain = chain_at(root, derived.path)
    return chain[-1:] != () and computed_at(derived, chain[-1])


def is_in_history(root: ConfigDict, derived: Derived) -> bool:
    """Whether the value that was computed is the one that is there, or one that it replaced."""
    return any(computed_at(derived, origin) for origin in chain_at(root, derived.path))


def computed_at(derived: Derived, origin: Origin) -> bool:
    return (origin.file, origin.line) == (derived.file, derived.line)


def derived_from(root: ConfigDict, path: Path) -> list[Derived]:
    """The values that were computed from the one at `path`, directly or through others."""
    every = reads_of(root)
    found: dict[Path, Derived] = {}
    waiting = [path]
    while waiting:
        source = waiting.pop()
        for one in every:
            if meets(one.reads, source) and not meets(one.path, path) and one.path not in found:
                found[one.path] = one
                waiting.append(one.path)
    return sorted(found.values(), key=lambda one: (one.file, one.line))


def sources_of(root: ConfigDict, path: Path) -> list[Path]:
    """Return the paths that the value at `path` was computed from, nearest first, through others too."""
    every = reads_of(root)
    found: list[Path] = [path]
    for target in found:  # which grows meanwhile
        same = [one for one in every if len(one.path) == len(target) and meets(one.path, target)]
        if target is path:
            same = [one for one in same if is_in_history(root, one)]
        found += dict.fromkeys(one.reads for one in same if one.reads not in found)
    return found[1:]


def names_read(root: ConfigDict) -> set[str]:
    """Return the top-level names that some expression of the files reads."""
    return {str(one.reads[0]) for one in reads_of(root)}


def reads_of(root: ConfigDict) -> list[Derived]:
    return [one for layer in layers(root) for one in layer.derived()]


def layers(root: ConfigDict) -> Iterable[Layer]:
    """The files that a configuration was read from, bases first."""
    trace = trace_of(root)
    return trace.everything() if isinstance(trace, Layer) else ()


def meets(one: Path, other: Path) -> bool:
    """Whether one path leads to the other or into it."""
    return all(str(mine) == str(theirs) for mine, theirs in zip(one, other, strict=False))
