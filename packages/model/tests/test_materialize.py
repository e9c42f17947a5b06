"""From the meta device to memory."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from eng_model import BaseModel, BaseModule, ImgDataPreprocessor, materialize


class Bare(nn.Module):
    """A parameter that nobody knows the first value of."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(2))
        self.fc = nn.Linear(2, 2)


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(4, 2)
        self.out = nn.Linear(2, 4, bias=False)
        self.out.weight = self.embed.weight
        self.norm = nn.BatchNorm1d(2)


def _empty(kind: type[Any], *args: Any, **kwargs: Any) -> Any:
    with torch.device("meta"):
        return kind(*args, **kwargs)


def test_values_are_those_of_a_model_that_was_built_with_memory() -> None:
    """For modules that begin with `reset_parameters`, as all of torch's do."""
    torch.manual_seed(0)
    expected = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Linear(3, 1))
    net = nn.Sequential(_empty(nn.Linear, 3, 3), _empty(nn.BatchNorm1d, 3), _empty(nn.Linear, 3, 1))
    torch.manual_seed(0)
    assert materialize(net, "cpu") is net
    for one, other in zip(expected.state_dict().values(), net.state_dict().values(), strict=True):
        assert torch.equal(one, other)


def test_parameters_stay_the_same_objects() -> None:
    """What is tied stays tied, and an optimizer that was built before has the right ones."""
    net = _empty(Tied)
    weight = net.embed.weight
    weight.note = "kept"
    materialize(net, "cpu")
    assert net.out.weight is net.embed.weight is weight
    assert (weight.device.type, weight.requires_grad, weight.note) == ("cpu", True, "kept")
    assert isinstance(weight, nn.Parameter)
    assert net.norm.num_batches_tracked.item() == 0


def test_frozen_parameters_stay_frozen() -> None:
    """Memory does not change what is trained."""
    net = _empty(nn.Linear, 2, 2).requires_grad_(False)
    assert not materialize(net, "cpu").weight.requires_grad


def test_tensors_that_nobody_fills_are_named() -> None:
    """Garbage is worse than an error; nothing has been changed then."""
    net = _empty(Bare)
    with pytest.raises(ValueError, match=r"begin with: scale\. "):
        materialize(net, "cpu")
    assert net.fc.weight.is_meta


def test_a_function_can_fill_them() -> None:
    """It is called with every module that owns such a tensor, without gradients."""
    filled: list[str] = []

    def fill(module: nn.Module) -> None:
        filled.append(type(module).__name__)
        for parameter in module.parameters(recurse=False):
            parameter.fill_(2.0)

    net = materialize(_empty(Bare), "cpu", fill)
    assert filled == ["Bare", "Linear"]
    assert all((parameter == 2.0).all() for parameter in net.parameters())


def test_what_has_content_is_moved_only() -> None:
    """A part that was built with memory keeps its values."""
    net = nn.Sequential(nn.Linear(1, 1), _empty(nn.Linear, 1, 1))
    before = net[0].weight.clone()
    materialize(net, "cpu")
    assert torch.equal(net[0].weight, before)


def test_init_weights_can_follow() -> None:
    """Also if it has run before, on nothing."""

    class Head(BaseModule):
        def __init__(self) -> None:
            super().__init__({"type": "Constant", "layer": "Head", "val": 3.0})
            self.weight = nn.Parameter(torch.empty(1))

        def reset_parameters(self) -> None:
            nn.init.zeros_(self.weight)

    head = _empty(Head)
    head.init_weights()
    assert materialize(head, "cpu").weight.item() == 0.0
    head.init_weights()
    assert head.weight.item() == 3.0


def test_a_model_predicts_after_it() -> None:
    """The preprocessor's constants have been real all the time."""

    class Net(BaseModel):
        def __init__(self) -> None:
            super().__init__(ImgDataPreprocessor(mean=[1.0], std=[2.0]))
            self.conv = nn.Conv2d(1, 1, 1)

        def forward(self, inputs: Tensor, data_samples: Any = None, mode: str = "tensor") -> Tensor:
            return inputs

    net = materialize(_empty(Net), "cpu")
    result = net.test_step({"inputs": torch.full((1, 1, 1, 1), 5, dtype=torch.uint8)})
    assert result.item() == 2.0
