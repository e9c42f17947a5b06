"""How often an optimizer step waits for the device: the table, and what it would cost to break it."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from host_waits import HostWaits
from torch import nn
from torch.optim import SGD, AdamW, Optimizer

from eng_optim import AmpOptimWrapper, OptimWrapper

STEPS = 4


class Net(nn.Module):
    """Two layers on a device without values: what a number is has to be asked."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(8, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 1)).to("meta")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.body(x).square().mean()


def _sgd(net: nn.Module) -> Optimizer:
    return SGD(net.parameters(), lr=0.1, momentum=0.9)


def _adamw(net: nn.Module) -> Optimizer:
    return AdamW(net.parameters(), lr=0.1)


class Fused(SGD):
    """An optimizer that skips by itself where a gradient is not finite, as fused kernels do."""

    _step_supports_amp_scaling = True

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        """What the scaler left here says where to skip; the device looks at it, not the host."""
        for parameter in self.param_groups[0]["params"]:
            parameter.add_(parameter.grad, alpha=-0.1).mul_(1 - self.found_inf)


def _fused(net: nn.Module) -> Optimizer:
    return Fused(net.parameters(), lr=0.1)


TABLE: dict[str, tuple[Callable[[nn.Module], Optimizer], dict[str, Any], float]] = {
    "SGD": (_sgd, {}, 0),
    "AdamW": (_adamw, {}, 0),
    "clipped by norm": (_sgd, {"clip_grad": {"max_norm": 1.0}}, 0),
    "clipped by value": (_adamw, {"clip_grad": {"clip_value": 1.0}}, 0),
    "accumulated": (_sgd, {"accumulative_counts": 2, "clip_grad": {"max_norm": 1.0}}, 0),
    "bf16": (_sgd, {"dtype": "bfloat16"}, 0),
    "fp16": (_sgd, {"dtype": "float16"}, 1),
    "fp16 clipped": (_sgd, {"dtype": "float16", "clip_grad": {"max_norm": 1.0}}, 1),
    "fp16 accumulated": (_sgd, {"dtype": "float16", "accumulative_counts": 2}, 0.5),
    "fp16 with a scale of its own": (_sgd, {"dtype": "float16", "loss_scale": 8.0}, 1),
    "fp16 fused": (_fused, {"dtype": "float16"}, 1),
    "fp16 fused and clipped": (_fused, {"dtype": "float16", "clip_grad": {"max_norm": 1.0}}, 1),
}
"""The optimizer, the settings of the wrapper, and the waits of an iteration."""


def _waits(wrapper: OptimWrapper, net: nn.Module, **weight: Any) -> list[str]:
    x = torch.empty(3, 8, device="meta")
    with HostWaits() as seen:
        for _ in range(STEPS):
            wrapper.update_params(net(x), **weight)
    return seen.waits


@pytest.mark.parametrize("name", TABLE)
def test_the_table_of_waits(name: str) -> None:
    """A step waits for nothing; with float16 once, as it has to know whether it may step."""
    make, settings, expected = TABLE[name]
    kind = AmpOptimWrapper if "dtype" in settings else OptimWrapper
    net = Net()
    wrapper = kind(optimizer=make(net), **settings)
    assert len(_waits(wrapper, net)) == expected * STEPS
    assert wrapper.step_count == STEPS // settings.get("accumulative_counts", 1)


@pytest.mark.parametrize("weight", [3, 2.5, torch.tensor(3), torch.empty((), device="meta")])
def test_weights_of_losses_are_not_read(weight: Any) -> None:
    """Numbers, tensors of the host, and tensors of the device."""
    net = Net()
    assert _waits(OptimWrapper(_sgd(net), accumulative_counts=2), net, weight=weight) == []


@pytest.mark.parametrize("gradient", [1.0, float("inf")])
def test_whether_it_stepped_is_read_once(gradient: float) -> None:
    """On the CPU, with real numbers: one read, whether the step is skipped or not."""
    weight = nn.Parameter(torch.zeros(1))
    wrapper = AmpOptimWrapper(dtype="float16", loss_scale=4.0, optimizer=SGD([weight], lr=1.0))
    reads = []

    class Reads(HostWaits):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            reads.extend([func] * (func is torch.ops.aten._local_scalar_dense.default))
            return func(*args, **(kwargs or {}))

    with Reads():
        wrapper.update_params((weight * gradient).sum())
    assert len(reads) == 1
    assert wrapper.step_count == (gradient == 1.0)
