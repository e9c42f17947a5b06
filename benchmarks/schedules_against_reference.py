"""Every schedule here and in mmengine 0.10.7, step by step: how many values were compared, and how far they are apart.

    python -m venv /tmp/reference
    /tmp/reference/bin/pip install -c constraints.txt torch setuptools packages/registry packages/optim mmengine==0.10.7
    OMP_NUM_THREADS=1 /tmp/reference/bin/python benchmarks/schedules_against_reference.py [--seed 0] [--draws 400]

An environment of its own, since eng-compat ships the import name `mmengine` too. Each case is built from one list of
configurations, once on an optimizer of ours and once on one of theirs with the same three groups, and stepped as a
training does: schedules of iterations after every iteration, schedules of epochs after every epoch. The value in every
group is compared at every iteration; the deviation is relative to the largest value that the group had in that case.

The grid has each family with each value that it can move, by iteration, by epoch and converted, in several intervals;
the draws combine two to four schedules of random families, settings and overlapping intervals. What is different on
purpose is left out of the draws, and shown at the end with its values.
"""

import argparse
import itertools
import logging
import random
import sys
import warnings
from collections import Counter
from importlib import metadata

import torch
from torch import nn

try:
    IS_REFERENCE = metadata.version("mmengine") == "0.10.7"
except metadata.PackageNotFoundError:
    IS_REFERENCE = False
if not IS_REFERENCE:
    sys.exit(print("mmengine 0.10.7 is not installed: nothing to compare with. See the top of this file."))

import mmengine.optim as theirs
from mmengine.registry import PARAM_SCHEDULERS as THEIR_REGISTRY

import eng_optim as ours
from eng_registry import PARAM_SCHEDULERS as OUR_REGISTRY

ITERATIONS, EPOCH = 60, 5
RATES, DECAYS = (1.0, 0.3, 0.02), (0.1, 0.05, 0.02)

FAMILIES = {
    "Constant": [{}, {"factor": 0.25}],
    "Linear": [{}, {"start_factor": 0.001}, {"start_factor": 0.5, "end_factor": 0.2}],
    "Step": [{"step_size": 3}, {"step_size": 7, "gamma": 0.7}],
    "MultiStep": [{"milestones": [2, 5]}, {"milestones": [2, 2, 9], "gamma": 0.5}],
    "Exponential": [{"gamma": 0.9}, {"gamma": 0.5}],
    "CosineAnnealing": [
        {},
        {"T_max": 7},
        {"T_max": 4, "eta_min": 0.01},
        {"T_max": 10, "eta_min_ratio": 0.1},
    ],
    "Poly": [{}, {"power": 2, "eta_min": 0.01}, {"power": 0.9}],
    "CosineRestart": [
        {"periods": [3, 4], "restart_weights": [1, 0.5], "eta_min": 0},
        {"periods": [2, 2, 5], "restart_weights": [1, 0.7, 0.2], "eta_min_ratio": 0.1},
    ],
    "OneCycle": [
        {"eta_max": 2.0, "total_steps": 80},
        {"eta_max": [2.0, 0.6, 0.04], "total_steps": 80, "anneal_strategy": "linear"},
        {"eta_max": 2.0, "total_steps": 80, "three_phase": True, "pct_start": 0.4},
        {"eta_max": 2.0, "total_steps": 80, "div_factor": 10.0, "final_div_factor": 50.0},
    ],
}
INTERVALS = [{}, {"end": 9}, {"begin": 2}, {"begin": 3, "end": 10}]


class Side:
    """One engine's schedules of `configs` on an optimizer of its own."""

    def __init__(self, registry, configs, make_optimizer, wrapper=None):
        self.bare = make_optimizer()
        optimizer = self.bare if wrapper is None else wrapper(self.bare)
        self.wrapper = optimizer
        self.schedules = [registry.build({**cfg, "optimizer": optimizer}) for cfg in configs]

    def groups(self):
        return self.wrapper.param_groups

    def advance(self, iteration, metrics=None):
        self.bare.step()
        for schedule in self.schedules:
            if not schedule.by_epoch:
                schedule.step()
        if iteration % EPOCH == 0:
            for schedule in self.schedules:
                if schedule.by_epoch:
                    schedule.step()
                if getattr(schedule, "need_val_args", False):
                    schedule.step(metrics)

    def go_on_in(self, other):
        """Give the state to `other`, as a resumed run does."""
        other.wrapper.load_state_dict(self.wrapper.state_dict())
        for mine, its in zip(self.schedules, other.schedules, strict=True):
            its.load_state_dict(mine.state_dict())
        return other


def three_groups(kind, **settings):
    def make():
        groups = [
            {"params": [nn.Parameter(torch.zeros(1))], "lr": rate, "weight_decay": decay}
            for rate, decay in zip(RATES, DECAYS, strict=True)
        ]
        return kind(groups, lr=1.0, weight_decay=0.1, **settings)

    return make


OPTIMIZERS = {
    "lr": three_groups(torch.optim.SGD),
    "momentum": three_groups(torch.optim.SGD, momentum=0.9),
    "betas": three_groups(torch.optim.Adam),
    "weight_decay": three_groups(torch.optim.SGD),
}


def read(groups, slot):
    return [float(group[slot][0] if slot == "betas" else group[slot]) for group in groups]


class Record:
    """What was compared so far."""

    def __init__(self):
        self.cases = Counter()
        self.values = Counter()
        self.worst = {}

    def compare(self, kind, configs, slot, *, wrapped=False, resume_at=None, take_theirs=False, metrics=None):
        def side(registry, module):
            return Side(registry, configs, OPTIMIZERS[slot], module.OptimWrapper if wrapped else None)

        def both():
            return side(OUR_REGISTRY, ours), side(THEIR_REGISTRY, theirs)

        us, them = both()
        seen = []
        for iteration in range(1, ITERATIONS + 1):
            seen.append((read(us.groups(), slot), read(them.groups(), slot)))
            measured = metrics[iteration - 1] if metrics else None
            us.advance(iteration, measured)
            them.advance(iteration, measured)
            if iteration == resume_at:
                fresh_us, fresh_them = both()
                us, them = (them if take_theirs else us).go_on_in(fresh_us), them.go_on_in(fresh_them)
        scales = [max(abs(row[1][group]) for row in seen) or 1.0 for group in range(len(seen[0][1]))]
        deviation = max(
            abs(a - b) / scale for mine, its in seen for a, b, scale in zip(mine, its, scales, strict=True)
        )
        self.cases[kind] += 1
        self.values[kind] += len(seen) * len(scales)
        if deviation >= self.worst.get(kind, (-1.0, None))[0]:
            self.worst[kind] = (deviation, configs)
        return deviation


def names(family):
    """The classes of a family that both have, and the slot that each moves."""
    yield f"{family}LR", "lr", {}
    yield (
        f"{family}ParamScheduler",
        "lr" if family == "OneCycle" else "weight_decay",
        {"param_name": "lr" if family == "OneCycle" else "weight_decay"},
    )
    if family != "OneCycle":
        yield f"{family}Momentum", "momentum", {}
        yield f"{family}Momentum", "betas", {}


def grid(record):
    for family, variants in FAMILIES.items():
        for (name, slot, more), settings, interval in itertools.product(names(family), variants, INTERVALS):
            if family == "OneCycle" and interval:
                interval = {**interval, "end": 70}
            cfg = {"type": name, **more, **settings, **interval}
            record.compare(f"{family}, by iteration", [{**cfg, "by_epoch": False}], slot)
            record.compare(f"{family}, by epoch", [{**cfg, "by_epoch": True}], slot)
            converted = {"convert_to_iter_based": True, "epoch_length": EPOCH}
            record.compare(f"{family}, converted", [{**cfg, **converted}], slot)
            cfg = {**cfg, "by_epoch": False}
            record.compare(f"{family}, from their state", [cfg], slot, resume_at=7, take_theirs=True)


def a_schedule(draw):
    family = draw.choice([name for name in FAMILIES if name != "OneCycle"])
    by_epoch = draw.random() < 0.4
    length = ITERATIONS // EPOCH if by_epoch else ITERATIONS
    begin = draw.randrange(0, length - 2)
    end = draw.choice([10**9, draw.randrange(begin + 2, length + 10)])
    if family in ("Poly", "Linear", "Constant", "CosineAnnealing"):
        end = draw.randrange(begin + 2, length + 10)
    settings = {
        "Constant": lambda: {"factor": draw.uniform(0.1, 1)},
        "Linear": lambda: {"start_factor": draw.uniform(0.001, 1), "end_factor": draw.uniform(0.1, 1)},
        "Step": lambda: {"step_size": draw.randrange(1, 12), "gamma": draw.uniform(0.3, 1.1)},
        "MultiStep": lambda: {
            "milestones": sorted(draw.choices(range(1, length), k=3)),
            "gamma": draw.uniform(0.3, 1),
        },
        "Exponential": lambda: {"gamma": draw.uniform(0.9, 1.02)},
        "CosineAnnealing": lambda: {
            "T_max": draw.randrange(end - begin, end - begin + 9),
            "eta_min": draw.choice([0, 1e-3]),
        },
        "Poly": lambda: {"power": draw.choice([0.9, 1, 2]), "eta_min": draw.choice([0, 1e-3])},
        "CosineRestart": lambda: {
            "periods": draw.choices(range(2, 15), k=2),
            "restart_weights": [1, draw.uniform(0.2, 1)],
            "eta_min": 0,
        },
    }[family]()
    return {"type": f"{family}LR", "by_epoch": by_epoch, "begin": begin, "end": end, **settings}


def combinations(record, draw, count):
    for index in range(count):
        configs = [a_schedule(draw) for _ in range(draw.randrange(2, 5))]
        record.compare("combined", configs, "lr")
        record.compare("combined, other order", configs[::-1], "lr")
        record.compare("combined, wrapped", configs, "lr", wrapped=True)
        if index % 4 == 0:
            resume_at = draw.randrange(1, ITERATIONS)
            record.compare("combined, resumed", configs, "lr", resume_at=resume_at)
            record.compare("combined, from their state", configs, "lr", resume_at=resume_at, take_theirs=True)


def plateaus(record, draw, count):
    for _ in range(count):
        slot, name = draw.choice([("lr", "LR"), ("momentum", "Momentum"), ("weight_decay", "ParamScheduler")])
        cfg = {
            "type": f"ReduceOnPlateau{name}",
            "monitor": "score",
            "rule": draw.choice(["less", "greater"]),
            "factor": draw.uniform(0.1, 0.9),
            "patience": draw.randrange(3),
            "threshold": draw.choice([0.0, 1e-4, 0.1]),
            "threshold_rule": draw.choice(["rel", "abs"]),
            "cooldown": draw.randrange(3),
            "min_value": draw.choice([0.0, 1e-3]),
            "begin": draw.randrange(3),
        }
        if name == "ParamScheduler":
            cfg["param_name"] = slot
        metrics = [{"score": draw.uniform(0.1, 1.0)} for _ in range(ITERATIONS)]
        record.compare("ReduceOnPlateau", [cfg], slot, metrics=metrics)
        record.compare(
            "ReduceOnPlateau, from their state", [cfg], slot, metrics=metrics, resume_at=23, take_theirs=True
        )


def on_purpose():
    """The first values of the cases where the two differ by intent."""
    cases = {
        "Linear from 0": [{"type": "LinearLR", "start_factor": 0.0, "end": 5}],
        "Constant with factor 0": [{"type": "ConstantLR", "factor": 0.0, "end": 4}],
        "one step only": [{"type": "PolyLR", "begin": 2, "end": 3}],
    }
    for title, configs in cases.items():
        print(f"\n{title}: {configs}")
        for side, registry in (("ours", OUR_REGISTRY), ("theirs", THEIR_REGISTRY)):
            try:
                one = Side(registry, configs, OPTIMIZERS["lr"])
                values = []
                for _ in range(8):
                    values.append(round(read(one.groups(), "lr")[0], 6))
                    one.bare.step()
                    for schedule in one.schedules:
                        schedule.step()
                print(f"  {side:7} {values}")
            except Exception as error:
                print(f"  {side:7} {type(error).__name__}: {error}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--draws", type=int, default=400)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    draw = random.Random(options.seed)
    record = Record()
    grid(record)
    combinations(record, draw, options.draws)
    plateaus(record, draw, options.draws)
    print(f"{'':36} {'cases':>7} {'values':>9}  largest relative deviation")
    for kind, cases in record.cases.items():
        print(f"{kind:36} {cases:7} {record.values[kind]:9}  {record.worst[kind][0]:.1e}")
    worst = max(deviation for deviation, _ in record.worst.values())
    print(f"{'all':36} {record.cases.total():7} {record.values.total():9}  {worst:.1e}")
    for kind, (deviation, configs) in record.worst.items():
        if deviation > 1e-12:
            print(f"  apart: {kind}: {configs}")
    on_purpose()


if __name__ == "__main__":
    main()
