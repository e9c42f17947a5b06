"""What goes wrong in the middle of a run: who it was is said, what was saved is whole, nobody is left behind."""

import gc
import json
import multiprocessing
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import traceback
from pathlib import Path

import pytest
import torch
from toy_training import Error, Line, loader, toy_runner

from eng_checkpoint import find_newest_valid
from eng_runner import Hook
from eng_runner.state.work_dir_lock import locked
from eng_visualization import BaseVisBackend

POINTS = [point for point in Hook.stages if point not in ("on_exception", "on_interrupt")]
EVALUATION = {name for name in Hook.stages if "_test" in name}


class Ours(Exception):
    """What nobody but this file raises."""


def fail(*_, **__):
    raise Ours("of the user")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with the checkpoint of the first epoch."""
    folder = tmp_path_factory.mktemp("trained")
    toy_runner(folder, train_cfg={"by_epoch": True, "max_epochs": 1}).train()
    return folder


@pytest.fixture
def folder(trained, tmp_path):
    return Path(shutil.copytree(trained, tmp_path / "run"))


def resumed(folder, **options):
    return toy_runner(
        folder,
        **{
            "train_cfg": {"by_epoch": True, "max_epochs": 2},
            "resume": True,
            "test_dataloader": loader(4, shuffle=False),
            "test_cfg": {},
            "test_evaluator": [Error()],
            **options,
        },
    )


def assert_well_ended(folder, raised, *, deepest="fail"):
    """The traceback ends where it happened, the newest checkpoint is valid, the folder is free, no thread is left."""
    assert traceback.extract_tb(raised.tb)[-1].name == deepest
    assert raised.value.__context__ is None or isinstance(raised.value.__context__, StopIteration)
    newest = find_newest_valid(folder)
    assert newest.path.name in ("epoch_1.pth", "epoch_2.pth")
    assert newest.skipped == ()
    with locked(str(folder), name="the next run"):
        pass
    gc.collect()
    assert multiprocessing.active_children() == []
    assert [each.name for each in threading.enumerate() if each.name.startswith(("checkpoint", "stop"))] == []


@pytest.mark.parametrize("point", POINTS)
def test_a_hook_that_fails_is_named(folder, point):
    """At each point there is: its class and the point stand in a note below the original traceback."""
    failing = type("Failing", (Hook,), {point: lambda self, runner, **_: fail()})
    failing_point = getattr(failing, point)
    failing_point.__code__ = failing_point.__code__.replace(co_name=point)
    runner = resumed(folder, custom_hooks=[failing()])
    with pytest.raises(Ours) as raised:
        runner.test() if point in EVALUATION else runner.train()
    assert_well_ended(folder, raised)
    assert f"This happened in Failing.{point}, a hook." in raised.value.__notes__


class FailsWhenStopped(Hook):
    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        runner.stop.request("SIGTERM")

    def on_interrupt(self, runner, reason):
        fail()


def test_a_hook_that_fails_while_the_run_stops(folder):
    """The checkpoint of the stop is there all the same."""
    with pytest.raises(Ours) as raised:
        resumed(folder, custom_hooks=[FailsWhenStopped()]).train()
    assert "This happened in FailsWhenStopped.on_interrupt, a hook." in raised.value.__notes__
    assert find_newest_valid(folder).path.name.startswith("iter_")


class AlsoFails(Hook):
    def on_exception(self, runner, exception):
        fail()


class Heard(Hook):
    priority = "LOWEST"
    exception = None

    def on_exception(self, runner, exception):
        self.exception = exception


class Broken(Line):
    def forward(self, x, y, mode):
        return fail() if mode == "loss" else super().forward(x, y, mode)


class BrokenProcess(Error):
    def process(self, data_batch, data_samples):
        fail()


class BrokenCompute(Error):
    def compute_metrics(self, results):
        fail()


def test_a_hook_that_fails_when_it_hears_of_a_failure(folder):
    """The first exception is raised, the others hear of it, and the second one is a note."""
    heard = Heard()
    with pytest.raises(Ours) as raised:
        resumed(folder, model=Broken(), custom_hooks=[AlsoFails(), heard]).train()
    assert_well_ended(folder, raised)
    assert heard.exception is raised.value
    assert "AlsoFails.on_exception failed after that: Ours: of the user" in raised.value.__notes__


@pytest.mark.parametrize(
    "options",
    [{"model": Broken}, {"val_evaluator": BrokenProcess}, {"val_evaluator": BrokenCompute}],
    ids=["model", "metric", "metric at the end"],
)
def test_a_part_that_fails(folder, options):
    """The model and the metric: what they raised is what comes out."""
    ((name, part),) = options.items()
    with pytest.raises(Ours) as raised:
        resumed(folder, **{name: part() if name == "model" else [part()]}).train()
    assert_well_ended(folder, raised)


class BrokenPoints(torch.utils.data.Dataset):
    def __len__(self):
        return 32

    def __getitem__(self, index):
        fail()


@pytest.mark.parametrize("workers", [0, 2])
def test_a_data_set_that_fails(folder, workers):
    """In this process and in a worker: its error and place are in the traceback, no worker is left."""
    broken = loader(num_workers=workers) | {"dataset": BrokenPoints()}
    with pytest.raises(Exception, match=r"(?s)of the user") as raised:
        resumed(folder, train_dataloader=broken).train()
    text = "".join(traceback.format_exception(raised.value))
    assert "in fail" in text
    assert "Ours: of the user" in text
    assert find_newest_valid(folder).path.name == "epoch_1.pth"
    del raised
    gc.collect()
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("end", [FailsWhenStopped, AlsoFails])
def test_workers_end_with_the_run(folder, end):
    """Before the garbage collector comes by, also while the exception and its traceback are kept."""
    options = {"train_dataloader": loader(num_workers=2, persistent_workers=True), "custom_hooks": [end()]}
    if end is AlsoFails:
        options["val_evaluator"] = [BrokenProcess()]
    with pytest.raises(Ours) as raised:
        resumed(folder, **options).train()
    assert multiprocessing.active_children() == []
    assert raised.tb is not None


FAILING = """
_base_ = "./line_config.py"
custom_hooks = [dict(type="Failing")]
train_dataloader = dict(num_workers=2, persistent_workers=True)
"""


def test_the_command_ends_with_1_and_leaves_nobody(tmp_path):
    """The user's line and the hook are at the end of what is said; workers of the loader are gone."""
    for name in ("line_config.py", "line_parts.py"):
        shutil.copy(Path(__file__).parent / name, tmp_path)
    (tmp_path / "failing.py").write_text(FAILING)
    command = [sys.executable, "-m", "eng_runner", "train", "failing.py", "--work-dir", "run"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environment, start_new_session=True, text=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    said = process.communicate(timeout=100)[1]
    assert process.returncode == 1
    assert said.splitlines()[-2:] == [
        "ZeroDivisionError: integer division or modulo by zero",
        "This happened in Failing.after_train_iter, a hook.",
    ]
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


class BrokenBackend(BaseVisBackend):
    """Takes nothing at all."""

    def _init_env(self):
        fail()

    @property
    def experiment(self):
        return self

    add_config = add_graph = add_image = add_scalar = add_scalars = fail


def test_a_backend_that_fails_does_not_end_the_training(folder, capfd):
    """It is named once, and at the end there is a count."""
    runner = resumed(folder, visualizer={"vis_backends": [BrokenBackend(str(folder))]})
    runner.train()
    said = capfd.readouterr()
    assert runner.clock.epoch == 2
    told = [line for line in (said.out + said.err).splitlines() if "BrokenBackend" in line]
    assert len(told) == 2, "when it happens, and at the end how much is missing"
    assert "not written are 3 records of scalars" in told[-1]


class FillsTheDisk(Hook):
    """Whatever is open under these names gets 'no space left on device' from the third iteration on."""

    def __init__(self, *endings):
        self.endings = endings
        self.filled = []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.clock.iter != 3:
            return
        runner.visualizer.flush()
        for number in os.listdir("/proc/self/fd"):
            try:
                target = os.readlink(f"/proc/self/fd/{number}")
            except OSError:
                continue
            if target.startswith(runner.work_dir) and any(part in target for part in self.endings):
                full = os.open("/dev/full", os.O_WRONLY)
                os.dup2(full, int(number))
                os.close(full)
                self.filled.append(target)


def test_a_full_disk_under_the_log(tmp_path, capfd):
    """Said once; the training ends as if nothing had been."""
    filling = FillsTheDisk(".log")
    runner = toy_runner(
        tmp_path, custom_hooks=[filling], log_level="INFO", default_hooks={"logger": {"interval": 1}}
    )
    runner.train()
    runner.log_handle.close()
    assert filling.filled == [runner.log_file]
    assert runner.clock.epoch == 3
    assert capfd.readouterr().err.count("cannot be written, lines are lost") == 1
    assert find_newest_valid(tmp_path).path.name == "epoch_3.pth"


class SmallFiles(Hook):
    """No file may grow beyond so many bytes, as under a quota."""

    def __init__(self, size):
        self.size = size

    def before_train(self, runner):
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.size, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


@pytest.mark.parametrize("kind", ["LocalVisBackend", "TensorboardVisBackend"])
def test_a_full_disk_under_a_backend(tmp_path, kind):
    """The same in a process of its own: named, and at the end there is a count; the training ends."""
    if kind == "TensorboardVisBackend":
        pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    here, there = os.pipe()

    def train():
        os.dup2(there, 1)
        os.dup2(there, 2)
        sys.stdout, sys.stderr = (os.fdopen(number, "w", buffering=1) for number in (1, 2))
        threading.excepthook = threading.__excepthook__
        full = SmallFiles(1200)
        runner = toy_runner(
            tmp_path,
            custom_hooks=[full],
            visualizer={"vis_backends": [{"type": kind}]},
            default_hooks={"logger": {"interval": 1}, "checkpoint": None},
        )
        runner.train()
        runner.visualizer.close()
        os._exit(10 + runner.clock.epoch)

    process = multiprocessing.get_context("fork").Process(target=train)
    process.start()
    process.join(60)
    os.close(there)
    with os.fdopen(here) as pipe:
        said = pipe.read()
    assert process.exitcode == 13, said
    told = [line for line in said.splitlines() if "WARNING" in line]
    assert 1 <= len(told) <= 2, said
    assert kind in told[-1]
    assert "File too large" in told[-1]


class KilledAt(Hook):
    """SIGKILL in the middle of an epoch."""

    priority = "LOWEST"

    def __init__(self, iteration):
        self.iteration = iteration

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.clock.iter == self.iteration:
            os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.parametrize("kills", [(5, 7, 18), (9, 9, 23), (7, 13, 17), (5, 12, 13)])
def test_each_step_is_in_the_scalars_once_after_three_kills(tmp_path, kills):
    """Ascending, without a gap, over all starts together; the checkpoints are of every fourth iteration."""

    def train(iteration, *, resume):
        torch.manual_seed(0)
        torch.set_num_threads(1)
        toy_runner(
            tmp_path,
            resume=resume,
            train_cfg={"by_epoch": False, "max_iters": 24, "val_interval": 6},
            custom_hooks=[KilledAt(iteration)],
            visualizer={"vis_backends": [{"type": "LocalVisBackend"}]},
            default_hooks={
                "logger": {"interval": 1},
                "checkpoint": {"type": "CheckpointHook", "interval": 4, "by_epoch": False},
            },
        ).train()

    context = multiprocessing.get_context("fork")
    codes = []
    for number, iteration in enumerate((*kills, None)):
        process = context.Process(target=train, args=(iteration,), kwargs={"resume": number > 0})
        process.start()
        process.join(60)
        codes.append(process.exitcode)
    assert codes == [-signal.SIGKILL] * 3 + [0]
    files = sorted(tmp_path.glob("*/vis_data/scalars.json"))
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    assert [line["step"] for line in lines if "loss" in line] == list(range(1, 25))
    assert [line["step"] for line in lines if "loss" not in line] == [6, 12, 18, 24]
