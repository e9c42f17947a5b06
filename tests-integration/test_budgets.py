"""What an iteration may cost, in counts that do not depend on the machine."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from road import ROOT
from torch.utils.data import DataLoader, TensorDataset

from eng_model import BaseModel
from eng_runner import Hook, Runner

SYNCS = ("item", "cpu", "tolist", "numpy", "__bool__", "__float__", "__int__")


class Net(BaseModel):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(2, 2)

    def forward(self, x, y, mode):
        return {"loss": torch.nn.functional.cross_entropy(self.linear(x), y)}


def runner(folder, iterations, **options):
    data = TensorDataset(torch.randn(400, 2), torch.randint(2, (400,)))
    return Runner(
        model=Net(),
        work_dir=str(folder),
        train_dataloader=DataLoader(data, batch_size=8),
        train_cfg={"by_epoch": False, "max_iters": iterations},
        optim_wrapper={"optimizer": {"type": "SGD", "lr": 0.1}, "clip_grad": {"max_norm": 1.0}},
        param_scheduler={"type": "LinearLR", "by_epoch": False},
        log_processor={"by_epoch": False},
        **options,
    )


class WatchedIterations(Hook):
    """Which iteration is under way, from its first hook to the first hook of the next one."""

    priority = "HIGHEST"
    iteration = None

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.iteration = runner.iter


def test_no_value_is_read_between_two_log_lines(tmp_path, monkeypatch):
    """Nothing waits for the device: no `item`, `cpu`, `tolist`, `bool(tensor)` in an iteration without a line."""
    watch = WatchedIterations()
    read = {}

    def noted(name, original):
        def method(tensor, *args, **kwargs):
            read.setdefault(watch.iteration, []).append(name)
            return original(tensor, *args, **kwargs)

        return method

    run = runner(tmp_path, 40, custom_hooks=[watch], default_hooks={"logger": {"interval": 10}})
    for name in SYNCS:
        monkeypatch.setattr(torch.Tensor, name, noted(name, getattr(torch.Tensor, name)))
    run.train()
    lines = {9, 19, 29, 39}
    assert {iteration: names for iteration, names in read.items() if iteration not in {None, *lines}} == {}
    assert lines <= read.keys(), "the watch does not see what a log line reads"


def test_calls_of_an_iteration(monkeypatch):
    """At most 1.2 times the calls of the raw loop without hooks, 1.5 times with the default ones."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import step_calls

    raw = step_calls.per_iteration(step_calls.raw)
    assert step_calls.per_iteration(step_calls.engine, hooks=False) <= 1.2 * raw
    assert step_calls.per_iteration(step_calls.engine, hooks=True) <= 1.5 * raw


@pytest.mark.slow
def test_a_checkpoint_does_not_grow_with_the_run(tmp_path):
    """The one of step 5000 is as large as that of step 1500, to a few digits of the counters."""
    run = runner(
        tmp_path, 5000, default_hooks={"checkpoint": {"interval": 500, "by_epoch": False}, "logger": {"interval": 500}}
    )  # fmt: skip
    run.train()
    sizes = {step: Path(tmp_path, f"iter_{step}.pth").stat().st_size for step in (1500, 5000)}
    assert abs(sizes[5000] - sizes[1500]) <= 1024, sizes


def test_importing_the_runner_does_not_import_what_is_not_used():
    """Trackers, plotting and learning libraries stay unloaded until somebody asks for them."""
    program = "import eng_runner, sys; from eng_runner import Runner; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    unasked = {"matplotlib", "tensorboard", "sklearn", "scipy", "pandas", "wandb", "mlflow", "cv2", "PIL"}
    assert loaded & unasked == set()
