"""What each family refuses, and the schedules that only we have."""

from math import sqrt
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
    CosineRestartParamScheduler,
    InverseSqrtLR,
    LinearLR,
    OneCycleLR,
    OneCycleParamScheduler,
    ParamScheduler,
    SettingError,
    StepLR,
    WarmUpLR,
    WarmUpParamScheduler,
)


def sgd(rate: float = 1.0) -> SGD:
    """One number."""
    return SGD([nn.Parameter(torch.zeros(1))], lr=rate, weight_decay=0.5)


def values(optimizer: SGD, schedule: ParamScheduler, steps: int, key: str = "lr") -> list[float]:
    """The value at each step."""
    seen = []
    for _ in range(steps):
        seen.append(optimizer.param_groups[0][key])
        optimizer.step()
        schedule.step()
    return seen


@pytest.mark.parametrize(
    ("kind", "settings", "error", "message"),
    [
        (ConstantLR, {"factor": 1.1}, ValueError, "`factor` is between 0 and 1"),
        (ConstantLR, {"factor": -0.1}, ValueError, "`factor`"),
        (LinearLR, {"start_factor": 1.1}, ValueError, "`start_factor`"),
        (LinearLR, {"end_factor": -0.1}, ValueError, "`end_factor`"),
        (CosineAnnealingLR, {"eta_min": 0.1, "eta_min_ratio": 0.1}, AssertionError, "not both"),
        (CosineRestartLR, {"periods": [1]}, AssertionError, "exactly one of"),
        (
            CosineRestartLR,
            {"periods": [1], "eta_min": 0, "eta_min_ratio": 0},
            AssertionError,
            "exactly one of",
        ),
        (CosineRestartLR, {"periods": [1, 2], "eta_min": 0}, AssertionError, "2 periods need as many"),
        (OneCycleLR, {"total_steps": 0}, ValueError, "positive integer"),
        (OneCycleLR, {"total_steps": 1.5}, ValueError, "positive integer"),
        (OneCycleLR, {"total_steps": 5, "pct_start": 1}, ValueError, "float between 0 and 1"),
        (OneCycleLR, {"total_steps": 5, "pct_start": 1.5}, ValueError, "float between 0 and 1"),
        (OneCycleLR, {"total_steps": 5, "anneal_strategy": "exp"}, ValueError, "'cos' or 'linear'"),
        (
            OneCycleLR,
            {"total_steps": 5, "eta_max": [1.0, 2.0]},
            ValueError,
            "2 values for 1 parameter groups",
        ),
        (WSDLR, {"warmup": 5, "decay": 6, "end": 10}, ValueError, "do not fit into 10"),
        (WSDLR, {"warmup": 1, "decay": 1, "end": 9, "decay_strategy": "x"}, ValueError, "cos, linear, sqrt"),
        (WarmUpLR, {"warmup": 10, "end": 10}, ValueError, "does not fit"),
        (WarmUpLR, {"warmup": 1, "start_factor": 2}, ValueError, "`start_factor`"),
        (WarmUpLR, {"warmup": 1, "then": {"type": "ReduceOnPlateauLR"}}, TypeError, "rule of the step"),
    ],
)
def test_refused(kind: Any, settings: dict[str, Any], error: type[Exception], message: str) -> None:
    """A setting that cannot mean anything is an error at once."""
    with pytest.raises(error, match=message):
        kind(sgd(), **settings)


def test_cycle_is_for_the_rate() -> None:
    """One cycle of another value is refused."""
    with pytest.raises(AssertionError, match="not for 'weight_decay'"):
        OneCycleParamScheduler(sgd(), "weight_decay", eta_max=1.0, total_steps=5)


def test_cycle_has_an_end() -> None:
    """A step after the end of the cycle is an error."""
    optimizer = sgd()
    schedule = OneCycleLR(optimizer, eta_max=1.0, total_steps=3)
    values(optimizer, schedule, 3)
    with pytest.raises(ValueError, match="has 3 steps; this is step 4"):
        schedule.step()


def test_cycle_sets_the_initial_value() -> None:
    """The start follows from the peak, group by group."""
    groups = [{"params": [nn.Parameter(torch.zeros(1))]} for _ in range(2)]
    optimizer = SGD(groups, lr=7.0)
    schedule = OneCycleLR(optimizer, eta_max=[1.0, 2.0], total_steps=10, div_factor=10)
    assert schedule.base_values == pytest.approx([0.1, 0.2])
    assert [group["initial_lr"] for group in optimizer.param_groups] == pytest.approx([0.1, 0.2])


def test_cycle_begins_at_its_interval() -> None:
    """Until then the rate is what it was."""
    optimizer = sgd(7.0)
    schedule = OneCycleLR(optimizer, eta_max=1.0, total_steps=4, pct_start=0.5, div_factor=10, begin=2)
    assert values(optimizer, schedule, 4) == pytest.approx([7.0, 7.0, 0.1, 1.0])


def test_cycle_of_the_reference_goes_on() -> None:
    """MMEngine's state of a cycle does not say its shape: the configuration does."""
    optimizer = sgd()
    shape = {"eta_max": 1.0, "total_steps": 9, "anneal_strategy": "linear", "three_phase": True}
    schedule = OneCycleLR(optimizer, **shape)
    values(optimizer, schedule, 3)
    state = schedule.state_dict()
    for name in ("anneal_strategy", "pct_start", "three_phase"):
        del state[name]
    other = OneCycleLR(sgd(), **shape)
    other.load_state_dict(state)
    assert other.three_phase
    assert other.last_step == 3


def test_position_among_periods() -> None:
    """The period of an iteration is found; after the last there is none."""
    position = CosineRestartParamScheduler.get_position_from_periods
    assert [position(at, [10, 15, 18]) for at in (0, 9, 10, 14, 17)] == [0, 0, 1, 1, 2]
    with pytest.raises(ValueError, match="iteration 18"):
        position(18, [10, 15, 18])


def test_restart_forgets_within_its_floor() -> None:
    """A restart begins at the initial value; the floor can be a part of it."""
    optimizer = sgd(2.0)
    schedule = CosineRestartLR(optimizer, periods=[2, 2], restart_weights=[1, 0.5], eta_min_ratio=0.1)
    assert values(optimizer, schedule, 6) == pytest.approx([2, 1.1, 1, 0.6, 0.6, 0.6])


def test_warm_up_stable_decay() -> None:
    """Up, level, and down to the floor at the last step; then nothing moves."""
    optimizer = sgd()
    schedule = WSDLR(optimizer, warmup=2, decay=4, end_factor=0.2, end=8)
    assert values(optimizer, schedule, 10) == pytest.approx([0, 0.5, 1, 1, 0.8, 0.6, 0.4, 0.2, 0.2, 0.2])


def test_decay_along_other_curves() -> None:
    """The decay may follow half a wave, or a square root."""
    for strategy, middle in (("cos", 0.5), ("sqrt", 1 - sqrt(0.5))):
        optimizer = sgd()
        schedule = WSDLR(optimizer, warmup=0, decay=4, end=4, decay_strategy=strategy)
        assert values(optimizer, schedule, 4)[1::2] == pytest.approx([middle, 0.0])


def test_longer_than_planned() -> None:
    """From a checkpoint of the level part, a longer run decays later."""
    optimizer = sgd()
    short = WSDLR(optimizer, warmup=1, decay=2, total_steps=6)
    values(optimizer, short, 3)
    state = {**short.state_dict(), "total_steps": 9}
    short.load_state_dict(state)
    assert values(optimizer, short, 6) == pytest.approx([1, 1, 1, 1, 0.5, 0])


def test_inverse_square_root() -> None:
    """The schedule of the original transformer: the peak after the warm-up, then half of it at four times the step."""
    optimizer = sgd()
    schedule = InverseSqrtLR(optimizer, warmup=4)
    seen = values(optimizer, schedule, 17)
    assert seen[:5] == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    assert seen[16] == pytest.approx(0.5)
    optimizer = sgd()
    schedule = InverseSqrtLR(optimizer, timescale=1, start_factor=0.5)
    assert values(optimizer, schedule, 4) == pytest.approx([1, sqrt(1 / 2), sqrt(1 / 3), 0.5])


def test_warm_up_before_anything() -> None:
    """A warm-up and what follows are the same as the two schedules in a list."""
    optimizer, twin = sgd(), sgd()
    then = {"type": "CosineAnnealingLR", "eta_min": 0.1}
    schedule = WarmUpLR(optimizer, warmup=5, then=then, end=25)
    pair = [LinearLR(twin, start_factor=0.0, end=6), CosineAnnealingLR(twin, eta_min=0.1, begin=5, end=25)]
    for _ in range(30):
        assert optimizer.param_groups[0]["lr"] == pytest.approx(twin.param_groups[0]["lr"], abs=1e-12)
        optimizer.step()
        twin.step()
        schedule.step()
        for one in pair:
            one.step()


def test_warm_up_of_another_value() -> None:
    """What follows the warm-up sees the values of what is scheduled; a class stands for its name."""
    optimizer = sgd()
    then = {
        "type": "CosineAnnealingParamScheduler",
        "param_name": "weight_decay",
        "T_max": 2,
        "eta_min_ratio": 0.5,
    }
    schedule = WarmUpParamScheduler(optimizer, "weight_decay", warmup=2, then=then)
    assert values(optimizer, schedule, 5, "weight_decay") == pytest.approx([0, 0.25, 0.5, 0.375, 0.25])
    schedule = WarmUpLR.build_iter_from_epoch(
        sgd(), warmup=1, then={"type": StepLR, "step_size": 1}, epoch_length=3
    )
    assert schedule.then == {"type": StepLR, "step_size": 3, "by_epoch": False}


def test_warm_up_alone() -> None:
    """Without a schedule after it, the value stays."""
    optimizer = sgd()
    assert values(optimizer, WarmUpLR(optimizer, warmup=2, start_factor=0.5), 4) == [0.5, 0.75, 1, 1]


def test_floor_of_zero_is_a_floor() -> None:
    """Without a floor it is 0, and a 0 that was given counts as given."""
    assert CosineAnnealingLR(sgd()).eta_min == 0.0
    with pytest.raises(SettingError):
        CosineAnnealingLR(sgd(), eta_min=0.0, eta_min_ratio=0.0)
