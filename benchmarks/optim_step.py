"""What eng-optim costs on top of torch, each figure as a ratio measured in one process.

    OMP_NUM_THREADS=1 python benchmarks/optim_step.py

- calls: Python calls of one `OptimWrapper.update_params` beyond backward, step and zero_grad by hand (counted with
  `sys.setprofile`, so the machine's load does not matter), for each kind of wrapper.
- step: time of the same over the three lines by hand, for a model of two layers, where the engine's share is largest.
- schedule: time of one schedule step over 200 parameter groups, over that of torch's schedule of the same kind.
- kernels: that `fused`, `foreach` and `compile` are reached by the configuration, and what a step costs with each of
  them, over the plain one, for 100 small parameters.
"""

import logging
import sys
import warnings
from itertools import count

import torch
from interleaved import ratio
from torch import nn
from torch.optim import SGD
from torch.optim import lr_scheduler as torchs

from eng_optim import (
    AmpOptimWrapper,
    CosineAnnealingLR,
    ExponentialLR,
    LinearLR,
    MultiStepLR,
    OptimWrapper,
    PolyLR,
    StepLR,
    build_optim_wrapper,
)

GROUPS = 200


def python_calls(run, rounds=20):
    """Python calls of one `run`, as an average that includes what happens only now and then."""
    seen = 0

    def profile(frame, event, argument):
        nonlocal seen
        seen += event == "call"

    for _ in range(rounds):
        run()
    sys.setprofile(profile)
    try:
        for _ in range(rounds):
            run()
    finally:
        sys.setprofile(None)
    return seen / rounds


def net():
    return nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 4))


def raw_step(model, x):
    optimizer = SGD(model.parameters(), lr=0.01, momentum=0.9)

    def run():
        model(x).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()

    return run


def raw_autocast_step(model, x):
    optimizer = SGD(model.parameters(), lr=0.01, momentum=0.9)

    def run():
        with torch.autocast("cpu"):
            loss = model(x).square().mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return run


def raw_clipped_step(model, x):
    parameters = list(model.parameters())
    optimizer = SGD(parameters, lr=0.01, momentum=0.9)

    def run():
        model(x).square().mean().backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return run


def raw_accumulated_step(model, x):
    optimizer = SGD(model.parameters(), lr=0.01, momentum=0.9)
    iterations = count(1)

    def run():
        (model(x).square().mean() / 4).backward()
        if next(iterations) % 4 == 0:
            optimizer.step()
            optimizer.zero_grad()

    return run


def wrapped_step(model, x, kind=OptimWrapper, **settings):
    wrapper = kind(optimizer=SGD(model.parameters(), lr=0.01, momentum=0.9), **settings)

    def run():
        with wrapper.optim_context(model):
            loss = model(x).square().mean()
        wrapper.update_params(loss)

    return run


def steps():
    x = torch.randn(16, 16)
    rows = {
        "OptimWrapper": (raw_step, {}),
        "clip_grad=dict(max_norm=1)": (raw_clipped_step, {"clip_grad": {"max_norm": 1.0}}),
        "accumulative_counts=4": (raw_accumulated_step, {"accumulative_counts": 4}),
        "AmpOptimWrapper, bfloat16": (raw_autocast_step, {"kind": AmpOptimWrapper, "dtype": "bfloat16"}),
    }
    print(f"{'':30} calls added  time over the lines by hand")
    for name, (by_hand, settings) in rows.items():
        added = python_calls(wrapped_step(net(), x, **settings)) - python_calls(by_hand(net(), x))
        print(f"{name:30} {added:11.2f}  {ratio(wrapped_step(net(), x, **settings), by_hand(net(), x)):.3f}")


def many_groups():
    groups = [
        {"params": [nn.Parameter(torch.zeros(1))], "lr": 0.01 + 1e-4 * index} for index in range(GROUPS)
    ]
    optimizer = SGD(groups, lr=0.01)
    optimizer.step()
    return optimizer


def schedules():
    many = 10**8
    milestones = [10, 20]
    rows = {
        "CosineAnnealing": (
            (CosineAnnealingLR, {"T_max": many}),
            (torchs.CosineAnnealingLR, {"T_max": many}),
        ),
        "Linear": (
            (LinearLR, {"start_factor": 0.1, "end": many}),
            (torchs.LinearLR, {"start_factor": 0.1, "total_iters": many}),
        ),
        "Exponential": ((ExponentialLR, {"gamma": 1 - 1e-6}), (torchs.ExponentialLR, {"gamma": 1 - 1e-6})),
        "Poly": (
            (PolyLR, {"power": 2, "end": many}),
            (torchs.PolynomialLR, {"power": 2, "total_iters": many}),
        ),
        "Step": ((StepLR, {"step_size": 100}), (torchs.StepLR, {"step_size": 100})),
        "MultiStep": (
            (MultiStepLR, {"milestones": milestones}),
            (torchs.MultiStepLR, {"milestones": milestones}),
        ),
    }
    print(f"\nschedule step, {GROUPS} groups      time over torch's")
    for name, ((kind, settings), (torch_kind, torch_settings)) in rows.items():
        ours, theirs = kind(many_groups(), **settings), torch_kind(many_groups(), **torch_settings)
        print(f"{name:30} {ratio(ours.step, theirs.step):.3f}")


def kernels():
    def step(**settings):
        model = nn.ParameterList([nn.Parameter(torch.randn(32, 32)) for _ in range(100)])
        for parameter in model:
            parameter.grad = torch.randn(32, 32)
        more = {"compile": settings.pop("compile")} if "compile" in settings else {}
        wrapper = build_optim_wrapper(model, {"optimizer": {"type": "AdamW", "lr": 1e-3, **settings}, **more})
        return wrapper.step

    print("\nAdamW step, 100 parameters      time over the plain one (foreach=False)")
    for name, settings in (
        ("foreach=True", {"foreach": True}),
        ("fused=True", {"fused": True}),
        ("compile=True", {"compile": True}),
    ):
        print(f"{name:30} {ratio(step(**settings), step(foreach=False)):.3f}")


def main():
    torch.manual_seed(0)
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} thread(s)")
    steps()
    schedules()
    kernels()


if __name__ == "__main__":
    main()
