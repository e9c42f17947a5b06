"""Finding the modules that a configuration means: by dotted path or by class."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from eng_registry import suggest


def select_modules(model: nn.Module, names: str | Sequence[str]) -> dict[str, nn.Module]:
    """The modules of that path or of that class, by path; the empty path is the model itself.

    Raises `AttributeError` for a name that is neither, with the nearest one.

    >>> net = nn.Sequential(nn.Linear(1, 1), nn.ReLU(), nn.Linear(1, 1))
    >>> list(select_modules(net, ["Linear", "1"]))
    ['0', '2', '1']
    """
    by_path = dict(model.named_modules(remove_duplicate=False))
    chosen: dict[str, nn.Module] = {}
    for name in [names] if isinstance(names, str) else names:
        found = {name: by_path[name]} if name in by_path else _of_class(by_path, name)
        if not found:
            known = {*by_path, *(type(module).__name__ for module in by_path.values())} - {""}
            raise AttributeError(
                f"{type(model).__name__} has no module `{name}`, neither by path nor by class{_hint(name, known)}"
            )
        chosen |= found
    return chosen


def _of_class(by_path: dict[str, nn.Module], name: str) -> dict[str, nn.Module]:
    return {path: module for path, module in by_path.items() if type(module).__name__ == name}


def _hint(name: str, known: set[str]) -> str:
    text = suggest(name, sorted(known))
    return f"; {text}" if text else ""
