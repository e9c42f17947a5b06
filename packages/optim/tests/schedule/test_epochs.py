"""From epochs to iterations."""

from collections import Counter
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import SGD

from eng_optim import (
    WSDLR,
    ConstantLR,
    CosineAnnealingLR,
    CosineRestartLR,
    ExponentialLR,
    InverseSqrtLR,
    LinearLR,
    MultiStepLR,
    OneCycleLR,
    PolyLR,
    SettingError,
    StepLR,
    WarmUpLR,
)


def sgd() -> SGD:
    """One number with a rate of 1."""
    return SGD([nn.Parameter(torch.zeros(1))], lr=1.0)


@pytest.mark.parametrize(
    ("kind", "settings", "expected"),
    [
        (
            MultiStepLR,
            {"milestones": [8, 11], "end": 12},
            {"milestones": Counter({80: 1, 110: 1}), "end": 120},
        ),
        (CosineAnnealingLR, {"begin": 1, "end": 3}, {"T_max": 20, "begin": 10, "end": 30}),
        (CosineAnnealingLR, {"T_max": 2}, {"T_max": 20, "end": 10**9}),
        (StepLR, {"step_size": 3}, {"step_size": 30}),
        (
            CosineRestartLR,
            {"periods": [1, 2], "restart_weights": [1, 1], "eta_min": 0},
            {"periods": [10, 20]},
        ),
        (OneCycleLR, {"eta_max": 1.0, "total_steps": 4}, {"total_steps": 40}),
        (OneCycleLR, {"eta_max": 1.0, "end": 4}, {"total_steps": 40}),
        (LinearLR, {"end": 2.5}, {"end": 25, "total_iters": 24}),
        (ConstantLR, {"end": 2}, {"total_iters": 19}),
        (PolyLR, {"begin": 1, "end": 2}, {"total_iters": 9}),
        (ExponentialLR, {"gamma": 0.5}, {"begin": 0, "end": 10**9}),
        (InverseSqrtLR, {"warmup": 2}, {"warmup": 20, "timescale": 20}),
        (WSDLR, {"warmup": 1, "decay": 2, "end": 6}, {"warmup": 10, "decay": 20, "total_steps": 60}),
        (
            WarmUpLR,
            {"warmup": 1, "then": {"type": "StepLR", "step_size": 2}},
            {"warmup": 10, "then": {"type": "StepLR", "step_size": 20, "by_epoch": False}},
        ),
    ],
)
def test_every_count_is_converted(kind: Any, settings: dict[str, Any], expected: dict[str, Any]) -> None:
    """Whatever a schedule counts is multiplied by the length of an epoch."""
    schedule = kind.build_iter_from_epoch(sgd(), **settings, epoch_length=10)
    assert {key: getattr(schedule, key) for key in expected} == expected
    assert schedule.by_epoch is False


def test_positional_arguments_are_converted() -> None:
    """A count that is given by position is one too."""
    assert StepLR.build_iter_from_epoch(sgd(), 3, epoch_length=10).step_size == 30


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"by_epoch": False, "epoch_length": 10}, "counts epochs"),
        ({}, "`epoch_length` is the number of iterations"),
        ({"epoch_length": 0}, "`epoch_length` is the number of iterations"),
    ],
)
def test_nothing_to_convert(settings: dict[str, Any], message: str) -> None:
    """Only epochs of a known length can be converted."""
    with pytest.raises(SettingError, match=message):
        StepLR.build_iter_from_epoch(sgd(), step_size=1, **settings)
