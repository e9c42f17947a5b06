"""How long, how often: drawn trainings against a plain loop that counts by hand.

The oracle imports nothing of eng. It says at which iterations a training steps, validates, saves and logs, and at which
rate each iteration trains.
"""

import math
import os
import random

import pytest
import torch
from toy_training import Error, points, toy_runner

from eng_runner import Hook

DRAWN = int(os.environ.get("ENG_DRAWN", "40"))
"""How many trainings are drawn; `ENG_DRAWN=300 pytest packages/runner/tests/test_counting.py` for more."""


def draw(seed):
    """A training: its length, accumulation, limits, intervals in a unit of their own, a schedule, an early end."""
    dice = random.Random(seed)
    batches, epochs = dice.randint(1, 7), dice.randint(1, 4)
    by_epoch = dice.random() < 0.6
    limit = dice.choice([None, None, dice.randint(1, batches)])
    units = ["epochs", "iters", "steps", "samples", None]
    return {
        "by_epoch": by_epoch,
        "batches": batches,
        "size": 2,
        "limit": limit,
        "epochs": epochs,
        "iters": dice.randint(1, 20),
        "accumulate": dice.randint(1, 4),
        "val": (dice.randint(1, 6), dice.choice(units)),
        "save": (dice.randint(1, 6), dice.choice(units)),
        "log": dice.randint(1, 5),
        "rate": dice.choice(["iter", "epoch"]),
        "stop": dice.choice([None, None, dice.randint(1, 12)]),
    }


def oracle(plan):
    """Count by hand: (steps, validations, saves, lines, rates), each a list over iterations."""
    per_pass = plan["batches"] if plan["limit"] is None else min(plan["limit"], plan["batches"])
    total = plan["epochs"] * per_pass if plan["by_epoch"] else plan["iters"]
    passes = plan["epochs"] if plan["by_epoch"] else math.ceil(total / per_pass)
    samples = steps = 0
    seen = {"epochs": 0.0, "iters": 0, "steps": 0, "samples": 0}
    out = {"steps": [], "validations": [], "saves": [], "rates": []}
    own = "epochs" if plan["by_epoch"] else "iters"
    for n in range(1, total + 1):
        done_passes, in_pass = divmod(n - 1, per_pass)
        position = n - 1 if plan["rate"] == "iter" else done_passes
        horizon = total if plan["rate"] == "iter" else passes
        out["rates"].append(0.5 * (1 + math.cos(math.pi * position / horizon)))
        if n % plan["accumulate"] == 0 or n == total:
            steps += 1
            out["steps"].append(n)
        samples += plan["size"]
        pass_ends = in_pass + 1 == per_pass
        before, seen = seen, {
            "epochs": done_passes + 1 if pass_ends else n / per_pass,
            "iters": n, "steps": steps, "samples": samples,
        }  # fmt: skip
        stops = plan["stop"] is not None and n >= plan["stop"] and (pass_ends or not plan["by_epoch"])
        ends = n == total or stops
        for name, (every, unit) in (("validations", plan["val"]), ("saves", plan["save"])):
            unit = unit or own
            crossed = math.floor(seen[unit] / every + 1e-9) > math.floor(before[unit] / every + 1e-9)
            if crossed or n == total or (name == "saves" and ends):
                out[name].append(n)
        if ends:
            if stops and n % plan["accumulate"] and n != total:
                out["steps"].append(n)  # the window that is open at an early end
            return out
    return out


class Trace(Hook):
    """Notes what really happens, by the clock."""

    priority = "LOWEST"

    def __init__(self, stop):
        self.stop = stop
        self.steps, self.validations, self.saves, self.rates = [], [], [], []

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.rates.append(runner.optim_wrapper.get_lr()["lr"][0])

    def after_optimizer_step(self, runner):
        closing = len(self.rates) == runner.clock.iter
        self.steps.append(runner.clock.iter + (not closing))

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if self.stop is not None and runner.clock.iter >= self.stop:
            runner.train_loop.stop_training = True

    def before_val(self, runner):
        self.validations.append(runner.clock.iter)

    def after_save_checkpoint(self, runner, path):
        self.saves.append(runner.clock.iter)


def spelled(interval):
    number, unit = interval
    return number if unit is None else f"{number} {unit}"


def train(plan, folder):
    trace = Trace(plan["stop"])
    loop = {"max_epochs": plan["epochs"]} if plan["by_epoch"] else {"max_iters": plan["iters"]}
    data = {
        "dataset": points(plan["batches"] * plan["size"]),
        "batch_size": plan["size"],
        "sampler": {"type": "DefaultSampler", "shuffle": True},
        "collate_fn": {"type": "default_collate"},
    }
    runner = toy_runner(
        folder,
        train_dataloader=data,
        train_cfg={
            "by_epoch": plan["by_epoch"],
            "val_interval": spelled(plan["val"]),
            "limit_batches": plan["limit"],
            **loop,
        },
        optim_wrapper={"optimizer": {"type": "SGD", "lr": 1.0}, "accumulative_counts": plan["accumulate"]},
        param_scheduler={"type": "CosineAnnealingLR", "by_epoch": plan["rate"] == "epoch"},
        val_evaluator=[Error()],
        default_hooks={
            "checkpoint": {"interval": spelled(plan["save"]), "max_keep_ckpts": 1},
            "logger": {"interval": plan["log"]},
        },
        custom_hooks=[trace],
        log_level="ERROR",
    )
    runner.train()
    return trace, runner


@pytest.mark.parametrize("seed", range(DRAWN))
def test_a_training_counts_as_a_plain_loop_does(tmp_path, seed):
    """Steps, validations, saves and rates come at the iterations that the plain loop says."""
    plan = draw(seed)
    torch.manual_seed(0)
    trace, runner = train(plan, tmp_path)
    expected = oracle(plan)
    assert sorted(set(trace.validations)) == expected["validations"], plan
    assert sorted(set(trace.saves)) == expected["saves"], plan
    assert trace.steps == expected["steps"], plan
    assert trace.rates == pytest.approx(expected["rates"], abs=1e-9), plan
    assert runner.clock.step == len(expected["steps"])
    assert runner.clock.samples == plan["size"] * runner.clock.iter
