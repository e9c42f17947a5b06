"""Initialisation rules: each fills the weight of one layer and sets its bias to a constant.

A layer without a weight, or with `bias=None`, is left alone where it has nothing to fill.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ..sharding import is_distributed_tensor

Distribution = Literal["uniform", "normal"]


def constant_init(module: nn.Module, val: float, bias: float = 0) -> None:
    """Set the weight to `val`.

    >>> layer = nn.Linear(2, 1)
    >>> constant_init(layer, 0.5, bias=1)
    >>> layer.weight.tolist(), layer.bias.tolist()
    ([[0.5, 0.5]], [1.0])
    """
    if (weight := _tensor(module, "weight")) is not None:
        nn.init.constant_(weight, val)
    _fill_bias(module, bias)


def xavier_init(
    module: nn.Module, gain: float = 1, bias: float = 0, distribution: Distribution = "normal"
) -> None:
    """Keep the variance of signal and gradient: variance `gain**2 * 2 / (fan_in + fan_out)`.

    From Glorot and Bengio, Understanding the difficulty of training deep feedforward neural networks (2010).
    """
    uniform = _is_uniform(distribution)
    if (weight := _tensor(module, "weight")) is not None:
        fill = nn.init.xavier_uniform_ if uniform else nn.init.xavier_normal_
        _draw(weight, fill, gain=gain)
    _fill_bias(module, bias)


def normal_init(module: nn.Module, mean: float = 0, std: float = 1, bias: float = 0) -> None:
    """Draw the weight from a normal distribution."""
    if (weight := _tensor(module, "weight")) is not None:
        _draw(weight, nn.init.normal_, mean, std)
    _fill_bias(module, bias)


def trunc_normal_init(
    module: nn.Module, mean: float = 0, std: float = 1, a: float = -2, b: float = 2, bias: float = 0
) -> None:
    """Draw the weight from a normal distribution cut off at the values `a` and `b`."""
    if (weight := _tensor(module, "weight")) is not None:
        _draw(weight, nn.init.trunc_normal_, mean, std, a, b)
    _fill_bias(module, bias)


def uniform_init(module: nn.Module, a: float = 0, b: float = 1, bias: float = 0) -> None:
    """Draw the weight evenly from `a` to `b`."""
    if (weight := _tensor(module, "weight")) is not None:
        _draw(weight, nn.init.uniform_, a, b)
    _fill_bias(module, bias)


def kaiming_init(
    module: nn.Module,
    a: float = 0,
    mode: Literal["fan_in", "fan_out"] = "fan_out",
    nonlinearity: str = "relu",
    bias: float = 0,
    distribution: Distribution = "normal",
) -> None:
    """Keep the variance through rectifiers; `a` is the slope of the negative half of a leaky one.

    From He et al., Delving deep into rectifiers (2015).
    """
    uniform = _is_uniform(distribution)
    if (weight := _tensor(module, "weight")) is not None:
        fill = nn.init.kaiming_uniform_ if uniform else nn.init.kaiming_normal_
        _draw(weight, fill, a=a, mode=mode, nonlinearity=nonlinearity)
    _fill_bias(module, bias)


def caffe2_xavier_init(module: nn.Module, bias: float = 0) -> None:
    """What Caffe2 calls Xavier: evenly within `sqrt(3 / fan_in)` of zero."""
    kaiming_init(module, a=1, mode="fan_in", nonlinearity="leaky_relu", bias=bias, distribution="uniform")


def bias_init_with_prob(prior_prob: float) -> float:
    """The bias of a classifier whose sigmoid begins at `prior_prob`: `-ln((1 - p) / p)`.

    >>> round(bias_init_with_prob(0.01), 4)
    -4.5951
    """
    return -math.log((1 - prior_prob) / prior_prob)


def _tensor(module: nn.Module, name: str) -> Tensor | None:
    value = getattr(module, name, None)
    return value if isinstance(value, Tensor) else None


def _draw(tensor: Tensor, fill: Callable[..., Tensor], *args: Any, **kwargs: Any) -> None:
    """Fill a tensor at random. One that is sharded over CPUs becomes what it would be as a whole.

    torch draws the shards of one tensor from one stream on accelerators only; on CPUs, or offloaded there, every
    process would draw the same numbers for its own shard.
    """
    if is_distributed_tensor(tensor) and tensor.device.type == "cpu":
        from torch.distributed.tensor import distribute_tensor  # there already, since the tensor is

        whole = fill(torch.empty(tensor.shape, dtype=tensor.dtype), *args, **kwargs)
        shards = distribute_tensor(whole, tensor.device_mesh, tensor.placements, src_data_rank=None)
        with torch.no_grad():
            tensor.copy_(shards)
    else:
        fill(tensor, *args, **kwargs)


def _fill_bias(module: nn.Module, value: float) -> None:
    if (bias := _tensor(module, "bias")) is not None:
        nn.init.constant_(bias, value)


def _is_uniform(distribution: str) -> bool:
    if distribution not in ("uniform", "normal"):
        raise AssertionError(f"distribution={distribution!r}: it has to be 'uniform' or 'normal'")
    return distribution == "uniform"
