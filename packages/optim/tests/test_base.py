"""What every wrapper offers: groups, values, state."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, Adamax, Rprop

from eng_optim import BaseOptimWrapper, OptimWrapper, StepLR


def parameters(count: int) -> list[nn.Parameter]:
    """That many numbers."""
    return [nn.Parameter(torch.zeros(1)) for _ in range(count)]


def two_groups() -> OptimWrapper:
    """A group with a rate of its own, and one with the default."""
    first, second = parameters(2)
    return OptimWrapper(SGD([{"params": [first], "lr": 0.1}, {"params": [second]}], lr=0.01, momentum=0.9))


def test_one_group() -> None:
    """One group has no pseudo group beside it."""
    wrapper = OptimWrapper(SGD(parameters(1), lr=0.01))
    assert wrapper.param_groups is wrapper.optimizer.param_groups
    assert wrapper.get_lr() == {"lr": [0.01]}
    assert wrapper.get_momentum() == {"momentum": [0]}
    assert wrapper.defaults["lr"] == 0.01


def test_momentum_is_the_first_beta() -> None:
    """Optimizers without `momentum` have theirs in `betas`, or none."""
    assert OptimWrapper(Adam(parameters(1), betas=(0.8, 0.9))).get_momentum() == {"momentum": [0.8]}
    assert OptimWrapper(Adamax(parameters(1))).get_momentum() == {"momentum": [0.9]}
    assert OptimWrapper(Rprop(parameters(1))).get_momentum() == {"momentum": [0]}


def test_base_rate_shows_the_schedule() -> None:
    """A schedule drives the defaults too."""
    wrapper = two_groups()
    schedule = StepLR(wrapper, step_size=1)
    wrapper.optimizer.step()
    schedule.step()
    rates = wrapper.get_lr()
    assert list(rates) == ["base_lr", "lr"]
    assert rates["base_lr"] == pytest.approx([0.001])
    assert rates["lr"] == pytest.approx([0.01, 0.001])


def test_state_has_the_defaults() -> None:
    """The pseudo group is saved and loaded; what is loaded stays as it is."""
    wrapper = two_groups()
    assert wrapper.base_param_settings is not None
    wrapper.base_param_settings["lr"] = 0.5
    state = wrapper.state_dict()
    assert state["base_param_settings"]["lr"] == 0.5
    assert "params" not in state["base_param_settings"]
    successor = two_groups()
    successor.load_state_dict(state)
    assert successor.get_lr()["base_lr"] == [0.5]
    assert "base_param_settings" in state


def test_state_of_a_bare_optimizer() -> None:
    """The state of the optimizer alone loads too, and the other way round."""
    optimizer = SGD(parameters(1), lr=0.3)
    wrapper = OptimWrapper(SGD(parameters(1), lr=0.1))
    wrapper.load_state_dict(optimizer.state_dict())
    assert wrapper.get_lr() == {"lr": [0.3]}
    wrapper.load_state_dict({**wrapper.state_dict(), "base_param_settings": {"lr": 1.0}})
    assert wrapper.get_lr() == {"lr": [0.3]}


def test_rates_that_are_tensors() -> None:
    """Values are read as numbers."""
    wrapper = OptimWrapper(SGD(parameters(1), lr=torch.tensor(0.5)))
    assert wrapper.get_lr() == {"lr": [0.5]}


def test_an_interface() -> None:
    """A wrapper of another engine says how to update, go back, step and zero."""
    optimizer = SGD(parameters(1), lr=0.1)
    with pytest.raises(TypeError, match="abstract"):
        BaseOptimWrapper(optimizer)  # type: ignore[abstract]  # what is tested

    class Mine(BaseOptimWrapper):
        def update_params(self, loss: Tensor) -> None:  # type: ignore[override]
            self.backward(loss)
            self.step()
            self.zero_grad()

        def backward(self, loss: Tensor, **kwargs: Any) -> None:
            loss.backward()  # type: ignore[no-untyped-call]

        def zero_grad(self, **kwargs: Any) -> None:
            self.optimizer.zero_grad()

        def step(self, **kwargs: Any) -> None:
            self.optimizer.step()

    wrapper = Mine(optimizer)
    schedule = StepLR(wrapper, step_size=1)
    parameter = wrapper.param_groups[0]["params"][0]
    wrapper.update_params(parameter.sum())
    schedule.step()
    assert parameter.item() == pytest.approx(-0.1)
    assert wrapper.get_lr()["lr"] == pytest.approx([0.01])
