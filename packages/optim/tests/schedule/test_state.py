"""States: which schedule they are of, and what of them counts in a run of another length."""

import pickle
from collections import Counter
from math import inf
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adam

from eng_optim import (
    WSDLR,
    CosineAnnealingLR,
    ExponentialLR,
    InverseSqrtLR,
    LinearLR,
    LinearMomentum,
    LinearParamScheduler,
    MultiStepLR,
    ParamScheduler,
    PolyLR,
    RuleScheduler,
    ScheduleStateError,
    StepLR,
    build_schedule,
)

PER_EPOCH = 4


def sgd(**settings: Any) -> SGD:
    """Two groups with rates of their own."""
    groups = [{"params": [nn.Parameter(torch.zeros(1))], "lr": rate} for rate in (1.0, 0.5)]
    return SGD(groups, **{"lr": 1.0, "momentum": 0.9, **settings})


class Run:
    """A training of so many epochs: its optimizer, and schedules that end with it."""

    def __init__(self, epochs: float | None, *cfgs: dict[str, Any]) -> None:
        self.optimizer = sgd()
        iters = None if epochs is None else epochs * PER_EPOCH
        lengths: Any = {"epoch": epochs, "iter": iters, "step": iters}
        self.schedules = [
            build_schedule(cfg, self.optimizer, lengths=lengths, epoch_length=PER_EPOCH) for cfg in cfgs
        ]

    def train(self, epochs: int) -> list[list[float]]:
        """The rates of both groups in each iteration of so many epochs."""
        seen = []
        for iteration in range(1, epochs * PER_EPOCH + 1):
            seen.append([group["lr"] for group in self.optimizer.param_groups])
            self.optimizer.step()
            for schedule in self.schedules:
                if schedule.unit == "iter" or iteration % PER_EPOCH == 0:
                    schedule.step()
        return seen

    def state(self) -> dict[str, Any]:
        """A checkpoint."""
        return {
            "optimizer": self.optimizer.state_dict(),
            "schedules": [each.state_dict() for each in self.schedules],
        }

    def resume(self, state: dict[str, Any]) -> "Run":
        """Go on from a checkpoint."""
        self.optimizer.load_state_dict(state["optimizer"])
        for schedule, own in zip(self.schedules, state["schedules"], strict=True):
            schedule.load_state_dict(own)
        return self


RULES: dict[str, dict[str, Any]] = {
    "exponential": {"type": "ExponentialLR", "gamma": 0.9},
    "polynomial": {"type": "PolyLR", "power": 2.0},
    "polynomial with a floor": {"type": "PolyLR", "eta_min": 0.01},
    "cosine": {"type": "CosineAnnealingLR"},
    "cosine with a floor": {"type": "CosineAnnealingLR", "eta_min_ratio": 0.05},
    "linear": {"type": "LinearLR", "start_factor": 1.0, "end_factor": 0.01},
    "linear to nothing": {"type": "LinearLR", "start_factor": 1.0, "end_factor": 0.0},
    "constant": {"type": "ConstantLR", "factor": 0.3},
    "one cycle": {"type": "OneCycleLR", "eta_max": 2.0},
    "wsd": {"type": "WSDLR", "warmup": 0, "decay": 1},
    "inverse sqrt": {"type": "InverseSqrtLR"},
    "step": {"type": "StepLR", "step_size": 1, "gamma": 0.7},
    "multi step": {"type": "MultiStepLR", "milestones": [1, 3]},
    "restarts": {"type": "CosineRestartLR", "periods": [2, 3], "restart_weights": [1, 0.5], "eta_min": 0.0},
    "warm-up": {"type": "WarmUpLR", "warmup": 1, "then": {"type": "CosineAnnealingLR", "eta_min": 0.1}},
}
each_rule = pytest.mark.parametrize("cfg", RULES.values(), ids=RULES)


def units(cfg: dict[str, Any]) -> list[dict[str, Any]]:
    """A configuration in epochs, and one that converts them."""
    return [cfg, {**cfg, "convert_to_iter_based": True}]


@each_rule
@pytest.mark.parametrize("at", [1, 2])
@pytest.mark.parametrize("converted", [False, True])
def test_a_longer_run(cfg: dict[str, Any], at: int, converted: bool) -> None:
    """Saved by a run of 2 epochs, resumed by one of 5: from there on the values are those of a run of 5."""
    cfg = units(cfg)[converted]
    if cfg["type"] == "WSDLR" and not converted:
        cfg = {**cfg, "decay": 2}
    whole = Run(5, cfg).train(5)
    first = Run(2, cfg)
    first.train(at)
    rest = Run(5, cfg).resume(first.state()).train(5 - at)
    for mine, expected in zip(rest, whole[at * PER_EPOCH :], strict=True):
        assert mine == pytest.approx(expected, rel=1e-9, abs=1e-15)


@pytest.mark.parametrize("converted", [False, True])
@pytest.mark.parametrize("kind", ["exponential", "step", "inverse sqrt", "multi step"])
def test_a_longer_run_of_a_rule_without_an_end(kind: str, converted: bool) -> None:
    """Where the rule does not depend on the length, they are so to the bit."""
    cfg = units(RULES[kind])[converted]
    first = Run(2, cfg)
    first.train(2)
    rest = Run(5, cfg).resume(first.state()).train(3)
    assert rest == Run(5, cfg).train(5)[2 * PER_EPOCH :]
    assert first.train(3) != rest  # what it was: frozen


@each_rule
def test_the_same_length_changes_nothing(cfg: dict[str, Any]) -> None:
    """A run of the same length has the values of the one that was not stopped, bit for bit, also after a longer one."""
    if cfg["type"] == "WSDLR":
        cfg = {**cfg, "decay": 2}
    whole = Run(5, cfg).train(5)
    for epochs in (1, 3):
        first = Run(5, cfg)
        first.train(epochs)
        assert Run(5, cfg).resume(first.state()).train(5 - epochs) == whole[epochs * PER_EPOCH :]


def test_warm_up_and_cosine() -> None:
    """Of two schedules the one with an end of its own keeps it."""
    cfgs: list[dict[str, Any]] = [
        {"type": "LinearLR", "start_factor": 0.1, "by_epoch": False, "end": 6},
        {"type": "CosineAnnealingLR", "begin": 6, "by_epoch": False},
    ]
    first = Run(2, *cfgs)
    first.train(2)
    longer = Run(5, *cfgs).resume(first.state())
    assert [each.end for each in longer.schedules] == [6, 5 * PER_EPOCH]
    rest = longer.train(3)
    expected = Run(5, *cfgs).train(5)[2 * PER_EPOCH :]
    assert [a for a, _ in rest] == pytest.approx([a for a, _ in expected], rel=1e-12)


def test_a_shorter_run() -> None:
    """The value of the shorter rule is in force at once, and stays after its end."""
    cfg = {"type": "PolyLR"}
    first = Run(5, cfg)
    first.train(2)
    rest = Run(3, cfg).resume(first.state()).train(2)
    assert [a for a, _ in rest[::PER_EPOCH]] == [pytest.approx(0.0), pytest.approx(0.0)]
    again = Run(4, cfg).resume(first.state()).train(2)
    assert [a for a, _ in again[::PER_EPOCH]] == pytest.approx([1 / 3, 0.0])


def test_parts_of_a_run() -> None:
    """Warm-ups that are a part of the run are as long as the longer run has them."""
    cfgs: list[dict[str, Any]] = [
        {"type": "LinearLR", "start_factor": 0.1, "by_epoch": False, "end": "0.25 dur"},
        {"type": "CosineAnnealingLR", "begin": "0.25 dur", "by_epoch": False},
    ]
    whole = Run(5, *cfgs).train(5)
    for at in (1, 2):
        first = Run(2, *cfgs)
        first.train(at)
        rest = Run(5, *cfgs).resume(first.state()).train(5 - at)
        assert [a for a, _ in rest] == pytest.approx([a for a, _ in whole[at * PER_EPOCH :]], rel=1e-12)


def test_what_was_given_stays() -> None:
    """An explicit end of the checkpoint counts, whatever the new run has, and is reported where they differ."""
    first = Run(5, {"type": "PolyLR", "end": 4, "power": 2.0})
    first.train(2)
    again = Run(7, {"type": "PolyLR"})
    saved = first.state()["schedules"][0]
    assert again.schedules[0].ignored_settings(saved) == {"end": (7, 4), "power": (1.0, 2.0)}
    again.resume(first.state())
    assert again.schedules[0].end == 4
    assert again.schedules[0].derived == frozenset()
    assert again.train(5) == first.train(5)
    # and stays explicit in what is saved next
    later = Run(9, {"type": "PolyLR"}).resume(again.state())
    assert later.schedules[0].end == 4


def test_what_is_given_now_takes_the_place_of_what_was_derived() -> None:
    """A derived end has no claim against one that the new configuration gives."""
    first = Run(2, {"type": "ExponentialLR", "gamma": 0.9})
    first.train(2)
    again = Run(9, {"type": "ExponentialLR", "gamma": 0.9, "end": 4})
    assert again.schedules[0].ignored_settings(first.state()["schedules"][0]) == {}
    rest = again.resume(first.state()).train(4)
    assert [a for a, _ in rest[::PER_EPOCH]] == pytest.approx([0.81, 0.729, 0.729, 0.729])
    assert again.schedules[0].derived == frozenset()


def test_milestones_are_compared_as_they_were_given() -> None:
    """The same ones are no difference, in whatever form a state has them."""
    schedule = MultiStepLR(sgd(), milestones=[3, 3, 1])
    assert schedule.ignored_settings(MultiStepLR(sgd(), milestones=[1, 3, 3]).state_dict()) == {}
    assert schedule.ignored_settings({**schedule.state_dict(), "milestones": Counter([3, 1, 3])}) == {}
    assert schedule.ignored_settings(MultiStepLR(sgd(), milestones=[2]).state_dict()) == {
        "milestones": ([1, 3, 3], [2])
    }


def test_a_period_that_was_given() -> None:
    """The `T_max` of the checkpoint stays while the end follows the run."""
    first = Run(2, {"type": "CosineAnnealingLR", "T_max": 4})
    first.train(2)
    again = Run(5, {"type": "CosineAnnealingLR"})
    assert again.schedules[0].ignored_settings(first.state()["schedules"][0]) == {"T_max": (5, 4)}
    again.resume(first.state())
    assert (again.schedules[0].T_max, again.schedules[0].end) == (4, 5)
    assert again.schedules[0].derived == {"end"}


def test_a_length_that_is_not_known_any_more() -> None:
    """Then there is no end, and a rule that needs none goes on."""
    first = Run(2, {"type": "ExponentialLR", "gamma": 0.9})
    first.train(2)
    rest = Run(None, {"type": "ExponentialLR", "gamma": 0.9}).resume(first.state()).train(3)
    assert [a for a, _ in rest[::PER_EPOCH]] == pytest.approx([0.81, 0.729, 0.6561])


def test_a_schedule_built_by_hand_takes_what_was_derived() -> None:
    """Without an end of its own it has that of the checkpoint, as before; with one, its own."""
    first = Run(4, {"type": "CosineAnnealingLR"})
    first.train(2)
    saved = first.state()
    for settings, end in (({}, 4), ({"end": 6}, 6)):
        optimizer = sgd()
        schedule = CosineAnnealingLR(optimizer, **settings)  # type: ignore[arg-type]
        optimizer.load_state_dict(saved["optimizer"])
        schedule.load_state_dict(saved["schedules"][0])
        assert (schedule.end, schedule.T_max) == (end, end)
        assert schedule.derived == (frozenset() if settings else {"end", "T_max"})


def test_states_of_older_versions_have_the_length_of_the_run() -> None:
    """A state that does not say what was derived is taken to have derived what the new run derives."""
    first = Run(2, {"type": "ExponentialLR", "gamma": 0.9})
    first.train(2)
    state = first.state()
    for name in ("family", "derived", "unit"):
        del state["schedules"][0][name]
    rest = Run(5, {"type": "ExponentialLR", "gamma": 0.9}).resume(state).train(3)
    assert rest == Run(5, {"type": "ExponentialLR", "gamma": 0.9}).train(5)[2 * PER_EPOCH :]


def test_another_unit_counts_as_saved() -> None:
    """Epochs that are iterations now stay epochs, and this is reported."""
    first = Run(2, {"type": "ExponentialLR", "gamma": 0.9})
    first.train(1)
    again = Run(5, {"type": "ExponentialLR", "gamma": 0.9, "by_epoch": False})
    assert again.schedules[0].ignored_settings(first.state()["schedules"][0]) == {
        "by_epoch": (False, True),
        "end": (20, 2),
        "unit": ("iter", "epoch"),
    }
    again.resume(first.state())
    assert (again.schedules[0].unit, again.schedules[0].end) == ("epoch", 2)


@pytest.mark.parametrize(
    ("cfg", "expected"),
    [
        ({"type": "LinearLR"}, {"end", "total_iters"}),
        ({"type": "CosineAnnealingLR", "T_max": 3}, {"end"}),
        ({"type": "OneCycleLR", "eta_max": 1.0}, {"end", "total_steps"}),
        ({"type": "OneCycleLR", "eta_max": 1.0, "total_steps": 9}, {"end"}),
        ({"type": "WSDLR", "warmup": 1, "decay": 1}, {"end", "total_steps"}),
        ({"type": "InverseSqrtLR", "warmup": "0.2 dur"}, {"end", "warmup", "timescale"}),
        ({"type": "StepLR", "step_size": 1, "end": 4}, set()),
    ],
)
def test_what_is_derived(cfg: dict[str, Any], expected: set[str]) -> None:
    """Each rule knows what it computes from the end, unless it was given."""
    schedule = Run(5, cfg).schedules[0]
    assert schedule.derived == expected
    assert schedule.state_dict()["derived"] == sorted(expected)


def test_the_next_warm_up_has_to_fit() -> None:
    """A checkpoint whose warm-up is longer than the run that resumes it is an error, not another curve."""
    first = Run(9, {"type": "WSDLR", "warmup": 5, "decay": 2})
    with pytest.raises(ValueError, match="5 steps up and 2 down do not fit into 3"):
        Run(3, {"type": "WSDLR", "warmup": 1, "decay": 1}).resume(first.state())


# --- which schedule a state is of


def named(schedule: ParamScheduler) -> tuple[str, str]:
    """The rule and the value in a state."""
    state = schedule.state_dict()
    return state["family"], state["param_name"]


def test_a_state_names_its_rule_and_value() -> None:
    """The rule has one name for all values; a subclass with another rule has its own."""

    class Renamed(ExponentialLR):
        """The same rule."""

    class Sawtooth(RuleScheduler):
        def _rule(self) -> Any:
            return lambda k: 1 - k % 4 / 4

    class Own(ParamScheduler):
        """One that steps by itself."""

        def step(self) -> None: ...

    optimizer = sgd()
    assert named(LinearLR(optimizer, end=5)) == ("Linear", "lr")
    assert named(LinearMomentum(optimizer, end=5)) == ("Linear", "momentum")
    assert named(LinearParamScheduler(optimizer, "weight_decay", end=5)) == ("Linear", "weight_decay")
    assert named(Renamed(optimizer, gamma=0.9)) == ("Exponential", "lr")
    assert named(Sawtooth(optimizer, "lr")) == ("Sawtooth", "lr")
    assert named(Own(optimizer, "lr")) == ("Own", "lr")


def refused(schedule: ParamScheduler, state: dict[str, Any]) -> ScheduleStateError:
    """The error of loading the state, which has left the schedule as it was."""
    before = schedule.state_dict()
    with pytest.raises(ScheduleStateError) as caught:
        schedule.load_state_dict(state)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, KeyError)
    assert schedule.state_dict() == before
    return caught.value


def test_another_rule_is_refused() -> None:
    """The error names both."""
    error = refused(ExponentialLR(sgd(), gamma=0.9), MultiStepLR(sgd(), milestones=[5]).state_dict())
    assert (error.found, error.expected) == ("MultiStep of `lr`", "Exponential of `lr`")
    assert str(error) == (
        "this is the state of MultiStep of `lr`, and the schedule is Exponential of `lr`; load the state into the "
        "schedule that saved it"
    )
    again = pickle.loads(pickle.dumps(error))
    assert (again.args, again.found, again.expected) == (error.args, error.found, error.expected)


def test_another_value_is_refused() -> None:
    """Rate and momentum in the other order are not swapped."""
    optimizer = sgd()
    error = refused(LinearLR(optimizer, end=5), LinearMomentum(optimizer, end=5).state_dict())
    assert (error.found, error.expected) == ("Linear of `momentum`", "Linear of `lr`")
    older = {
        name: value
        for name, value in LinearMomentum(optimizer, end=5).state_dict().items()
        if name != "family"
    }
    refused(LinearLR(optimizer, end=5), older)
    refused(LinearLR(optimizer, end=5), {**older, "param_name": "no_such_value"})


def test_two_names_of_one_value() -> None:
    """`momentum` of Adam is `betas[0]`, whichever of the names a state has."""
    optimizer = Adam([nn.Parameter(torch.zeros(1))])
    state = LinearMomentum(optimizer, end=5).state_dict()
    schedule = LinearParamScheduler(optimizer, "betas[0]", end=9)
    schedule.load_state_dict(state)
    assert (schedule.param_name, schedule.end) == ("betas[0]", 5)
    refused(LinearParamScheduler(optimizer, "betas[1]", end=9), state)


ANONYMOUS = ("family", "derived", "unit")


def anonymous(schedule: ParamScheduler) -> dict[str, Any]:
    """What an older version saved."""
    return {name: value for name, value in schedule.state_dict().items() if name not in ANONYMOUS}


def test_a_state_without_a_name_is_recognised_by_its_keys() -> None:
    """More keys or fewer are another rule."""
    error = refused(ExponentialLR(sgd(), gamma=0.9), anonymous(MultiStepLR(sgd(), milestones=[5])))
    assert str(error) == (
        "this is the state of a schedule of `lr` with gamma, milestones, and the schedule is Exponential of `lr`, "
        "which has no milestones; load the state into the schedule that saved it"
    )
    error = refused(StepLR(sgd(), step_size=1), anonymous(ExponentialLR(sgd(), gamma=0.5)))
    assert error.detail == ", which has step_size"
    error = refused(StepLR(sgd(), step_size=1), anonymous(LinearLR(sgd(), end=5)))
    assert error.detail == ", which has gamma, step_size and has no end_factor, start_factor, total_iters"
    schedule = StepLR(sgd(), step_size=1)
    schedule.load_state_dict(anonymous(StepLR(sgd(), step_size=7)))
    assert schedule.step_size == 7


OF_MMENGINE: dict[str, dict[str, Any]] = {
    "ConstantLR": {"factor": 0.5, "total_iters": 9},
    "CosineAnnealingLR": {"T_max": 4, "eta_min": 0.0, "eta_min_ratio": None},
    "CosineRestartLR": {
        "cumulative_periods": [2], "eta_min": 0, "eta_min_ratio": None, "periods": [2], "restart_weights": [1],
    },
    "ExponentialLR": {"gamma": 0.9},
    "LinearLR": {"start_factor": 0.3, "end_factor": 1.0, "total_iters": 4},
    "MultiStepLR": {"gamma": 0.1, "milestones": {1: 1}},
    "OneCycleLR": {
        "_schedule_phases": [], "anneal_func": None, "eta_max": 1.0, "div_factor": 25.0, "final_div_factor": 1e4,
        "total_steps": 9,
    },
    "PolyLR": {"eta_min": 0, "power": 1.0, "total_iters": 4},
    "ReduceOnPlateauLR": {
        "best": 10**9, "cooldown": 0, "cooldown_counter": 0, "eps": 1e-8, "factor": 0.1, "min_values": [0.0],
        "monitor": "loss", "num_bad_epochs": 0, "patience": 10, "rule": "less", "rule_worse": 10**9,
        "threshold": 1e-4, "threshold_rule": "rel",
    },
    "StepLR": {"gamma": 0.1, "step_size": 1},
}  # fmt: skip
"""What MMEngine 0.10.7 has in the states, besides what all of them have."""

NEEDED: dict[str, dict[str, Any]] = {
    "CosineRestartLR": {"periods": [3], "eta_min": 0.0},
    "ExponentialLR": {"gamma": 0.5},
    "MultiStepLR": {"milestones": [3]},
    "OneCycleLR": {"eta_max": 1.0, "total_steps": 9},
    "StepLR": {"step_size": 3},
}


@pytest.mark.parametrize("saved", OF_MMENGINE)
@pytest.mark.parametrize("name", OF_MMENGINE)
def test_states_of_the_reference(name: str, saved: str) -> None:
    """Each goes into its own kind of schedule and into no other."""
    schedule = Run(20, {"type": name, **NEEDED.get(name, {})}).schedules[0]
    state = {
        "param_name": "lr", "begin": 0, "end": 20, "by_epoch": True, "last_step": 0, "_global_step": 0,
        "verbose": False, "base_values": [1.0, 0.5], "_last_value": [1.0, 0.5], **OF_MMENGINE[saved],
    }  # fmt: skip
    if saved == "ReduceOnPlateauLR":
        del state["base_values"]
    if name == saved:
        assert "last_step" not in schedule.ignored_settings(state)
        schedule.load_state_dict(state)
        assert schedule.base_values == [1.0, 0.5]
    else:
        refused(schedule, state)


def test_a_broken_state() -> None:
    """One of the right name without its settings is refused as well."""
    state = InverseSqrtLR(sgd(), warmup=2).state_dict()
    del state["warmup"]
    assert refused(InverseSqrtLR(sgd()), state).detail == ", which has warmup"


def test_inf_is_not_an_end() -> None:
    """The end that schedules have by default is the same number everywhere."""
    assert WSDLR(sgd(), warmup=1, decay=1).end == PolyLR(sgd()).end < inf
