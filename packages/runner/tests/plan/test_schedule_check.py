"""Which schedules end before or after the run, as pure arithmetic on configurations."""

import pytest

from eng_config import Config
from eng_runner.engine.length import RunLength
from eng_runner.plan.schedule_check import schedule_problems

EPOCHS = {"by_epoch": True, "max_epochs": 10}
ITERS = {"by_epoch": False, "max_iters": 100}

CASES = {
    "the same length": (EPOCHS, {"type": "CosineAnnealingLR", "T_max": 10}, []),
    "no length of its own": (EPOCHS, {"type": "CosineAnnealingLR"}, []),
    "a warm-up alone": (EPOCHS, {"type": "LinearLR", "end": 2}, []),
    "a cosine that is over too early": (
        EPOCHS, {"type": "CosineAnnealingLR", "T_max": 8},
        ["CosineAnnealingLR has ended after 8 epochs, and the run has 10 epochs; nothing schedules the rest"],
    ),
    "a cosine that is followed": (
        EPOCHS, [{"type": "CosineAnnealingLR", "T_max": 8}, {"type": "ConstantLR", "begin": 8}], [],
    ),
    "a cosine that goes on": (
        EPOCHS, {"type": "CosineAnnealingLR", "T_max": 12},
        ["CosineAnnealingLR outlives the run: T_max=12, and the run has 10 epochs"],
    ),
    "after a warm-up": (
        EPOCHS, [{"type": "LinearLR", "end": 2}, {"type": "CosineAnnealingLR", "begin": 2, "T_max": 8}], [],
    ),
    "milestones": (
        EPOCHS, {"type": "MultiStepLR", "milestones": [8, 10, 12]},
        ["MultiStepLR has milestones that are never reached: 10, 12; the run has 10 epochs"],
    ),
    "it never begins": (
        EPOCHS, {"type": "PolyLR", "begin": 10},
        ["PolyLR begins after 10 epochs, and the run has 10 epochs: it never does"],
    ),
    "epochs where there are none": (
        ITERS, {"type": "PolyLR"},
        ["PolyLR counts epochs, and a training by iterations has none: give by_epoch=False"],
    ),
    "iterations, whatever is accumulated": (
        ITERS, {"type": "OneCycleLR", "by_epoch": False, "total_steps": 101},
        ["OneCycleLR outlives the run: total_steps=101, and the run has 100 iterations"],
    ),
    "iterations of epochs": (
        EPOCHS, {"type": "LinearLR", "by_epoch": False, "end": 61},
        ["LinearLR outlives the run: end=61, and the run has 60 iterations"],
    ),
    "limited epochs": (
        {**EPOCHS, "limit_batches": 4}, {"type": "LinearLR", "by_epoch": False, "end": 41},
        ["LinearLR outlives the run: end=41, and the run has 40 iterations"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_schedules_and_runs(case):
    """Six iterations an epoch, two of them a step."""
    train, schedules, expected = CASES[case]
    length = RunLength.of(train, 6, accumulative_counts=2)
    problems = schedule_problems(Config({"train_cfg": train, "param_scheduler": schedules}), length)
    assert [what for _, what in problems] == expected


def test_paths_of_several_optimizers():
    """Each schedule has its own."""
    late = {"type": "StepLR", "end": 11}
    config = Config({"train_cfg": EPOCHS, "param_scheduler": {"generator": [late], "critic": late}})
    assert [path for path, _ in schedule_problems(config, RunLength.of(EPOCHS, None))] == [
        "param_scheduler.generator.0", "param_scheduler.critic",
    ]  # fmt: skip
