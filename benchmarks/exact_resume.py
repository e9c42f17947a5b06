"""Kill -9 a training after every one of its iterations, resume it, and compare with the run that was never killed.

    python benchmarks/exact_resume.py             # every combination, some minutes
    python benchmarks/exact_resume.py --every 5   # after every fifth iteration only

Each training is a process of its own (two under two ranks), forked, so that a start costs nothing; it saves after every
iteration and gets SIGKILL right after a save. Compared to the last bit are, for all iterations that follow: sample ids,
batches after augmentation, learning rates, losses; metrics of every later validation; at the end the weights, their
average, the optimizer and the counters. All ranks are compared.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import shutil
import signal
import socket
import sys
import tempfile
import time
import traceback
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # a fork has none of its parent's threads

import numpy as np
import torch
from torch.nn import functional as F
from torch.utils.data import Dataset

from eng_dist import destroy, init_dist
from eng_evaluator import BaseMetric
from eng_model import BaseModel
from eng_runner import Hook, Runner
from eng_runner.testing import Record, Recorder, differences

ITERATIONS = 18


class Augmented(Dataset):
    """Points of a line with noise of all three generators, drawn anew in every epoch."""

    def __len__(self):
        return 24

    def __getitem__(self, index):
        x = torch.tensor([index / 12 - 1])
        noise = random.random() + np.random.rand() + torch.rand(1)
        return x + 0.01 * noise.float(), 3 * x + 1


class Net(BaseModel):
    """Dropout, batch norm, two layers."""

    def __init__(self):
        super().__init__()
        self.up = torch.nn.Linear(1, 8)
        self.norm = torch.nn.BatchNorm1d(8)
        self.dropout = torch.nn.Dropout(0.2)
        self.down = torch.nn.Linear(8, 1)

    def forward(self, x, y, mode):
        predicted = self.down(self.dropout(self.norm(self.up(x)).relu()))
        return {"loss": F.mse_loss(predicted, y)} if mode == "loss" else list(zip(predicted, y, strict=True))


class Error(BaseMetric):
    """Mean absolute error."""

    def process(self, data_batch, data_samples):
        self.results.extend((predicted - y).abs() for predicted, y in data_samples)

    def compute_metrics(self, results):
        return {"error": torch.stack(results).mean().item(), "count": len(results)}


class KillAfter(Hook):
    """SIGKILL for this process as soon as the checkpoint of an iteration is safe."""

    def __init__(self, iteration):
        self.iteration = iteration

    def after_save_checkpoint(self, runner, path):
        if runner.clock.iter == self.iteration and not Path(path).name.startswith("best_"):
            os.kill(os.getpid(), signal.SIGKILL)


def build(work_dir, *, loop, workers, accumulation, ranks, resume, hooks):
    """A small training with everything in it that has a state."""
    torch.manual_seed(0)
    loader = {
        "dataset": Augmented(),
        "batch_size": 4 // ranks,
        "num_workers": workers,
        "persistent_workers": workers > 0,
        "collate_fn": {"type": "default_collate"},
    }
    by_epoch = loop == "epoch"
    train_cfg = {"max_epochs": 3} if by_epoch else {"max_iters": ITERATIONS, "val_interval": 5}
    return Runner(
        model=Net(),
        work_dir=str(work_dir),
        train_dataloader={**loader, "sampler": {"type": "DefaultSampler", "shuffle": True}},
        train_cfg={"by_epoch": by_epoch, **train_cfg},
        val_dataloader={**loader, "sampler": {"type": "DefaultSampler", "shuffle": False}},
        val_cfg={},
        val_evaluator=[Error()],
        optim_wrapper={
            "optimizer": {"type": "AdamW", "lr": 0.05},
            "accumulative_counts": accumulation,
            "clip_grad": {"max_norm": 1.0},
        },
        param_scheduler=[
            {"type": "LinearLR", "start_factor": 0.1, "by_epoch": False, "end": 4},
            {"type": "CosineAnnealingLR", "by_epoch": False, "begin": 4, "end": ITERATIONS},
        ],
        default_hooks={
            "checkpoint": {
                "interval": 1, "by_epoch": False, "max_keep_ckpts": 3, "save_best": "error", "rule": "less"
            },
            "progress": None,
        },
        custom_hooks=[
            {"type": "EMAHook", "momentum": 0.1},
            {"type": "EarlyStoppingHook", "monitor": "error", "rule": "less", "patience": 20},
            *hooks,
        ],
        randomness={"seed": 1, "diff_rank_seed": ranks > 1},
        launcher="pytorch" if ranks > 1 else "none",
        resume=resume,
        log_level="ERROR",
    )  # fmt: skip


def be_rank(rank, port, work_dir, options, record_file, kill_after):
    """One rank of one training, in a process of its own."""
    if options["ranks"] > 1:
        os.environ.update(
            RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(options["ranks"]),
            MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port), GLOO_SOCKET_IFNAME="lo",
        )  # fmt: skip
        init_dist("pytorch")
    record = Record()
    hooks = [Recorder(record), *([KillAfter(kill_after)] if kill_after else [])]
    build(work_dir, **options, resume=record_file is not None, hooks=hooks).train()
    if record_file is not None:
        torch.save(record, record_file)
    destroy()


def train(work_dir, options, *, record_files=None, kill_after=None):
    """Run one training to its end; the exit codes of its ranks."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    children = []
    for rank in range(options["ranks"]):
        child = os.fork()
        if child == 0:
            try:
                sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - as long as the process lives
                file = record_files[rank] if record_files else None
                be_rank(rank, port, work_dir, options, file, kill_after)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        children.append(child)
    codes = []
    for child in children:
        codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        if codes[-1] == -signal.SIGKILL:  # the machine is gone: nobody is left
            for other in children[len(codes) :]:
                os.kill(other, signal.SIGKILL)
    return codes


def sweep(options, every, folder):
    """Kill after each iteration, resume; (kills, exact ones, iterations compared, first difference)."""
    ranks = options["ranks"]
    files = [folder / f"whole_{rank}" for rank in range(ranks)]
    assert train(folder / "whole", options, record_files=files) == [0] * ranks
    whole = [torch.load(file, weights_only=False) for file in files]
    kills = exact = compared = 0
    first = ""
    for stop in range(1, ITERATIONS, every):
        work_dir = folder / f"killed_{stop}"
        assert train(work_dir, options, kill_after=stop) == [-signal.SIGKILL] * ranks
        files = [folder / f"resumed_{rank}" for rank in range(ranks)]
        codes = train(work_dir, options, record_files=files)
        kills += 1
        found = [f"exit codes {codes}"] if codes != [0] * ranks else []
        if not found:
            for rank, file in enumerate(files):
                resumed = torch.load(file, weights_only=False)
                compared += len(resumed.iterations)
                began = [] if resumed.began_after == stop else [f"resumed after {resumed.began_after}"]
                found += [f"rank {rank}: {place}" for place in began + differences(whole[rank], resumed)]
        exact += not found
        first = first or (f"killed after {stop}: {found[0]}" if found else "")
        shutil.rmtree(work_dir)
    return kills, exact, compared, first


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--every", type=int, default=1, help="kill after every n-th iteration only")
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 2])
    given = parser.parse_args()
    torch.set_num_threads(1)
    print("| ranks | loop | workers | accumulation | kills | exact | iterations compared | seconds |")
    print("|---|---|---|---|---|---|---|---|")
    total = total_exact = 0
    for ranks, loop, workers, accumulation in itertools.product(
        given.ranks, ("epoch", "iter"), given.workers, (1, 3)
    ):
        options = {"ranks": ranks, "loop": loop, "workers": workers, "accumulation": accumulation}
        start = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            kills, exact, compared, first = sweep(options, given.every, Path(folder))
        seconds = time.monotonic() - start
        print(
            f"| {ranks} | {loop} | {workers} | {accumulation} | {kills} | {exact} | {compared} | {seconds:.0f} |",
            flush=True,
        )
        if first:
            print(f"    first difference: {first}", flush=True)
        total, total_exact = total + kills, total_exact + exact
    print(f"\n{total_exact} of {total} kills were followed by an exact resume.")
    raise SystemExit(total_exact != total)


if __name__ == "__main__":
    main()
