"""Counts with units, and schedules that are built with the length of a run."""

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
    OptimWrapper,
    ParamScheduler,
    PolyLR,
    ReduceOnPlateauLR,
    SettingError,
    StepLR,
    WarmUpLR,
    build_schedule,
    plan,
    schedule_unit,
)
from eng_optim.schedule.units import parse_count
from eng_registry import PARAM_SCHEDULERS


def sgd() -> SGD:
    """One number with a rate of 1."""
    return SGD([nn.Parameter(torch.zeros(1))], lr=1.0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10 steps", (10, "step")),
        ("1 step", (1, "step")),
        ("500it", (500, "iter")),
        ("10ep", (10, "epoch")),
        ("2 Epochs", (2, "epoch")),
        ("0.5 epochs", (0.5, "epoch")),
        ("1.5k iterations", (1500, "iter")),
        ("2e3 steps", (2000, "step")),
        (" 2M iters ", (2_000_000, "iter")),
        ("0 iters", (0, "iter")),
    ],
)
def test_counts(text: str, expected: tuple[float, str]) -> None:
    """A number, perhaps a multiplier, and a unit."""
    assert parse_count(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2.5 iters", "a part of an iteration"),
        ("0.5 steps", "a part of a step"),
        ("10", "not a count of a schedule; write a number and one of epochs, iters, steps"),
        ("10 samples", "not a count"),
        ("-1 epoch", "not a count"),
        ("ten epochs", "not a count"),
    ],
)
def test_what_has_no_meaning(text: str, message: str) -> None:
    """It is refused, not rounded."""
    with pytest.raises(SettingError, match=message):
        parse_count(text)
    with pytest.raises(SettingError, match=message):
        ExponentialLR(sgd(), gamma=0.5, end=text)


EACH: list[tuple[Any, dict[str, Any], dict[str, Any]]] = [
    (ConstantLR, {"end": "9 {}"}, {"end": 9, "total_iters": 8}),
    (LinearLR, {"begin": "2 {}", "end": "9 {}"}, {"begin": 2, "end": 9, "total_iters": 6}),
    (StepLR, {"step_size": "3 {}"}, {"step_size": 3}),
    (MultiStepLR, {"milestones": ["3 {}", "5 {}"]}, {"milestones": {3: 1, 5: 1}}),
    (ExponentialLR, {"gamma": 0.5, "begin": "2 {}"}, {"begin": 2}),
    (CosineAnnealingLR, {"T_max": "4 {}"}, {"T_max": 4}),
    (CosineAnnealingLR, {"begin": 1, "end": "4 {}"}, {"T_max": 3}),
    (CosineRestartLR, {"periods": ["4 {}"], "eta_min": 0}, {"periods": [4]}),
    (PolyLR, {"end": "9 {}"}, {"end": 9, "total_iters": 8}),
    (OneCycleLR, {"eta_max": 1.0, "total_steps": "9 {}"}, {"total_steps": 9}),
    (InverseSqrtLR, {"warmup": "2 {}"}, {"warmup": 2, "timescale": 2}),
    (
        WSDLR,
        {"warmup": "1 {}", "decay": "2 {}", "total_steps": "9 {}"},
        {"warmup": 1, "decay": 2, "total_steps": 9},
    ),
    (
        WarmUpLR,
        {"warmup": "2 {}", "then": {"type": "StepLR", "step_size": "3 {}"}},
        {"warmup": 2, "then": {"type": "StepLR", "step_size": 3}},
    ),
    (ReduceOnPlateauLR, {"begin": "2 {}", "end": "5 {}"}, {"begin": 2, "end": 5}),
]


def in_unit(settings: Any, word: str) -> Any:
    """The settings with that unit."""
    if isinstance(settings, dict):
        return {key: in_unit(value, word) for key, value in settings.items()}
    if isinstance(settings, list):
        return [in_unit(value, word) for value in settings]
    return settings.format(word) if isinstance(settings, str) else settings


@pytest.mark.parametrize(("word", "unit"), [("epochs", "epoch"), ("iters", "iter"), ("steps", "step")])
@pytest.mark.parametrize(("kind", "settings", "expected"), EACH)
def test_every_count_may_have_a_unit(kind: Any, settings: Any, expected: Any, word: str, unit: str) -> None:
    """A schedule with strings is the one with numbers, and says what it counts."""
    schedule = kind(sgd(), **in_unit(settings, word))
    assert {key: getattr(schedule, key) for key in expected} == expected
    assert (schedule.unit, schedule.by_epoch) == (unit, unit == "epoch")
    assert (schedule.state_dict()["unit"], schedule.state_dict()["by_epoch"]) == (unit, unit == "epoch")
    cfg = {"type": kind.__name__, **in_unit(settings, word)}
    assert schedule_unit(cfg) == unit
    built = build_schedule(cfg, sgd())
    assert built.state_dict() == schedule.state_dict() | {"derived": built.state_dict()["derived"]}
    assert PARAM_SCHEDULERS.build(cfg, default_args={"optimizer": sgd()}).unit == unit


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"begin": "1 epoch", "end": "10 steps"}, "`begin` is '1 epoch', and `end` is '10 steps'"),
        ({"end": "9 iters", "T_max": "9 steps"}, "`end` is '9 iters', and `T_max` is '9 steps'"),
        ({"end": "9 epochs", "by_epoch": False}, "`by_epoch=False` contradicts `end`, which is '9 epochs'"),
    ],
)
def test_one_unit(settings: dict[str, Any], message: str) -> None:
    """Several units are refused with both places."""
    with pytest.raises(SettingError, match=message):
        CosineAnnealingLR(sgd(), **settings)
    with pytest.raises(SettingError, match=message):
        build_schedule({"type": "CosineAnnealingLR", **settings}, sgd())


def test_one_unit_in_lists_and_in_what_follows() -> None:
    """Also where they are further inside."""
    with pytest.raises(
        SettingError, match=r"`milestones\[0\]` is '1 epoch', and `milestones\[1\]` is '9 steps'"
    ):
        MultiStepLR(sgd(), milestones=["1 epoch", "9 steps"])
    then = {"type": "CosineAnnealingLR", "T_max": "9 iters"}
    with pytest.raises(SettingError, match=r"`warmup` is '2 steps', and `then.T_max` is '9 iters'"):
        WarmUpLR(sgd(), warmup="2 steps", then=then)
    with pytest.raises(SettingError, match="`by_epoch=True` contradicts `end`"):
        build_schedule({"type": "StepLR", "step_size": 1, "end": "9 steps", "by_epoch": True}, sgd())


def test_a_part_of_an_epoch_has_to_be_converted() -> None:
    """A schedule that is stepped after an epoch cannot begin within one; one that counts its iterations can."""
    cfg = {"type": "LinearLR", "end": "2.5 epochs"}
    with pytest.raises(SettingError, match=r"`end` is '2\.5 epochs', and .* stepped after whole epochs"):
        build_schedule(cfg, sgd())
    schedule = build_schedule({**cfg, "convert_to_iter_based": True}, sgd(), epoch_length=10)
    assert (schedule.end, schedule.unit) == (25, "iter")
    then = {"type": "MultiStepLR", "milestones": ["1 epoch", "1.5 epochs"]}
    with pytest.raises(SettingError, match=r"`milestones` is '1\.5 epochs'"):
        WarmUpLR(sgd(), warmup=1, then=then)
    assert WarmUpLR.build_iter_from_epoch(sgd(), warmup=1, then=then, epoch_length=10).then == {
        "type": "MultiStepLR", "milestones": [10, 15], "by_epoch": False,
    }  # fmt: skip
    with pytest.raises(SettingError, match="counts epochs"):
        LinearLR.build_iter_from_epoch(sgd(), end="9 steps", epoch_length=10)


def test_a_schedule_of_ones_own() -> None:
    """One that knows nothing of units has them for its interval."""

    class Own(ParamScheduler):
        def _get_value(self) -> list[float]:
            return [base * 0.5 for base in self.base_values]

    schedule = Own(sgd(), "lr", begin="2 steps", end="4 steps")
    assert (schedule.begin, schedule.end, schedule.unit) == (2, 4, "step")


def test_steps_that_are_resumed() -> None:
    """The unit is part of the state; a state of an older version has epochs or iterations."""
    saved = ExponentialLR(sgd(), gamma=0.5, end="9 steps").state_dict()
    schedule = ExponentialLR(sgd(), gamma=0.5, end=9, by_epoch=False)
    assert schedule.ignored_settings(saved) == {"unit": ("iter", "step")}
    schedule.load_state_dict(saved)
    assert schedule.unit == "step"
    del saved["unit"], saved["family"], saved["derived"]
    schedule.load_state_dict(saved)
    assert schedule.unit == "iter"


LENGTHS: Any = {"epoch": 5, "iter": 40, "step": 10}


@pytest.mark.parametrize(
    ("settings", "end"),
    [
        ({}, 5),
        ({"by_epoch": False}, 40),
        ({"begin": "2 steps"}, 10),
        ({"begin": "1 epoch"}, 5),
        ({"end": 7}, 7),
        ({"convert_to_iter_based": True}, 40),
    ],
)
def test_an_end_that_is_not_given_is_that_of_the_run(settings: dict[str, Any], end: int) -> None:
    """In the unit of the schedule."""
    schedule = build_schedule(
        {"type": "CosineAnnealingLR", **settings}, OptimWrapper(sgd()), lengths=LENGTHS, epoch_length=8
    )
    assert schedule.end == end
    assert ("end" in schedule.derived) == ("end" not in settings)


def test_a_run_that_ends_within_an_epoch() -> None:
    """41 iterations of 8 per epoch are 6 epochs for a schedule that counts them, and 41 iterations converted."""
    lengths: Any = {"epoch": 41 / 8, "iter": 41}
    cfg = {"type": "CosineAnnealingLR"}
    assert build_schedule(cfg, sgd(), lengths=lengths, epoch_length=8).end == 6
    cfg = {"type": "CosineAnnealingLR", "convert_to_iter_based": True}  # type: ignore[dict-item]
    for iters in range(1, 60):
        for per_epoch in range(1, 12):
            lengths = {"epoch": iters / per_epoch}
            assert build_schedule(cfg, sgd(), lengths=lengths, epoch_length=per_epoch).end == iters


def test_without_a_known_length() -> None:
    """There is no end, which is derived all the same; a part of it is an error."""
    schedule = build_schedule({"type": "ExponentialLR", "gamma": 0.9}, sgd())
    assert (schedule.end, schedule.derived) == (10**9, {"end"})
    with pytest.raises(
        SettingError, match=r"`end` is '0.1 dur', a part of the run, whose length in iters is not known"
    ):
        build_schedule({"type": "LinearLR", "end": "0.1 dur", "by_epoch": False}, sgd(), lengths={"epoch": 3})


def test_parts_of_the_run() -> None:
    """A part is one of the length in the schedule's unit."""
    schedule = build_schedule(
        {"type": "MultiStepLR", "milestones": ["0.5 dur", "0.75dur"], "by_epoch": False},
        sgd(),
        lengths=LENGTHS,
    )
    assert sorted(schedule.milestones) == [20, 30]
    assert schedule.derived == {"milestones", "end"}
    cfg = {"type": "LinearLR", "end": "0.25 dur", "begin": "1 step"}
    assert build_schedule(cfg, sgd(), lengths=LENGTHS).end == 2
    cfg = {"type": "LinearLR", "end": "0.25 dur", "convert_to_iter_based": True}  # type: ignore[dict-item]
    assert build_schedule(cfg, sgd(), lengths=LENGTHS, epoch_length=8).end == 10


def test_what_is_built_may_be_anything() -> None:
    """A registered schedule that is none of ours is built as it was."""

    class Foreign:
        def __init__(self, optimizer: Any, end: int = 0) -> None:
            self.end = end

    assert build_schedule({"type": Foreign}, sgd(), lengths=LENGTHS).end == 5


def test_a_plan_of_steps() -> None:
    """With accumulation, iterations and steps are told apart, and the last, shorter window steps."""
    by_iter = {"type": "LinearLR", "start_factor": 0.0, "end": "5 iters"}
    by_step = {"type": "LinearLR", "start_factor": 0.0, "end": "5 steps"}
    assert plan([by_iter], 6, accumulative_counts=2)["lr"].tolist() == [0, 0.25, 0.5, 0.75, 1, 1]
    assert plan([by_step], 6, accumulative_counts=2)["lr"].tolist() == [0, 0, 0.25, 0.25, 0.5, 0.5]
    no_end = {"type": "PolyLR", "begin": "0 steps"}
    assert plan([no_end], 5, accumulative_counts=2)["lr"].tolist() == [1, 1, 0.5, 0.5, 0.0]
