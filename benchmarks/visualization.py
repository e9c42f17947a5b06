"""What it costs to be seen: `python benchmarks/visualization.py`.

Local files and TensorBoard are on. The backends work on threads of their own; what is counted and measured is what the
training thread does and waits for, beside one step of the raw loop:

- the calls (Python and C, `sys.setprofile`) of a logging and of a quiet iteration of the engine, and how many of them
  go into a backend;
- the time of recording eight scalars, queued and, for comparison, written by the loop itself;
- size and time of the report of a long run.
"""

import contextlib
import io
import json
import logging
import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from eng_model import BaseModel
from eng_runner import Hook, Runner
from eng_visualization import LocalVisBackend, TensorboardVisBackend, Visualizer, write_report

INTERVAL, ITERATIONS = 10, 60
BACKENDS = (LocalVisBackend, TensorboardVisBackend)
RECORDING = (
    "add_scalar",
    "add_scalars",
    "add_image",
    "add_config",
    "add_graph",
    "add_facts",
    "resume_from",
    "close",
)


class Net(BaseModel):
    """Two linear layers, as the raw loop has them."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 4))

    def forward(self, x, y, mode):
        return {"loss": F.cross_entropy(self.layers(x), y)}


def loader():
    torch.manual_seed(0)
    data = TensorDataset(torch.randn(16 * ITERATIONS, 16), torch.randint(4, (16 * ITERATIONS,)))
    return DataLoader(data, batch_size=16, shuffle=True)


class Counts:
    """The calls of this thread, as a profile function."""

    def __init__(self):
        self.calls = 0

    def __call__(self, frame, event, arg):
        self.calls += event in ("call", "c_call")


def raw_calls():
    """The calls of one step of the raw loop, which prints nothing: the median."""
    model = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 4))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=ITERATIONS)
    counts, steps = Counts(), []
    sys.setprofile(counts)
    try:
        last = counts.calls
        for x, y in loader():
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
            steps.append(counts.calls - last)
            last = counts.calls
    finally:
        sys.setprofile(None)
    return statistics.median(steps[2:-2])


class Watch(Hook):
    """Counts the calls between the beginnings of two iterations, and notes what reaches a backend meanwhile."""

    priority = "HIGHEST"

    def __init__(self):
        self.counts, self.iteration, self.last = Counts(), None, 0
        self.steps, self.reached = {}, {}

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if self.iteration is not None:
            self.steps[self.iteration] = self.counts.calls - self.last
            # what the logging iteration has queued is not to be taken for something that this one asked for
            sys.setprofile(None)
            runner.visualizer.flush()
            sys.setprofile(self.counts)
        self.iteration, self.last = runner.iter, self.counts.calls


@contextlib.contextmanager
def watched(watch):
    """Note each call of a method of a backend under the iteration in which it happens, on any thread."""
    originals = [
        (kind, name, kind.__dict__[name]) for kind in BACKENDS for name in RECORDING if name in kind.__dict__
    ]

    def noting(name, original):
        def method(self, *args, **kwargs):
            watch.reached.setdefault(watch.iteration, []).append((type(self).__name__, name))
            return original(self, *args, **kwargs)

        return method

    for kind, name, original in originals:
        setattr(kind, name, noting(name, original))
    try:
        yield
    finally:
        for kind, name, original in originals:
            setattr(kind, name, original)


def engine_calls():
    """(calls of a quiet iteration, of a logging one, {iteration: what reached a backend}); the medians."""
    watch = Watch()
    output = io.StringIO()
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(output),
    ):
        runner = Runner(
            model=Net(),
            work_dir=folder,
            train_dataloader=loader(),
            train_cfg={"by_epoch": False, "max_iters": ITERATIONS},
            optim_wrapper={"optimizer": {"type": "SGD", "lr": 0.01, "momentum": 0.9}},
            param_scheduler={"type": "CosineAnnealingLR", "by_epoch": False, "T_max": ITERATIONS},
            default_hooks={"logger": {"interval": INTERVAL}},
            custom_hooks=[watch],
            log_processor={"by_epoch": False},
            visualizer={"type": "Visualizer", "vis_backends": [{"type": kind.__name__} for kind in BACKENDS]},
        )
        runner.visualizer.flush()
        with watched(watch):
            sys.setprofile(watch.counts)
            try:
                runner.train()
            finally:
                sys.setprofile(None)
    logging_ones = {iteration for iteration in watch.steps if (iteration + 1) % INTERVAL == 0}
    usual = range(2, ITERATIONS - 2)
    quiet = [watch.steps[i] for i in usual if i not in logging_ones]
    loud = [watch.steps[i] for i in usual if i in logging_ones]
    reached = {i: calls for i, calls in watch.reached.items() if i in usual}
    return statistics.median(quiet), statistics.median(loud), reached


def milliseconds(act, times):
    """The best of `times` calls."""
    found = []
    for _ in range(times):
        begin = time.perf_counter()
        act()
        found.append((time.perf_counter() - begin) * 1e3)
    return min(found), statistics.median(found)


def print_calls():
    raw = raw_calls()
    quiet, loud, reached = engine_calls()
    quiet_ones = [i for i in reached if (i + 1) % INTERVAL]
    print(f"calls of one raw step                        {raw:8.0f}")
    print(f"calls of a quiet iteration                   {quiet:8.0f}   {quiet / raw:5.2f} x")
    print(f"calls of a logging iteration                 {loud:8.0f}   {loud / raw:5.2f} x")
    print(f"calls into a backend, quiet iterations       {sum(len(reached[i]) for i in quiet_ones):8d}")
    print(
        f"calls into a backend, one logging iteration  {statistics.median(map(len, reached.values())):8.0f}"
    )


def print_times():
    model = nn.Sequential(nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    inputs, targets = torch.randn(64, 256), torch.randint(0, 10, (64,))

    def step():
        loss = F.cross_entropy(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    backends = [{"type": kind.__name__} for kind in BACKENDS]
    visualizer = Visualizer(vis_backends=backends, save_dir=tempfile.mkdtemp())
    scalars = {f"train/loss_{i}": 0.1 * i for i in range(8)}
    visualizer.add_scalars(scalars, 0)
    visualizer.flush()

    def write_directly():
        for kind in BACKENDS:
            visualizer.get_backend(kind.__name__).add_scalars(scalars, 1)

    rounds = []
    for _ in range(5):  # interleaved, since the machine has other work
        raw = milliseconds(step, 100)
        queued = milliseconds(lambda: visualizer.add_scalars(scalars, 1), 100)
        visualizer.flush()
        direct = milliseconds(write_directly, 100)
        rounds.append((raw, queued, direct))
    visualizer.close()
    raw, queued, direct = (tuple(map(min, zip(*of, strict=True))) for of in zip(*rounds, strict=True))
    print(f"one step of a 256-256-10 network, batch 64   {raw[0]:8.3f} ms best, {raw[1]:.3f} median")
    for name, of in (("recording 8 scalars", queued), ("the same, written by the loop itself", direct)):
        print(f"{name:<45}{of[0]:8.3f} ms best, {of[1]:.3f} median   {of[1] / raw[1]:5.2f} x the step")


def print_report():
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "20260101_120000" / "vis_data"
        data.mkdir(parents=True)
        with open(data / "scalars.json", "w") as file:
            for iteration in range(10, 1_000_001, 10):
                values = {f"loss_{i}": (iteration * 7919 * (i + 1) % 1000) / 997 for i in range(8)}
                file.write(json.dumps({**values, "epoch": 1, "iter": iteration, "step": iteration}) + "\n")
        begin = time.perf_counter()
        path = write_report(folder)
        seconds = time.perf_counter() - begin
        source_mb = (data / "scalars.json").stat().st_size / 1e6
        print(
            f"report of 100,000 records of 8 scalars       {seconds:8.1f} s, {path.stat().st_size / 1e3:.0f} kB"
        )
        print(f"  from a file of                             {source_mb:8.1f} MB")


def main():
    logging.getLogger("eng_visualization").setLevel(logging.ERROR)  # a queue may overflow at this pace
    torch.set_num_threads(1)
    print_calls()
    print_times()
    print_report()


if __name__ == "__main__":
    main()
