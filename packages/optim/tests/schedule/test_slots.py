"""Where a scheduled value stands."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adam

from eng_optim import CosineAnnealingParamScheduler, LinearParamScheduler, StepLR, StepMomentum
from eng_optim.schedule.slots import find_slot


def adam(**settings: Any) -> Adam:
    """Adam of one number."""
    return Adam([nn.Parameter(torch.zeros(1))], **{"lr": 1.0, **settings})


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("weight_decay", {"weight_decay": 0.05}),
        ("eps", {"eps": 5e-9}),
        ("betas[0]", {"betas": (0.45, 0.999)}),
        ("betas[1]", {"betas": (0.9, 0.4995)}),
        ("momentum", {"betas": (0.45, 0.999)}),
    ],
)
def test_any_place(name: str, expected: dict[str, Any]) -> None:
    """A number of any name, or at any place of a tuple, can be scheduled; the rest stays."""
    optimizer = adam(weight_decay=0.1)
    before = dict(optimizer.param_groups[0])
    LinearParamScheduler(optimizer, name, start_factor=0.5, end=3)
    after = {key: value for key, value in optimizer.param_groups[0].items() if not key.startswith("initial")}
    for key, value in expected.items():
        assert after.pop(key) == pytest.approx(value)
        before.pop(key)
    assert after == before


def test_two_schedules_on_one_tuple() -> None:
    """Both betas have their own schedule."""
    optimizer = adam()
    schedules = [
        LinearParamScheduler(optimizer, "betas[0]", start_factor=0.5, end=3),
        CosineAnnealingParamScheduler(optimizer, "betas[1]", T_max=2),
    ]
    optimizer.step()
    for schedule in schedules:
        schedule.step()
    assert optimizer.param_groups[0]["betas"] == pytest.approx((0.675, 0.4995))


def test_tensor_is_filled_in_place() -> None:
    """A captured or compiled step keeps the tensor that it knows."""
    rate = torch.tensor(1.0)
    optimizer = SGD([nn.Parameter(torch.zeros(1))], lr=rate)
    schedule = StepLR(optimizer, step_size=1, gamma=0.5)
    for _ in range(2):
        optimizer.step()
        schedule.step()
    assert optimizer.param_groups[0]["lr"] is rate
    assert rate.item() == 0.25
    assert schedule.base_values == [1.0]


def test_tensor_that_became_a_number() -> None:
    """A state without tensors, loaded into groups with tensors, is scheduled all the same."""
    optimizer = SGD([nn.Parameter(torch.zeros(1))], lr=torch.tensor(1.0))
    schedule = StepLR(optimizer, step_size=1, gamma=0.5)
    optimizer.param_groups[0]["lr"] = 1.0
    optimizer.step()
    schedule.step()
    assert optimizer.param_groups[0]["lr"] == 0.5


def test_no_such_place() -> None:
    """A name that the groups do not have is an error that says which they have."""
    with pytest.raises(KeyError, match=r"no `learning_rate` .*; there are .*lr, .*momentum"):
        find_slot("learning_rate", SGD([nn.Parameter(torch.zeros(1))], lr=1.0).param_groups)
    with pytest.raises(KeyError, match="no `gammas`"):
        find_slot("gammas[0]", adam().param_groups)


def test_momentum_needs_an_optimizer_that_has_it() -> None:
    """Without momentum and betas there is nothing to schedule."""
    optimizer = torch.optim.Rprop([nn.Parameter(torch.zeros(1))])
    with pytest.raises(ValueError, match="`momentum` or `betas`"):
        StepMomentum(optimizer, step_size=1)
