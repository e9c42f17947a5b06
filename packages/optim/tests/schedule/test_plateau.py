"""The schedule that looks at a metric."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adam

from eng_optim import OptimWrapper, ReduceOnPlateauLR, ReduceOnPlateauMomentum, StepLR, build_schedule, plan


def sgd() -> SGD:
    """One number with a rate of 1."""
    return SGD([nn.Parameter(torch.zeros(1))], lr=1.0)


def feed(schedule: ReduceOnPlateauLR, losses: list[float]) -> list[float]:
    """The value after each validation."""
    seen = []
    for loss in losses:
        schedule.step({"loss": loss})
        seen.append(schedule.get_last_value()[0])
    return seen


def test_patience_and_cooldown() -> None:
    """Patience runs out, the value is halved, and what follows at once does not count."""
    schedule = ReduceOnPlateauLR(sgd(), factor=0.5, patience=1, cooldown=1, threshold=0)
    losses = [1.0] * 7 + [0.5] * 3
    assert feed(schedule, losses) == [1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.125]


@pytest.mark.parametrize(
    ("rule", "threshold_rule", "better", "not_better"),
    [
        ("less", "rel", 8.9, 9.1),
        ("less", "abs", 9.8, 9.95),
        ("greater", "rel", 11.1, 10.9),
        ("greater", "abs", 10.2, 10.05),
    ],
)
def test_what_is_better(rule: str, threshold_rule: str, better: float, not_better: float) -> None:
    """Better than 10 by a tenth of it, or by a tenth."""
    schedule = ReduceOnPlateauLR(sgd(), rule=rule, threshold=0.1, threshold_rule=threshold_rule)
    assert schedule.is_better(better, 10.0)
    assert not schedule.is_better(not_better, 10.0)
    assert schedule.is_better(0.0, schedule.best)


def test_floors_and_smallest_change() -> None:
    """Each group has its floor, and a change that hardly is one is not made."""
    groups = [{"params": [nn.Parameter(torch.zeros(1))], "lr": rate} for rate in (1.0, 0.5)]
    schedule = ReduceOnPlateauLR(SGD(groups, lr=1.0), patience=0, factor=0.5, min_value=[0.8, 0.1], eps=0.15)
    schedule.step({"loss": 1.0})
    schedule.step({"loss": 1.0})
    assert schedule.get_last_value() == [0.8, 0.25]
    schedule.step({"loss": 1.0})
    assert schedule.get_last_value() == [0.8, 0.25]


def test_without_metrics_only_the_step_counts() -> None:
    """`step()` moves the position and nothing else."""
    schedule = ReduceOnPlateauLR(sgd(), patience=0, begin=2)
    for _ in range(2):
        schedule.step()
    assert (schedule.last_step, schedule.state_dict()["_global_step"]) == (-1, 2)
    assert feed(schedule, [1.0, 1.0]) == [1, pytest.approx(0.1)]


def test_the_interval_is_in_epochs() -> None:
    """Where epochs are counted, `begin` and `end` are epochs, however many validations there are between them."""
    schedule = ReduceOnPlateauLR(sgd(), patience=0, factor=0.5, begin=2, end=4)
    seen = []
    for _ in range(4):
        schedule.step()
        seen += feed(schedule, [1.0, 1.0])
    assert seen == [1, 1, 1, 0.5, 0.25, 0.125, 0.125, 0.125]
    state = {key: value for key, value in schedule.state_dict().items() if key != "counts_epochs"}
    other = ReduceOnPlateauLR(sgd(), patience=0, factor=0.5, begin=2, end=4)
    other.load_state_dict(state)
    assert feed(other, [1.0]) == [1]


def test_before_and_after_the_interval() -> None:
    """Metrics outside [begin, end) are not looked at."""
    schedule = ReduceOnPlateauLR(sgd(), patience=0, factor=0.5, begin=1, end=3)
    assert feed(schedule, [1.0] * 5) == [1, 1, 0.5, 0.5, 0.5]


def test_metric_can_be_a_tensor_of_any_name() -> None:
    """The monitored metric is found by name among the others."""
    schedule = ReduceOnPlateauLR(sgd(), monitor="acc", rule="greater", patience=0)
    for _ in range(2):
        schedule.step({"loss": 0.0, "acc": torch.tensor(0.5)})
    assert schedule.get_last_value() == [pytest.approx(0.1)]
    assert ReduceOnPlateauLR.need_val_args
    assert not StepLR.need_val_args


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"factor": 1.0}, ValueError, "`factor` is below 1"),
        ({"threshold": -1.0}, ValueError, "not negative"),
        ({"rule": "max"}, ValueError, "'less' or 'greater'"),
        ({"threshold_rule": "max"}, ValueError, "'rel' or 'abs'"),
        ({"min_value": [0.1, 0.2]}, ValueError, "2 values for 1 parameter groups"),
        ({"min_value": []}, ValueError, "0 values for 1 parameter groups"),
    ],
)
def test_refused(settings: dict[str, Any], error: type[Exception], message: str) -> None:
    """A setting that makes no sense is an error at once."""
    with pytest.raises(error, match=message):
        ReduceOnPlateauLR(sgd(), **settings)


def test_metrics_that_are_none() -> None:
    """Metrics are a mapping, and the monitored one is in it."""
    schedule = ReduceOnPlateauLR(sgd())
    with pytest.raises(TypeError, match="mapping from names to numbers"):
        schedule.step(1.0)  # type: ignore[arg-type]  # what is tested
    with pytest.raises(KeyError, match="`loss` is monitored, but the metrics are acc"):
        schedule.step({"acc": 1.0})


def test_resume_goes_on_waiting() -> None:
    """Best value, bad validations and cooldown are part of the state."""
    losses = [1.0, 2.0, 2.0, 2.0, 0.5, 2.0, 2.0, 2.0, 2.0]
    settings: dict[str, Any] = {"factor": 0.5, "patience": 1, "cooldown": 1}
    expected = feed(ReduceOnPlateauLR(sgd(), **settings), losses)
    for at in range(len(losses)):
        first, second = sgd(), sgd()
        before = ReduceOnPlateauLR(first, **settings)
        seen = feed(before, losses[:at])
        after = ReduceOnPlateauLR(second, **settings)
        second.load_state_dict(first.state_dict())
        after.load_state_dict(before.state_dict())
        assert seen + feed(after, losses[at:]) == expected


def test_momentum_on_a_plateau() -> None:
    """The first beta is reduced where there are betas, in a wrapper too."""
    wrapper = OptimWrapper(Adam([nn.Parameter(torch.zeros(1))]))
    schedule = ReduceOnPlateauMomentum(wrapper, patience=0, factor=0.5)
    for _ in range(2):
        schedule.step({"loss": 1.0})
    assert wrapper.get_momentum() == {"momentum": [0.45]}


def test_each_group_of_a_wrapper_has_a_floor() -> None:
    """One value for each group of the optimizer is enough: the wrapper's own group has the last one."""
    groups = [{"params": [nn.Parameter(torch.zeros(1))], "lr": rate} for rate in (0.1, 0.5)]
    wrapper = OptimWrapper(SGD(groups, lr=0.1))
    schedule = ReduceOnPlateauLR(wrapper, patience=0, factor=0.1, min_value=[0.05, 0.2])
    feed(schedule, [1.0] * 4)
    assert wrapper.get_lr() == {"base_lr": [0.1], "lr": [0.05, 0.2]}
    assert schedule.min_value == [0.05, 0.2, 0.2]
    wrapper.optimizer.add_param_group({"params": [nn.Parameter(torch.zeros(1))], "lr": 0.3})
    feed(schedule, [1.0] * 2)
    assert wrapper.get_lr()["lr"] == [0.05, 0.2, 0.2]


def test_it_counts_validations_in_a_training_by_iterations() -> None:
    """With `by_epoch=False` the interval is in iterations, and what is counted are validations all the same."""
    schedule = ReduceOnPlateauLR(sgd(), patience=0, factor=0.5, by_epoch=False, begin=20)
    seen = []
    for iteration in range(1, 51):
        schedule.step()
        if iteration % 10 == 0:
            seen += feed(schedule, [1.0])
    assert seen == [1, 1, 0.5, 0.25, 0.125]
    assert (schedule.unit, schedule.end) == ("iter", 10**9)


@pytest.mark.parametrize("by_epoch", [True, False])
def test_it_has_no_end_whoever_builds_it(by_epoch: bool) -> None:
    """The length of the run is none of its own."""
    cfg = {"type": "ReduceOnPlateauLR", "patience": 0, "by_epoch": by_epoch}
    lengths: Any = {"epoch": 1, "iter": 8, "step": 8}
    schedule = build_schedule(cfg, sgd(), lengths=lengths, epoch_length=8)
    assert (schedule.end, schedule.derived) == (10**9, frozenset())
    for _ in range(5):
        schedule.step()
    assert feed(schedule, [1.0, 1.0]) == [1, pytest.approx(0.1)]
    assert plan([cfg], 3)["lr"].tolist() == [1, 1, 1]


def test_a_state_of_another_length_counts_no_validations() -> None:
    """An end that was derived by hand is taken; nothing else moves."""
    first = ReduceOnPlateauLR(sgd(), patience=0, end=2)
    first.mark_derived("end")
    feed(first, [1.0])
    again = ReduceOnPlateauLR(sgd(), patience=0, end=9)
    again.mark_derived("end")
    again.load_state_dict(first.state_dict())
    assert (again.end, again.last_step) == (9, 0)
