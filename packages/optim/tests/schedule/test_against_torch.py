"""The schedules that torch has too, side by side over a thousand steps."""

import random
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import SGD, Optimizer, lr_scheduler

from eng_optim import (
    ConstantLR,
    CosineAnnealingLR,
    CosineRestartLR,
    ExponentialLR,
    LinearLR,
    MultiStepLR,
    OneCycleLR,
    ParamScheduler,
    PolyLR,
    ReduceOnPlateauLR,
    StepLR,
)

STEPS = 1000

Make = Callable[[Optimizer], Any]


def optimizer() -> SGD:
    """Two groups with rates of their own."""
    groups = [{"params": [nn.Parameter(torch.zeros(1))], "lr": rate} for rate in (0.5, 0.03)]
    return SGD(groups, lr=0.1, momentum=0.9)


def rates(make: Make, steps: int = STEPS) -> list[list[float]]:
    """The rates of both groups at each step."""
    one = optimizer()
    schedule = make(one)
    seen = []
    for _ in range(steps):
        seen.append([group["lr"] for group in one.param_groups])
        one.step()
        schedule.step()
    return seen


PAIRS: list[tuple[str, Make, Make]] = [
    (
        "constant",
        lambda o: lr_scheduler.ConstantLR(o, factor=0.3, total_iters=70),
        lambda o: ConstantLR(o, factor=0.3, end=71),
    ),
    (
        "linear",
        lambda o: lr_scheduler.LinearLR(o, start_factor=0.01, end_factor=0.7, total_iters=900),
        lambda o: LinearLR(o, start_factor=0.01, end_factor=0.7, end=901),
    ),
    (
        "step",
        lambda o: lr_scheduler.StepLR(o, step_size=37, gamma=0.9),
        lambda o: StepLR(o, step_size=37, gamma=0.9),
    ),
    (
        "multi step",
        lambda o: lr_scheduler.MultiStepLR(o, [10, 300, 300, 800], gamma=0.3),
        lambda o: MultiStepLR(o, [10, 300, 300, 800], gamma=0.3),
    ),
    (
        "exponential",
        lambda o: lr_scheduler.ExponentialLR(o, gamma=0.995),
        lambda o: ExponentialLR(o, gamma=0.995),
    ),
    (
        "cosine, several periods",
        lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=90, eta_min=1e-3),
        lambda o: CosineAnnealingLR(o, T_max=90, eta_min=1e-3),
    ),
    (
        "polynomial",
        lambda o: lr_scheduler.PolynomialLR(o, total_iters=600, power=0.9),
        lambda o: PolyLR(o, power=0.9, end=601),
    ),
    (
        "restarts of one length",
        lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, T_0=100, eta_min=1e-3),
        lambda o: CosineRestartLR(o, periods=[100] * 10, restart_weights=[1] * 10, eta_min=1e-3),
    ),
    (
        "restarts that double",
        lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, T_0=40, T_mult=2),
        lambda o: CosineRestartLR(o, periods=[40, 80, 160, 320, 640], restart_weights=[1] * 5, eta_min=0),
    ),
    *[
        (
            f"one cycle, {strategy}, {'three' if three else 'two'} phases",
            lambda o, strategy=strategy, three=three: lr_scheduler.OneCycleLR(
                o,
                [2.0, 0.5],
                total_steps=STEPS + 1,
                anneal_strategy=strategy,
                three_phase=three,
                cycle_momentum=False,
            ),
            lambda o, strategy=strategy, three=three: OneCycleLR(
                o, [2.0, 0.5], total_steps=STEPS + 1, anneal_strategy=strategy, three_phase=three
            ),
        )
        for strategy in ("cos", "linear")
        for three in (False, True)
    ],
]


@pytest.mark.parametrize(("torchs", "ours"), [pair[1:] for pair in PAIRS], ids=[pair[0] for pair in PAIRS])
def test_same_values(torchs: Make, ours: Make) -> None:
    """Both give the same rates at every step."""
    expected = torch.tensor(rates(torchs), dtype=torch.float64)
    actual = torch.tensor(rates(ours), dtype=torch.float64)
    torch.testing.assert_close(actual, expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize("seed", range(8))
def test_same_reactions_to_a_plateau(seed: int) -> None:
    """A random loss makes both reduce at the same validations."""
    chance = random.Random(seed)
    rule = chance.choice(["less", "greater"])
    settings: dict[str, Any] = {
        "factor": 0.7,
        "patience": chance.randint(0, 4),
        "cooldown": chance.randint(0, 3),
        "threshold": chance.choice([0.0, 1e-2]),
    }
    threshold_rule = chance.choice(["rel", "abs"])
    one, other = optimizer(), optimizer()
    ours = ReduceOnPlateauLR(
        one, rule=rule, threshold_rule=threshold_rule, min_value=[1e-3, 1e-2], **settings
    )
    torchs = lr_scheduler.ReduceLROnPlateau(
        other,
        mode={"less": "min", "greater": "max"}[rule],
        threshold_mode=threshold_rule,
        min_lr=[1e-3, 1e-2],
        **settings,
    )
    loss = 1.0
    for _ in range(300):
        loss += chance.uniform(-0.1, 0.1)
        ours.step({"loss": loss})
        torchs.step(loss)
        assert [group["lr"] for group in one.param_groups] == [group["lr"] for group in other.param_groups]
    assert one.param_groups[0]["lr"] < 0.5


def test_chain_in_the_order_of_the_list() -> None:
    """Schedules one over the other are torch's `ChainedScheduler`."""

    def torchs(o: Optimizer) -> Any:
        parts = [lr_scheduler.ExponentialLR(o, 0.99), lr_scheduler.StepLR(o, 100, 0.5)]
        return lr_scheduler.ChainedScheduler(parts, o)

    class Chain:
        def __init__(self, parts: list[ParamScheduler]) -> None:
            self.parts = parts

        def step(self) -> None:
            for part in self.parts:
                part.step()

    actual = rates(lambda o: Chain([ExponentialLR(o, 0.99), StepLR(o, 100, 0.5)]))
    torch.testing.assert_close(torch.tensor(actual), torch.tensor(rates(torchs)), atol=1e-12, rtol=0)
