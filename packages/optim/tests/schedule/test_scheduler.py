"""What all schedules have in common: where they act, what they refuse, and how they go on."""

import io
import logging
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.optim import SGD, Adam

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
    OptimWrapper,
    OptimWrapperDict,
    ParamScheduler,
    PolyLR,
    ReduceOnPlateauLR,
    RuleScheduler,
    StepLR,
    WarmUpLR,
)

KINDS: dict[str, tuple[Any, dict[str, Any]]] = {
    "constant": (ConstantLR, {"factor": 0.3, "end": 9}),
    "cosine": (CosineAnnealingLR, {"T_max": 8, "eta_min_ratio": 0.1}),
    "cosine to its end": (CosineAnnealingLR, {"begin": 2, "end": 15, "eta_min": 0.01}),
    "restarts": (CosineRestartLR, {"periods": [4, 7], "restart_weights": [1, 0.5], "eta_min": 0.01}),
    "exponential": (ExponentialLR, {"gamma": 0.9}),
    "inverse sqrt": (InverseSqrtLR, {"warmup": 5}),
    "linear": (LinearLR, {"start_factor": 0.1, "begin": 3, "end": 14}),
    "linear from zero": (LinearLR, {"start_factor": 0.0, "end": 6}),
    "multi step": (MultiStepLR, {"milestones": [4, 4, 11]}),
    "one cycle": (OneCycleLR, {"eta_max": 2.0, "total_steps": 30}),
    "polynomial": (PolyLR, {"power": 2.0, "eta_min": 0.01, "end": 12}),
    "step": (StepLR, {"step_size": 3}),
    "warm-up": (WarmUpLR, {"warmup": 4, "then": {"type": "CosineAnnealingLR", "T_max": 12}}),
    "wsd": (WSDLR, {"warmup": 3, "decay": 5, "total_steps": 18}),
}

each_kind = pytest.mark.parametrize(("kind", "given_settings"), KINDS.values(), ids=KINDS)


def two_groups() -> SGD:
    """Two groups with rates of their own."""
    groups = [{"params": [nn.Parameter(torch.zeros(1))], "lr": rate} for rate in (0.7, 0.3)]
    return SGD(groups, lr=0.5)


def go(optimizer: Any, schedules: list[ParamScheduler], steps: int) -> list[list[float]]:
    """The rates of the groups at each of the steps."""
    seen = []
    for _ in range(steps):
        seen.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        for schedule in schedules:
            schedule.step()
    return seen


def through_a_file(state: Any) -> Any:
    """What a checkpoint gives back, read without trust."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=True)


def test_state_of_the_reference() -> None:
    """What MMEngine 0.10.7 saved in the middle of an interval goes on here as it would have there."""
    optimizer = two_groups()
    schedule = ExponentialLR(optimizer, gamma=0.9, begin=3, end=10)
    for group, rate in zip(optimizer.param_groups, (0.0625, 0.01875), strict=True):
        group["lr"] = rate
    state = {
        "gamma": 0.5, "param_name": "lr", "begin": 3, "end": 10, "by_epoch": False, "base_values": [1.0, 0.3],
        "last_step": 4, "_global_step": 7, "verbose": False, "_last_value": [0.0625, 0.01875],
    }  # fmt: skip
    schedule.load_state_dict(state)
    rates = [rates[0] for rates in go(optimizer, [schedule], 5)]
    assert rates == [0.0625, 0.03125, 0.015625, 0.015625, 0.015625]


@each_kind
@pytest.mark.parametrize("at", [0, 1, 5, 11])
def test_resume_is_exact(kind: Any, given_settings: dict[str, Any], at: int) -> None:
    """Stopped anywhere and resumed from a file, the values are bit for bit those of a run without a stop."""
    whole = two_groups()
    expected = go(whole, [kind(whole, **given_settings)], 20)
    first = two_groups()
    schedule = kind(first, **given_settings)
    go(first, [schedule], at)
    state = through_a_file({"optimizer": first.state_dict(), "schedule": schedule.state_dict()})
    second = two_groups()
    schedule = kind(second, **given_settings)
    second.load_state_dict(state["optimizer"])
    schedule.load_state_dict(state["schedule"])
    assert go(second, [schedule], 20 - at) == expected[at:]


def test_saved_milestones_win() -> None:
    """On resume the milestones and factor of the checkpoint count."""
    saved = MultiStepLR(two_groups(), milestones=[2], gamma=0.5, end=50).state_dict()
    optimizer = two_groups()
    schedule = MultiStepLR(optimizer, milestones=[1], gamma=0.1)
    schedule.load_state_dict(through_a_file(saved))
    assert (dict(schedule.milestones), schedule.gamma, schedule.end) == ({2: 1}, 0.5, 50)
    assert [rate for rate, _ in go(optimizer, [schedule], 4)] == [0.7, 0.7, 0.35, 0.35]


def test_state_has_the_documented_keys() -> None:
    """The state can be read by others: names and position as documented."""
    schedule = MultiStepLR(two_groups(), milestones=[1])
    common = {"_global_step", "_last_value", "base_values", "begin", "by_epoch", "end", "last_step"}
    common |= {"param_name", "verbose", "family", "derived", "unit"}
    assert set(schedule.state_dict()) == common | {"gamma", "milestones"}
    assert (schedule.state_dict()["_global_step"], schedule.state_dict()["last_step"]) == (0, 0)
    optimizer = two_groups()
    linear = LinearLR(optimizer, start_factor=0.1, end=5)
    go(optimizer, [linear], 6)
    state = linear.state_dict()
    assert set(state) == common | {"start_factor", "end_factor", "total_iters"}
    assert (state["last_step"], state["_global_step"], state["total_iters"]) == (4, 6, 4)
    assert state["_last_value"] == pytest.approx([0.7, 0.3])


@each_kind
def test_first_value_is_there_at_once(kind: Any, given_settings: dict[str, Any]) -> None:
    """The constructor has made the first step."""
    optimizer = two_groups()
    schedule = kind(optimizer, **given_settings)
    assert schedule.last_step == (0 if schedule.begin == 0 else -1)
    assert schedule.get_last_value() == [group["lr"] for group in optimizer.param_groups]


@settings(max_examples=40, deadline=None)
@given(
    begin=st.integers(0, 10),
    length=st.integers(2, 10),
    gamma=st.floats(0.1, 1.0),
    touched=st.integers(0, 25),
)
def test_only_the_interval_is_active(begin: int, length: int, gamma: float, touched: int) -> None:
    """Outside [begin, end) values stay as they are, whoever set them."""
    optimizer = SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = ExponentialLR(optimizer, gamma=gamma, begin=begin, end=begin + length)
    expected = 1.0
    for step in range(26):
        if step == touched:
            optimizer.param_groups[0]["lr"] *= 2
            expected *= 2
        assert optimizer.param_groups[0]["lr"] == pytest.approx(expected, rel=1e-12)
        optimizer.step()
        schedule.step()
        if begin < step + 1 < begin + length:
            expected *= gamma


def test_gap_keeps_the_value() -> None:
    """Between two schedules the last value stays."""
    optimizer = SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    schedules: list[ParamScheduler] = [
        LinearLR(optimizer, start_factor=1.0, end_factor=0.5, end=3),
        ExponentialLR(optimizer, gamma=0.5, begin=5),
    ]
    assert [rate for (rate,) in go(optimizer, schedules, 8)] == [1, 0.75, 0.5, 0.5, 0.5, 0.5, 0.25, 0.125]


def test_base_values_are_those_before_all_schedules() -> None:
    """A schedule that is made after a warm-up sees the value without it."""
    optimizer = SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    LinearLR(optimizer, start_factor=0.1, end=5)
    assert CosineAnnealingLR(optimizer, T_max=10).base_values == [1.0]
    assert optimizer.param_groups[0]["initial_lr"] == 1.0


def test_last_step_goes_on_by_hand() -> None:
    """With `last_step` a schedule goes on after that step, if the groups know their initial value."""
    optimizer = two_groups()
    with pytest.raises(KeyError, match="`initial_lr` is needed in parameter group 0"):
        StepLR(optimizer, step_size=2, last_step=1)
    for group in optimizer.param_groups:
        group["initial_lr"] = group["lr"]
    schedule = StepLR(optimizer, step_size=2, last_step=1)
    assert schedule.last_step == 2
    assert schedule.get_last_value() == pytest.approx([0.07, 0.03])


@pytest.mark.parametrize("optimizer", [None, nn.Linear(1, 1), OptimWrapperDict()])
def test_only_optimizers_are_scheduled(optimizer: Any) -> None:
    """Anything but one optimizer or wrapper is a TypeError."""
    with pytest.raises(TypeError, match="one Optimizer or OptimWrapper"):
        StepLR(optimizer, step_size=1)


@pytest.mark.parametrize(("begin", "end"), [(3, 3), (3, 1)])
def test_interval_is_not_empty(begin: int, end: int) -> None:
    """A schedule that ends before it begins is a mistake."""
    with pytest.raises(ValueError, match="ends after it begins"):
        StepLR(two_groups(), step_size=1, begin=begin, end=end)


@pytest.mark.parametrize("last_step", [-2, 1.0])
def test_last_step_is_a_count(last_step: Any) -> None:
    """`last_step` is an integer from -1 on."""
    with pytest.raises(AssertionError, match="last_step"):
        StepLR(two_groups(), step_size=1, last_step=last_step)


def test_schedule_before_optimizer() -> None:
    """A schedule that steps first is warned about once."""
    schedule = StepLR(two_groups(), step_size=1)
    with pytest.warns(UserWarning, match="stepped before the optimizer"):
        schedule.step()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        schedule.step()


def test_schedule_inside_of_a_window() -> None:
    """A wrapper that accumulates has not stepped yet and has nothing wrong with it: no warning."""
    parameter = torch.zeros(1, requires_grad=True)
    wrapper = OptimWrapper(torch.optim.SGD([parameter], lr=1.0), accumulative_counts=2)
    schedule = StepLR(wrapper, step_size=1)
    wrapper.update_params(parameter.sum())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        schedule.step()


def test_replaced_optimizer_step() -> None:
    """An `optimizer.step` that is no longer the optimizer's own is noticed."""
    optimizer = two_groups()
    schedule = StepLR(optimizer, step_size=1)
    optimizer.step = lambda closure=None: None  # type: ignore[method-assign,assignment]  # what is tested
    optimizer.step()
    with pytest.warns(UserWarning, match="was replaced"):
        schedule.step()


def test_resumed_schedule_does_not_wait_for_the_optimizer() -> None:
    """A loaded schedule has had its first step before."""
    first = two_groups()
    schedule = StepLR(first, step_size=1)
    go(first, [schedule], 3)
    resumed = StepLR(two_groups(), step_size=1)
    resumed.load_state_dict(schedule.state_dict())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        resumed.step()
    assert resumed.last_step == 4


def test_wrapper_is_scheduled_with_its_defaults() -> None:
    """In a wrapper of several groups the pseudo group moves along."""
    wrapper = OptimWrapper(two_groups())
    schedule = ExponentialLR(wrapper, gamma=0.5)
    wrapper.optimizer.step()
    schedule.step()
    assert wrapper.get_lr() == {"base_lr": [0.25], "lr": [0.35, 0.15]}
    assert schedule.base_values == [0.7, 0.3, 0.5]


def test_group_that_came_later() -> None:
    """A group that is added during training is scheduled from its own value on."""
    optimizer = two_groups()
    schedule = ExponentialLR(optimizer, gamma=0.5)
    go(optimizer, [schedule], 1)
    optimizer.add_param_group({"params": [nn.Parameter(torch.zeros(1))], "lr": 8.0})
    assert go(optimizer, [schedule], 2)[1] == pytest.approx([0.175, 0.075, 4.0])


@pytest.mark.parametrize(("kind", "step"), [(ExponentialLR, 0), (ReduceOnPlateauLR, 1)])
def test_verbose_tells_each_value(kind: Any, step: int, caplog: pytest.LogCaptureFixture) -> None:
    """With `verbose` each group's value is logged at each active step."""
    optimizer = two_groups()
    with caplog.at_level(logging.INFO):
        schedule = kind(optimizer, **({"gamma": 0.5} if kind is ExponentialLR else {}), verbose=True)
        if kind is ReduceOnPlateauLR:
            schedule.step({"loss": 1.0})
    assert f"step {step}: lr of parameter group 1 is 3.0000e-01" in caplog.text
    caplog.clear()
    schedule.print_value(False, 0, 1.0)
    assert caplog.text == ""


def test_own_rule() -> None:
    """A subclass says its rule and has everything else."""

    class Sawtooth(RuleScheduler):
        def _rule(self) -> Callable[[int], float]:
            return lambda k: 1 - k % 4 / 4

    optimizer = Adam([nn.Parameter(torch.zeros(1))], weight_decay=0.8)
    schedule = Sawtooth(optimizer, "weight_decay")
    seen = []
    for _ in range(6):
        seen.append(optimizer.param_groups[0]["weight_decay"])
        optimizer.step()
        schedule.step()
    assert seen == pytest.approx([0.8, 0.6, 0.4, 0.2, 0.8, 0.6])


def test_own_values() -> None:
    """A subclass of the general form gives the values of each step."""

    class Alternate(ParamScheduler):
        def _get_value(self) -> list[float]:
            return [base * (1 + self.last_step % 2) for base in self.base_values]

    optimizer = two_groups()
    assert go(optimizer, [Alternate(optimizer, "lr")], 3) == [[0.7, 0.3], [1.4, 0.6], [0.7, 0.3]]
    with pytest.raises(NotImplementedError, match="ParamScheduler does not say"):
        ParamScheduler(optimizer, "lr")
