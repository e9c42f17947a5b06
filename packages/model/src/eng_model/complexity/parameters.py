"""How many parameters there are, and where."""

from __future__ import annotations

from torch import nn

from .table import aligned, as_size


def parameter_count(model: nn.Module) -> dict[str, int]:
    """Elements of every parameter and of everything that holds some, by dotted name; `""` is the model.

    A parameter that is used in several places counts once, where it is first.

    >>> parameter_count(nn.Sequential(nn.Linear(2, 3, bias=False)))
    {'': 6, '0': 6, '0.weight': 6}
    """
    counts = {"": 0}
    for name, parameter in model.named_parameters():
        parts = name.split(".")
        for end in range(len(parts) + 1):
            prefix = ".".join(parts[:end])
            counts[prefix] = counts.get(prefix, 0) + parameter.numel()
    return counts


def parameter_count_table(model: nn.Module, max_depth: int = 3) -> str:
    """The same as a text, down to `max_depth` names under each other, with the shapes of the parameters."""
    rows = [[name, shape or as_size(count)] for name, _, count, shape in outline(model, max_depth)]
    return aligned(["name", "elements or shape"], rows)


def outline(model: nn.Module, max_depth: int) -> list[tuple[str, str, int, str]]:
    """A line for the model and for everything with parameters: indented name, name, elements, shape if a parameter."""
    shapes = {name: str(tuple(parameter.shape)) for name, parameter in model.named_parameters()}
    lines = [("model", "", 0, "")]
    for name, count in parameter_count(model).items():
        depth = name.count(".") + 1 if name else 0
        if depth == 0:
            lines[0] = ("model", "", count, "")
        elif depth <= max_depth:
            lines.append((" " * depth + name, name, count, shapes.get(name, "")))
    return lines
