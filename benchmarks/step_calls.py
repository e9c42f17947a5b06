"""How many Python and C calls one training iteration makes, against the identical raw loop.

    python benchmarks/step_calls.py

Calls are counted with `sys.setprofile` over a run of 200 and one of 400 iterations in the same process; the difference
divided by 200 is the steady state, so start, end and checkpoints cancel out. The raw loop has the same model, data,
collation, optimizer and schedule, and reads the loss every 10 iterations, as the log line does. What both print goes to
a file that nobody reads.
"""

import logging
import os
import sys
import tempfile
from contextlib import redirect_stderr, redirect_stdout

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from eng_model import BaseModel
from eng_runner import Runner

BATCH = 16
SHORT, LONG = 200, 400


class Net(BaseModel):
    """Two linear layers."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 4))

    def forward(self, x, y, mode):
        return {"loss": F.cross_entropy(self.layers(x), y)}


def data(iterations):
    torch.manual_seed(0)
    return TensorDataset(torch.randn(BATCH * iterations, 16), torch.randint(4, (BATCH * iterations,)))


def raw(iterations):
    model = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 4))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=iterations)
    loader = DataLoader(data(iterations), batch_size=BATCH, shuffle=True)
    for index, (x, y) in enumerate(loader):
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
        if (index + 1) % 10 == 0:
            print(f"{index + 1} {loss.item():.4f}", file=sys.stderr)


def engine(iterations, *, hooks):
    quiet = dict.fromkeys(("runtime_info", "timer", "sampler_seed", "logger", "checkpoint", "progress"))
    with tempfile.TemporaryDirectory() as folder:
        runner = Runner(
            model=Net(),
            work_dir=folder,
            train_dataloader=DataLoader(data(iterations), batch_size=BATCH, shuffle=True),
            train_cfg={"by_epoch": False, "max_iters": iterations},
            optim_wrapper={"optimizer": {"type": torch.optim.SGD, "lr": 0.01, "momentum": 0.9}},
            param_scheduler={"type": "CosineAnnealingLR", "by_epoch": False},
            default_hooks=None if hooks else quiet,
            log_processor={"by_epoch": False},
            randomness={"seed": 0},
        )
        runner.train()


def silently(run, iterations, **options):
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        run(iterations, **options)


def calls(run, iterations, **options):
    """Python and C calls of one run."""
    count = 0

    def profile(frame, event, argument):
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(profile)
    try:
        silently(run, iterations, **options)
    finally:
        sys.setprofile(None)
    return count


def per_iteration(run, **options):
    silently(run, LONG, **options)  # everything is imported and warm
    short = calls(run, SHORT, **options)
    return (calls(run, LONG, **options) - short) / (LONG - SHORT)


def main():
    logging.captureWarnings(True)
    baseline = per_iteration(raw)
    print(f"{'':24} calls per iteration   ratio")
    print(f"{'raw loop':24} {baseline:19.1f}    1.00")
    for name, hooks in (("engine, no hooks", False), ("engine, default hooks", True)):
        count = per_iteration(engine, hooks=hooks)
        print(f"{name:24} {count:19.1f} {count / baseline:7.2f}")


if __name__ == "__main__":
    main()
