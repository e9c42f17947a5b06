"""The parts from which code makes costs of its own operators.

A handle gets the arguments and the results of an operator themselves, where MMEngine gave values of a trace.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from eng_model import ComplexityAnalysis as JitModelAnalysis

__all__ = [
    "Handle",
    "JitModelAnalysis",
    "conv_flop_count",
    "elementwise_flop_counter",
    "generic_activation_jit",
    "get_shape",
    "prod",
]

Handle = Callable[[Sequence[Any], Sequence[Any]], Any]


def get_shape(val: Any) -> list[int] | None:
    """The shape of a tensor, None for anything else."""
    return list(val.shape) if hasattr(val, "shape") else None


def conv_flop_count(
    x_shape: Sequence[int], w_shape: Sequence[int], out_shape: Sequence[int], transposed: bool = False
) -> int:
    """Multiply-adds of a convolution: of images (N, C, ...), weights (O, C / groups, ...) and what comes out.

    >>> conv_flop_count([1, 3, 8, 8], [4, 3, 3, 3], [1, 4, 8, 8])
    6912
    """
    places = (x_shape if transposed else out_shape)[2:]
    return x_shape[0] * prod(w_shape) * prod(places)


def elementwise_flop_counter(input_scale: float = 1, output_scale: float = 0) -> Handle:
    """A handle: so much per number of the first argument and of the first result."""

    def count(inputs: Sequence[Any], outputs: Sequence[Any]) -> float:
        cost: float = 0
        if input_scale != 0:
            cost += input_scale * prod(inputs[0].shape)
        if output_scale != 0:
            cost += output_scale * prod(outputs[0].shape)
        return cost

    return count


def generic_activation_jit(op_name: str | None = None) -> Handle:
    """A handle: how many numbers come out, under the operator's name or `op_name`."""

    def count(inputs: Sequence[Any], outputs: Sequence[Any]) -> Any:
        number = prod(outputs[0].shape)
        return number if op_name is None else {op_name: number}

    return count
