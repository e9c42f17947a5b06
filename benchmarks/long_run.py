"""Whether a run gets slower or its checkpoints larger as it grows old: step 1,000 against step 1,000,000.

    OMP_NUM_THREADS=1 python benchmarks/long_run.py [iterations]

One run of a tiny model with default hooks and a log line every 10 steps. CPU time is that of 2,000 steps after
the first 1,000 and of the last 2,000; the checkpoints are the first and the last one.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import Dataset

from eng_model import BaseModel
from eng_runner import Hook, Runner

WINDOW = 2000
YOUNG = 1000


class Numbers(Dataset):
    """Batches without end, made of nothing."""

    def __len__(self) -> int:
        return 64

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return {"x": torch.full((4,), float(index))}


class Net(BaseModel):
    """One linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 1)

    def forward(self, x, mode):
        return {"loss": self.linear(x).square().mean() * 1e-6}


class Stopwatch(Hook):
    """CPU seconds at chosen iterations."""

    def __init__(self, at: list[int]) -> None:
        self.at = set(at)
        self.seconds: dict[int, float] = {}

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter in self.at:
            self.seconds[runner.iter] = time.process_time()


def main() -> None:
    iterations = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    interval = max(iterations // 100, 2 * YOUNG)
    last = iterations - WINDOW - 1
    stopwatch = Stopwatch([YOUNG, YOUNG + WINDOW, last, last + WINDOW])
    with tempfile.TemporaryDirectory() as folder, open(os.devnull, "w") as nowhere:
        with redirect_stdout(nowhere), redirect_stderr(nowhere):
            Runner(
                model=Net(),
                work_dir=folder,
                train_dataloader={
                    "batch_size": 4,
                    "dataset": Numbers(),
                    "collate_fn": {"type": "default_collate"},
                    "sampler": {"type": "InfiniteSampler"},
                },
                train_cfg={"by_epoch": False, "max_iters": iterations},
                optim_wrapper={"optimizer": {"type": torch.optim.SGD, "lr": 1e-3}},
                param_scheduler={"type": "CosineAnnealingLR", "by_epoch": False},
                default_hooks={
                    "checkpoint": {"type": "CheckpointHook", "by_epoch": False, "interval": interval}
                },
                custom_hooks=[stopwatch],
                log_processor={"by_epoch": False},
                randomness={"seed": 0},
            ).train()
        sizes = {
            int(path.stem.split("_")[1]): path.stat().st_size for path in Path(folder).glob("iter_*.pth")
        }
    young = stopwatch.seconds[YOUNG + WINDOW] - stopwatch.seconds[YOUNG]
    old = stopwatch.seconds[last + WINDOW] - stopwatch.seconds[last]
    print(f"CPU ms per step  at {YOUNG:,}: {young / WINDOW * 1e3:.3f}   at {iterations:,}: {old / WINDOW * 1e3:.3f}"
          f"   ratio {old / young:.2f}")  # fmt: skip
    for step in (min(sizes), max(sizes)):
        print(f"checkpoint at {step:,}: {sizes[step]:,} bytes")


if __name__ == "__main__":
    main()
