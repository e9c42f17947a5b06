"""Recomputing instead of keeping: the same numbers for less memory."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from eng_model import turn_on_activation_checkpointing


class Block(nn.Module):
    """Dropout for the random numbers, a normalisation for the statistics, a keyword for the arguments."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(8, 8)
        self.norm = nn.BatchNorm1d(8)
        self.drop = nn.Dropout()

    def forward(self, x: Tensor, *, scale: float = 1.0) -> Tensor:
        return torch.relu(self.drop(self.norm(self.fc(x)))) * scale


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block() for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x, scale=2.0)
        return x


def _pair(modules: str | list[str]) -> tuple[Net, Net]:
    torch.manual_seed(0)
    plain = Net()
    recomputed = copy.deepcopy(plain)
    turn_on_activation_checkpointing(recomputed, modules)
    return plain, recomputed


def _train(net: nn.Module) -> tuple[list[Any], int]:
    """Everything that a step leaves, and how many numbers were kept for it."""
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.data_ptr()] = tensor.numel()
        return tensor

    torch.manual_seed(1)
    x = torch.randn(16, 8, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = net(x).sum()
    count = sum(kept.values())
    loss.backward()
    left = [loss, x.grad, *(p.grad for p in net.parameters()), *net.buffers(), torch.rand(2)]
    return left, count


@pytest.mark.parametrize("modules", ["Block", ["blocks.0", "blocks.2"], ""])
def test_numbers_are_those_of_the_plain_model(modules: str | list[str]) -> None:
    """Loss, gradients, running statistics, and the random numbers that come next."""
    plain, recomputed = _pair(modules)
    expected, kept = _train(plain)
    actual, kept_less = _train(recomputed)
    assert all(torch.equal(one, other) for one, other in zip(expected, actual, strict=True))
    assert kept_less < kept / 1.4


def test_names_stay() -> None:
    """A checkpoint of one loads into the other."""
    plain, recomputed = _pair("Block")
    assert [*plain.state_dict()] == [*recomputed.state_dict()]
    assert [*map(type, plain.modules())] == [*map(type, recomputed.modules())]


def test_turning_on_twice_is_turning_on_once() -> None:
    """Nothing is recomputed in recomputing."""
    _, net = _pair("Block")
    forward = net.blocks[0].forward
    turn_on_activation_checkpointing(net, ["blocks.0"])
    assert net.blocks[0].forward is forward


def test_a_copy_recomputes_itself() -> None:
    """Not the module it was copied from."""
    _, net = _pair("Block")
    other = copy.deepcopy(net)
    nn.init.zeros_(other.blocks[2].norm.weight)
    nn.init.zeros_(other.blocks[2].norm.bias)
    assert not other(torch.ones(4, 8)).any()
    assert net(torch.ones(4, 8)).any()


def test_predictions_need_no_gradients() -> None:
    """In evaluation it is the plain model."""
    plain, net = _pair("Block")
    with torch.no_grad():
        assert torch.equal(plain.eval()(torch.ones(4, 8)), net.eval()(torch.ones(4, 8)))
