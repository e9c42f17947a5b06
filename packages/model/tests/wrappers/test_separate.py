"""A wrapper for each part of a model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, distributed, nn

from eng_model import (
    BaseModel,
    MMDistributedDataParallel,
    MMSeparateDistributedDataParallel,
    is_model_wrapper,
)


class Gan(BaseModel):
    """Two halves with an optimizer each."""

    def __init__(self) -> None:
        super().__init__()
        self.generator = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
        self.discriminator = nn.Linear(2, 1)
        self.frozen = nn.Linear(2, 2).requires_grad_(False)

    def forward(self, inputs: Tensor, data_samples: Any = None, mode: str = "tensor") -> Tensor:
        return self.generator(self.frozen(inputs))

    def train_step(self, data: Any, optim_wrapper: Any) -> dict[str, Tensor]:
        fake = self(data["inputs"])
        with optim_wrapper["discriminator"].optim_context(self.discriminator):
            loss_d = self.discriminator(fake.detach()).square().mean()
        optim_wrapper["discriminator"].update_params(loss_d)
        with optim_wrapper["generator"].optim_context(self.generator):
            loss_g = self.discriminator(self(data["inputs"])).square().mean()
        optim_wrapper["generator"].update_params(loss_g)
        self.discriminator.zero_grad()
        return {"loss_d": loss_d.detach(), "loss_g": loss_g.detach()}


@pytest.mark.usefixtures("group_of_one")
def test_trainable_children_are_wrapped_one_by_one() -> None:
    """Those that have nothing to train are not."""
    wrapped = MMSeparateDistributedDataParallel(Gan())
    kinds = {name: type(child) for name, child in wrapped.module.named_children()}
    assert kinds["generator"] is kinds["discriminator"] is MMDistributedDataParallel
    assert kinds["frozen"] is nn.Linear
    assert is_model_wrapper(wrapped)
    assert not wrapped.module.generator.broadcast_buffers


@pytest.mark.usefixtures("group_of_one")
def test_predictions_and_modes_are_the_models() -> None:
    """The wrapper only passes on."""
    wrapped = MMSeparateDistributedDataParallel(Gan())
    data = {"inputs": torch.ones(3, 2)}
    assert wrapped.eval() is wrapped
    assert not any(module.training for module in wrapped.modules())
    expected = wrapped.module(torch.ones(3, 2))
    assert torch.equal(wrapped.val_step(data), expected)
    assert torch.equal(wrapped.test_step(data), expected)
    assert torch.equal(wrapped(torch.ones(3, 2)), expected)
    assert wrapped.train().module.generator.training


@pytest.mark.usefixtures("group_of_one")
def test_no_sync_holds_for_all_children_at_once() -> None:
    """And is over for all of them at the end."""
    wrapped = MMSeparateDistributedDataParallel(Gan())
    halves = [wrapped.module.generator, wrapped.module.discriminator]
    with wrapped.no_sync():
        assert [half.require_backward_grad_sync for half in halves] == [False, False]
    assert [half.require_backward_grad_sync for half in halves] == [True, True]


def test_two_processes_stay_equal(two_ranks: Callable[..., Any], sgd: Any) -> None:
    """Each half's gradients are averaged, though they get different data."""

    def train() -> tuple[list[float], dict[str, float]]:
        torch.manual_seed(0)
        wrapped = MMSeparateDistributedDataParallel(Gan())
        halves = {name: sgd(getattr(wrapped.module, name)) for name in ("generator", "discriminator")}
        data = {"inputs": torch.arange(8.0).view(4, 2) + distributed.get_rank()}
        for _ in range(3):
            log_vars = wrapped.train_step(data, halves)
        weights = torch.cat([parameter.detach().flatten() for parameter in wrapped.parameters()])
        return weights.tolist(), {name: value.item() for name, value in log_vars.items()}

    (one, logged), (other, logged_there) = two_ranks(train)
    assert one == other
    assert logged.keys() == {"loss_d", "loss_g"}
    assert logged != logged_there


@pytest.mark.usefixtures("group_of_one")
def test_the_steps_work_where_torch_moves_the_inputs(sgd: Any) -> None:
    """Every child has `device_ids` on a GPU; one that takes no inputs can be called too."""

    class Source(nn.Linear):
        def forward(self) -> Tensor:
            return self.weight

    torch.manual_seed(0)
    net = Gan()
    net.generator = Source(2, 2, bias=False)
    net.forward = lambda inputs, **_: net.generator()  # type: ignore[method-assign]
    wrapped = MMSeparateDistributedDataParallel(net)
    for child in (net.generator, net.discriminator):
        child.device_ids, child.device_type = [0], "cpu"
    halves = {name: sgd(getattr(net, name)) for name in ("generator", "discriminator")}
    before = net.generator.module.weight.clone()
    wrapped.train_step({"inputs": torch.ones(1, 2)}, halves)
    assert not torch.equal(net.generator.module.weight, before)
    assert wrapped.val_step({"inputs": torch.ones(1, 2)}).shape == (2, 2)


def test_what_belongs_to_no_child_goes_to_the_device_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A buffer of the model itself is used beside its children."""

    class Scaled(BaseModel):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("scale", torch.ones(1))
            self.frozen = nn.Linear(1, 1).requires_grad_(False)

        def forward(self, inputs: Tensor, data_samples: Any = None, mode: str = "tensor") -> Tensor:
            return self.frozen(inputs) * self.scale

    monkeypatch.setattr("eng_model.wrappers.separate.get_device", lambda: torch.device("meta"))
    wrapped = MMSeparateDistributedDataParallel(Scaled())
    assert wrapped.module.scale.is_meta
    assert wrapped.module.frozen.weight.is_meta
