"""Everything that a model costs, in one call and on one page."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from .analysis import ActivationAnalyzer, ComplexityAnalysis, FlopAnalyzer
from .parameters import outline, parameter_count
from .table import aligned, as_size


def get_model_complexity_info(
    model: nn.Module,
    input_shape: tuple[int, ...] | tuple[tuple[int, ...], ...] | None = None,
    inputs: Any = None,
    show_table: bool = True,
    show_arch: bool = True,
) -> dict[str, Any]:
    """Multiply-adds, activations and parameters of a model, as numbers and as text.

    Exactly one of the two says what it is called with: `input_shape` of one sample without the batch (a tuple of
    shapes for several inputs), for which random numbers are taken, or the `inputs` themselves (a tuple is several). A
    model on the meta device is counted without computing anything.

    Returns a dict of `flops`, `activations` and `params`, each with its text (`flops_str`, ...), and, unless switched
    off, `out_table` (by module, three deep) and `out_arch` (the model's `repr` with the numbers in it).

    Raises `ValueError` for both or none, and for a shape that is none.

    >>> info = get_model_complexity_info(nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU()), (3, 32, 32))
    >>> info["flops_str"], info["activations_str"], info["params_str"]
    ('0.221M', '8.192K', '0.224K')
    >>> print(info["out_table"])
    module     |   parameters |  flops | activations
    -----------+--------------+--------+------------
    model      |       0.224K | 0.221M |      8.192K
     0         |       0.224K | 0.221M |      8.192K
      0.weight | (8, 3, 3, 3) |        |
      0.bias   |         (8,) |        |
    """
    if (input_shape is None) == (inputs is None):
        raise ValueError("give either `input_shape` or `inputs`")
    called_with = inputs if input_shape is None else _random_inputs(model, input_shape)
    flops = FlopAnalyzer(model, called_with)
    activations = ActivationAnalyzer(model, called_with).uncalled_modules_warnings(False)
    info: dict[str, Any] = {
        "flops": flops.total(),
        "activations": activations.total(),
        "params": parameter_count(model)[""],
    }
    info |= {f"{name}_str": as_size(number) for name, number in info.items()}
    info["out_table"] = complexity_stats_table(flops, activations=activations) if show_table else ""
    info["out_arch"] = complexity_stats_str(flops, activations) if show_arch else ""
    return info


def complexity_stats_table(
    flops: FlopAnalyzer,
    max_depth: int = 3,
    activations: ActivationAnalyzer | None = None,
    show_param_shapes: bool = True,
) -> str:
    """A line per module, down to `max_depth` names under each other, and per parameter with its shape."""
    analyses: list[ComplexityAnalysis] = [flops, *([activations] if activations else [])]
    amounts = [analysis.by_module() for analysis in analyses]
    rows = [
        [name, shape or as_size(count), *("" if shape else as_size(each[path]) for each in amounts)]
        for name, path, count, shape in outline(flops._model, max_depth)
        if show_param_shapes or not shape
    ]
    return aligned(["module", "parameters", "flops", "activations"][: 2 + len(analyses)], rows)


def complexity_stats_str(flops: FlopAnalyzer, activations: ActivationAnalyzer | None = None) -> str:
    """The `repr` of the model with, in every module, its parameters, flops and activations."""
    notes = {"params": parameter_count(flops._model), "flops": flops.by_module()}
    if activations is not None:
        notes["acts"] = activations.by_module()

    def describe(module: nn.Module, path: str) -> str:
        numbers = [
            f"#{name}: {as_size(amounts[path])}" for name, amounts in notes.items() if amounts.get(path)
        ]
        lines = [line for line in (module.extra_repr(), ", ".join(numbers)) if line]
        for name, child in module.named_children():
            lines.append(f"({name}): {describe(child, f'{path}.{name}'.lstrip('.'))}")
        body = "".join(f"\n{line}" for line in lines).replace("\n", "\n  ")
        return f"{type(module).__name__}({body}\n)" if lines else f"{type(module).__name__}()"

    return describe(flops._model, "")


def _random_inputs(model: nn.Module, input_shape: Any) -> tuple[Tensor, ...]:
    """A batch of one for every shape, where the model is and of its type."""
    shapes = input_shape if _is_tuple_of(input_shape, tuple) else (input_shape,)
    if not shapes or not all(_is_tuple_of(shape, int) for shape in shapes):
        raise ValueError(
            f"input_shape={input_shape!r} is neither a shape like (3, 224, 224) nor a tuple of shapes"
        )
    first = next((each for each in model.parameters() if each.is_floating_point()), torch.empty(0))
    return tuple(torch.rand(1, *shape, device=first.device, dtype=first.dtype) for shape in shapes)


def _is_tuple_of(value: Any, kind: type) -> bool:
    return isinstance(value, tuple) and len(value) > 0 and all(isinstance(each, kind) for each in value)
