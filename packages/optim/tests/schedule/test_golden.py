"""The table of values that every schedule is held to, step by step."""

from typing import Any

import pytest
import torch
from torch.optim import SGD, Adam, Optimizer

from eng_optim import (
    ConstantLR,
    ConstantParamScheduler,
    CosineAnnealingLR,
    CosineRestartLR,
    ExponentialLR,
    LinearLR,
    LinearMomentum,
    MultiStepLR,
    OneCycleLR,
    ParamScheduler,
    PolyLR,
    StepLR,
)


def sgd(**settings: Any) -> SGD:
    """An optimizer of one number whose learning rate is 1 unless `settings` say otherwise."""
    return SGD([torch.nn.Parameter(torch.zeros(1))], **{"lr": 1.0, **settings})


def values(optimizer: Optimizer, steps: int, schedules: list[ParamScheduler], key: str = "lr") -> list[Any]:
    """The value of `key` that each of `steps` optimizer steps is taken with."""
    seen = []
    for _ in range(steps):
        seen.append(optimizer.param_groups[0][key])
        optimizer.step()
        for schedule in schedules:
            schedule.step()
    return seen


ONE = [
    (LinearLR, {"start_factor": 0.1, "end": 5}, [0.1, 0.325, 0.55, 0.775, 1, 1, 1, 1]),
    (
        LinearLR,
        {"start_factor": 0.5, "end_factor": 0.2, "begin": 1, "end": 4},
        [1, 0.5, 0.35, 0.2, 0.2, 0.2, 0.2],
    ),
    (ConstantLR, {"factor": 0.5, "end": 5}, [0.5, 0.5, 0.5, 0.5, 1, 1, 1, 1]),
    (ConstantLR, {"factor": 0.5, "begin": 2, "end": 5}, [1, 1, 0.5, 0.5, 1, 1, 1, 1]),
    (StepLR, {"step_size": 3}, [1, 1, 1, 0.1, 0.1, 0.1, 0.01, 0.01]),
    (StepLR, {"step_size": 2, "begin": 1, "end": 5}, [1, 1, 1, 0.1, 0.1, 0.1, 0.1, 0.1]),
    (MultiStepLR, {"milestones": [2, 5]}, [1, 1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.01]),
    (
        MultiStepLR,
        {"milestones": [2, 2, 5], "gamma": 0.5},
        [1, 1, 0.25, 0.25, 0.25, 0.125, 0.125, 0.125],
    ),
    (ExponentialLR, {"gamma": 0.5, "begin": 2}, [1, 1, 1, 0.5, 0.25, 0.125, 0.0625]),
    (PolyLR, {"power": 1, "end": 5}, [1, 0.75, 0.5, 0.25, 0, 0, 0]),
    (PolyLR, {"power": 2, "eta_min": 0.1, "end": 5}, [1, 0.60625, 0.325, 0.15625, 0.1, 0.1, 0.1]),
    (
        CosineAnnealingLR,
        {"T_max": 4},
        [1, 0.8535534, 0.5, 0.1464466, 0, 0.1464466, 0.5, 0.8535534, 1, 0.8535534],
    ),
    (
        CosineAnnealingLR,
        {"begin": 2, "end": 6},
        [1, 1, 1, 0.8535534, 0.5, 0.1464466, 0.1464466, 0.1464466],
    ),
    (
        CosineAnnealingLR,
        {"T_max": 4, "eta_min_ratio": 0.1, "end": 5},
        [1, 0.8681981, 0.55, 0.2318019, 0.1, 0.1, 0.1, 0.1],
    ),
    (
        CosineRestartLR,
        {"periods": [3, 3], "restart_weights": [1, 0.5], "eta_min": 0},
        [1, 0.75, 0.25, 0.5, 0.375, 0.125, 0.125, 0.125],
    ),
    (
        OneCycleLR,
        {"eta_max": 2, "total_steps": 10},
        [0.08, 1.04, 2, 1.9009693, 1.6234913, 1.222524, 0.777484, 0.3765167, 0.0990387, 8e-06],
    ),
    (
        OneCycleLR,
        {"eta_max": 2, "total_steps": 10, "three_phase": True, "anneal_strategy": "linear"},
        [0.08, 1.04, 2, 1.04, 0.08, 0.0640016, 0.0480032, 0.0320048, 0.0160064, 0.000008],
    ),
]


@pytest.mark.parametrize(("kind", "settings", "expected"), ONE)
def test_one_schedule(kind: type[ParamScheduler], settings: dict[str, Any], expected: list[float]) -> None:
    """Each schedule alone gives its row of the table."""
    optimizer = sgd()
    schedule = kind(optimizer, **settings)  # type: ignore[call-arg]
    assert values(optimizer, len(expected), [schedule]) == pytest.approx(expected, abs=1e-7)


def test_warm_up_then_milestones() -> None:
    """A milestone that falls into the warm-up stays in force while the warm-up goes on."""
    optimizer = sgd()
    schedules = [LinearLR(optimizer, start_factor=0.1, end=4), MultiStepLR(optimizer, milestones=[2, 8])]
    expected = [0.1, 0.4, 0.07, 0.1, 0.1, 0.1, 0.1, 0.1, 0.01, 0.01]
    assert values(optimizer, 10, schedules) == pytest.approx(expected)


def test_overlapping_schedules_multiply() -> None:
    """Two schedules that are active at the same step both have their say."""
    optimizer = sgd()
    schedules = [
        ConstantLR(optimizer, factor=0.5, begin=0, end=4),
        ConstantLR(optimizer, factor=0.5, begin=2, end=6),
    ]
    assert values(optimizer, 8, schedules) == [0.5, 0.5, 0.25, 0.5, 0.5, 1, 1, 1]


def test_warm_up_then_cosine() -> None:
    """The usual warm-up joins the cosine without a jump."""
    optimizer = sgd()
    schedules = [
        LinearLR(optimizer, start_factor=0.1, end=4),
        CosineAnnealingLR(optimizer, T_max=6, begin=4, end=10),
    ]
    expected = [0.1, 0.4, 0.7, 1.0, 1.0, 0.9330127, 0.75, 0.5, 0.25, 0.0669873, 0.0669873]
    assert values(optimizer, 11, schedules) == pytest.approx(expected)


def test_momentum_of_sgd() -> None:
    """A momentum schedule moves `momentum` where the optimizer has it."""
    optimizer = sgd(momentum=0.9)
    schedule = LinearMomentum(optimizer, start_factor=0.5, end=3)
    assert values(optimizer, 5, [schedule], "momentum") == pytest.approx([0.45, 0.675, 0.9, 0.9, 0.9])


def test_momentum_of_adam() -> None:
    """A momentum schedule moves the first beta, and only it, where there are betas."""
    optimizer = Adam([torch.nn.Parameter(torch.zeros(1))])
    schedule = LinearMomentum(optimizer, start_factor=0.5, end=3)
    betas = values(optimizer, 5, [schedule], "betas")
    assert [first for first, _ in betas] == pytest.approx([0.45, 0.675, 0.9, 0.9, 0.9])
    assert {second for _, second in betas} == {0.999}


def test_any_value() -> None:
    """The general form schedules whatever number the groups have."""
    optimizer = sgd(weight_decay=0.1)
    schedule = ConstantParamScheduler(optimizer, param_name="weight_decay", factor=0.5, end=3)
    assert values(optimizer, 5, [schedule], "weight_decay") == [0.05, 0.05, 0.1, 0.1, 0.1]
