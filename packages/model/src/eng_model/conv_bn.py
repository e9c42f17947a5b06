"""Convolutions followed by frozen batch normalisation, computed as one convolution.

While a batch normalisation is in evaluation mode it is a linear map per channel, `y = scale * x + shift`, and can go
into the weights of the convolution before it: the same result and the same gradients for one pass over the
activations less, and without keeping the activations between the two. From You et al., Efficient ConvBN blocks for
transfer learning and beyond (2024).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from .select import select_modules

_TRANSPOSED = {1: functional.conv_transpose1d, 2: functional.conv_transpose2d, 3: functional.conv_transpose3d}


def turn_on_efficient_conv_bn_eval(model: nn.Module, modules: str | Sequence[str]) -> list[tuple[str, str]]:
    """Fuse, in these submodules (by path, or all of a class), each convolution with the normalisation it feeds.

    Nothing changes while the normalisation is in training mode. Modules, names and parameters stay what they are. A
    pair is found by tracing the submodule with `torch.fx`, so that has to be possible; the convolution must be called
    once and feed nothing else. Returns the paths of the pairs.

    >>> net = nn.Sequential(nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)), nn.ReLU())
    >>> turn_on_efficient_conv_bn_eval(net, "0")
    [('0.0', '0.1')]
    """
    fused = []
    for path, module in select_modules(model, modules).items():
        for conv_path, bn_path in _pairs(module):
            conv, bn = module.get_submodule(conv_path), module.get_submodule(bn_path)
            if not isinstance(conv.forward, _FusedConv):
                conv.forward = _FusedConv(conv, bn, conv.forward)
                bn.forward = _SkippedNorm(bn, bn.forward)
                fused.append((f"{path}.{conv_path}".lstrip("."), f"{path}.{bn_path}".lstrip(".")))
    return fused


def _pairs(module: nn.Module) -> list[tuple[str, str]]:
    """Paths of convolutions and of the normalisations that alone take their result."""
    graph = fx.Tracer().trace(module)
    by_path = dict(module.named_modules(remove_duplicate=False))
    called = [node for node in graph.nodes if node.op == "call_module"]
    calls = Counter(id(by_path[str(node.target)]) for node in called)
    pairs = []
    for node in called:
        before = node.args[0] if node.args else None
        if not isinstance(before, fx.Node) or before.op != "call_module" or len(before.users) != 1:
            continue
        conv, bn = by_path[str(before.target)], by_path[str(node.target)]
        if _can_be_fused(conv, bn) and calls[id(conv)] == calls[id(bn)] == 1:
            pairs.append((str(before.target), str(node.target)))
    return pairs


def _can_be_fused(conv: nn.Module, bn: nn.Module) -> bool:
    if not isinstance(conv, _ConvNd) or not isinstance(bn, _BatchNorm):
        return False
    return not isinstance(conv, _ConvTransposeNd) or conv.groups == 1


def _is_linear(bn: _BatchNorm) -> bool:
    """Whether the normalisation is a fixed linear map now."""
    return not bn.training and bn.running_mean is not None


def _fused_weights(conv: Any, bn: Any) -> tuple[Tensor, Tensor]:
    """Weight and bias of the convolution that does both; gradients reach the parameters of both."""
    scale = torch.rsqrt(bn.running_var + bn.eps)
    scale = scale if bn.weight is None else scale * bn.weight
    shift = -bn.running_mean if conv.bias is None else conv.bias - bn.running_mean
    bias = shift * scale if bn.bias is None else shift * scale + bn.bias
    output_dim = 1 if isinstance(conv, _ConvTransposeNd) else 0
    shape = [1] * conv.weight.dim()
    shape[output_dim] = -1
    return conv.weight * scale.view(shape), bias


class _FusedConv:
    """The `forward` of a convolution that does the work of the normalisation behind it while that is linear."""

    def __init__(self, conv: Any, bn: Any, forward: Callable[..., Tensor]) -> None:
        self.conv = conv
        self.bn = bn
        self.forward = forward

    def __call__(self, x: Tensor, *args: Any) -> Tensor:
        if not _is_linear(self.bn):
            return self.forward(x, *args)
        weight, bias = _fused_weights(self.conv, self.bn)
        if isinstance(self.conv, _ConvTransposeNd):
            return _transposed(self.conv, x, weight, bias, *args)
        return self.conv._conv_forward(x, weight, bias)  # type: ignore[no-any-return]  # torch's, for any padding


def _transposed(
    conv: Any, x: Tensor, weight: Tensor, bias: Tensor, output_size: list[int] | None = None
) -> Tensor:
    """What `conv` makes of `x` with another weight and bias."""
    dims = weight.dim() - 2
    padding = conv._output_padding(
        x, output_size, conv.stride, conv.padding, conv.kernel_size, dims, conv.dilation
    )
    convolve: Any = _TRANSPOSED[dims]
    result: Tensor = convolve(x, weight, bias, conv.stride, conv.padding, padding, conv.groups, conv.dilation)
    return result


class _SkippedNorm:
    """The `forward` of a normalisation whose work is done already while it is linear."""

    def __init__(self, bn: Any, forward: Callable[..., Tensor]) -> None:
        self.bn = bn
        self.forward = forward

    def __call__(self, x: Tensor) -> Tensor:
        return x if _is_linear(self.bn) else self.forward(x)
