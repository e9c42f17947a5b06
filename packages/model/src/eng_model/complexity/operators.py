"""What single operators cost.

One flop is one multiply-add, as papers on vision models count. What is in no table here is looked for in torch's own
table of formulas, which counts both halves of it, and halved.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import conv_flop_count

Amount = int | float
Handle = Callable[[Sequence[Any], Sequence[Any]], Amount | Mapping[str, Amount]]
"""`handle(inputs, outputs)`: what one call of an operator costs, or what under which names."""

_IGNORED = """
_to_copy _unsafe_view adaptive_max_pool2d alias alpha_dropout arange argmax argmin as_strided bernoulli_
bitwise_and bitwise_not bitwise_or broadcast_tensors cat chunk clamp clamp_ clamp_max clamp_min clone
constant_pad_nd contiguous copy_ detach diagonal dropout dropout_ embedding empty empty_like eq equal expand
expand_as feature_dropout fill_ flatten flip floor full full_like gather ge gt hardtanh hardtanh_ index
index_put_ index_select is_same_size isnan item le lift_fresh logical_and logical_not lt masked_fill
masked_fill_ max max_pool1d max_pool2d max_pool3d maximum meshgrid min minimum movedim narrow ne new_empty
new_full new_ones new_zeros nonzero one_hot ones ones_like pad permute pixel_shuffle rand relu relu6 relu_
repeat repeat_interleave reshape resolve_conj resolve_neg roll scalar_tensor scatter scatter_ select slice
split split_with_sizes squeeze squeeze_ stack sym_size t tile to topk transpose tril triu type_as unbind
unflatten unfold unsafe_chunk unsafe_split unsqueeze unsqueeze_ view view_as where zero_ zeros zeros_like
"""

IGNORED = frozenset(f"aten::{name}" for name in _IGNORED.split())
"""Operators that move, choose or compare numbers, and compute none."""


def flop_handles() -> dict[str, Handle]:
    """Multiply-adds, by the full names of the operators."""
    table: dict[str, tuple[str, Callable[[Sequence[Any], Sequence[Any]], Amount]]] = {
        "addmm": ("addmm", lambda inputs, _: _matrices(inputs[1], inputs[2])),
        "baddbmm": ("baddbmm", lambda inputs, _: _matrices(inputs[1], inputs[2])),
        "bmm": ("bmm", lambda inputs, _: _matrices(inputs[0], inputs[1])),
        "linear": ("linear", lambda inputs, _: inputs[0].numel() * inputs[1].shape[0]),
        "matmul": ("matmul", _matmul),
        "mm": ("mm", lambda inputs, _: _matrices(inputs[0], inputs[1])),
        "scaled_dot_product_attention": ("scaled_dot_product_attention", _attention),
        "batch_norm": ("batch_norm", _batch_norm),
        "group_norm": ("group_norm", lambda inputs, _: _norm(inputs[0], inputs[2])),
        "instance_norm": ("instance_norm", lambda inputs, _: _norm(inputs[0], inputs[1])),
        "layer_norm": ("layer_norm", lambda inputs, _: _norm(inputs[0], inputs[2])),
        "rms_norm": ("rms_norm", lambda inputs, _: (3 if inputs[2] is None else 4) * inputs[0].numel()),
        "adaptive_avg_pool2d": ("adaptive_avg_pool2d", lambda inputs, _: inputs[0].numel()),
        "grid_sampler": ("grid_sampler", lambda _, outputs: 4 * outputs[0].numel()),
        "upsample_bilinear2d": ("upsample_bilinear2d", lambda _, outputs: 4 * outputs[0].numel()),
        "upsample_nearest2d": ("upsample_nearest2d", lambda _, outputs: outputs[0].numel()),
        "convolution": ("conv", lambda inputs, outputs: _conv(inputs, outputs, transposed=inputs[6])),
        "_convolution": ("conv", lambda inputs, outputs: _conv(inputs, outputs, transposed=inputs[6])),
        **{f"conv{n}d": ("conv", _conv) for n in (1, 2, 3)},
        **{f"conv_transpose{n}d": ("conv", _conv_transpose) for n in (1, 2, 3)},
        "mkldnn_rnn_layer": ("rnn", lambda inputs, _: _recurrent(inputs[0], inputs[1:5])),
        "_cudnn_rnn": ("rnn", lambda inputs, _: _recurrent(inputs[0], inputs[1])),
    }
    return {f"aten::{name}": _labelled(label, formula) for name, (label, formula) in table.items()}


def activation_handles() -> dict[str, Handle]:
    """Numbers that convolutions and matrix products put out, by the full names of the operators."""
    names = ["addmm", "baddbmm", "bmm", "einsum", "linear", "matmul", "mm", "scaled_dot_product_attention"]
    convolutions = ["convolution", "_convolution", *(f"conv{n}d" for n in (1, 2, 3))]
    convolutions += [f"conv_transpose{n}d" for n in (1, 2, 3)]
    labels = {name: name for name in names} | dict.fromkeys(convolutions, "conv")
    return {
        f"aten::{name}": _labelled(label, lambda _, outputs: outputs[0].numel())
        for name, label in labels.items()
    }


def _labelled(label: str, formula: Callable[[Sequence[Any], Sequence[Any]], Amount]) -> Handle:
    return lambda inputs, outputs: Counter({label: formula(inputs, outputs)})


def _matrices(a: Tensor, b: Tensor) -> int:
    """A product of (batches of) matrices."""
    return a.numel() * b.shape[-1]


def _matmul(inputs: Sequence[Any], outputs: Sequence[Any]) -> int:
    """Each number of the result is a sum over the last dimension of the first factor."""
    size: int = outputs[0].numel() * inputs[0].shape[-1]
    return size


def _conv(inputs: Sequence[Any], outputs: Sequence[Any], transposed: bool = False) -> int:
    shapes = [tensor.shape for tensor in (inputs[0], inputs[1], outputs[0])]
    if len(shapes[0]) < len(shapes[1]):  # a single sample
        shapes[0], shapes[2] = torch.Size([1, *shapes[0]]), torch.Size([1, *shapes[2]])
    return conv_flop_count(shapes[0], shapes[1], shapes[2], transposed) // 2


def _conv_transpose(inputs: Sequence[Any], outputs: Sequence[Any]) -> int:
    return _conv(inputs, outputs, transposed=True)


def _attention(inputs: Sequence[Any], outputs: Sequence[Any]) -> int:
    """Queries (..., L, E), keys (..., S, E), values (..., S, V): the scores, and what they choose."""
    query, key = inputs[:2]
    return query.numel() * key.shape[-2] + outputs[0].numel() * key.shape[-2]  # type: ignore[no-any-return]


def _recurrent(x: Tensor, weights: Sequence[Tensor]) -> int:
    """Inputs (T, N, C) or (N, T, C): every weight once per step and sample."""
    return x.shape[0] * x.shape[1] * sum(weight.numel() for weight in weights if weight.dim() == 2)


def _batch_norm(inputs: Sequence[Any], _: Sequence[Any]) -> int:
    """In evaluation a linear map per channel; in training the statistics too."""
    x, weight, training = inputs[0], inputs[1], inputs[5]
    return _norm(x, weight) if training else (1 if weight is None else 2) * x.numel()


def _norm(x: Tensor, weight: Tensor | None) -> int:
    """Mean, variance, and the map."""
    return (4 if weight is None else 5) * x.numel()
