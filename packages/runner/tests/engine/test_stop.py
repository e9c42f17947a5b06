"""Runs that are told to stop: real processes, real signals."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from toy_training import toy_runner

from eng_checkpoint import entries, find_newest_valid
from eng_runner import Hook, Interrupted
from eng_runner.engine.stop import requeue

PROGRAM = """
import sys, time
sys.path.insert(0, {tests!r})
from toy_training import toy_runner
from eng_runner import Hook

class Slow(Hook):
    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        print("iteration", runner.clock.iter, flush=True)
        time.sleep({seconds} if runner.clock.iter > 2 else 0)

toy_runner(
    sys.argv[1], val=False, custom_hooks=[Slow()], default_hooks={{"checkpoint": {{"interval": -1}}, "progress": None}},
    train_cfg={{"by_epoch": True, "max_epochs": 100}}, {more}
).train()
"""


@pytest.fixture
def start(tmp_path):
    """Start a training in a process of its own; returns it once it is in the third iteration."""
    processes = []

    def run(work_dir=tmp_path, *, seconds=0.02, more="", **environment):
        program = PROGRAM.format(tests=str(Path(__file__).parents[1]), seconds=seconds, more=more)
        process = subprocess.Popen(
            [sys.executable, "-u", "-c", program, str(work_dir)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        )
        processes.append(process)
        for line in process.stdout:
            if line == "iteration 3\n":
                return process
        raise AssertionError("it ended early")

    yield run
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, 143), pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow)],
)
def test_a_signal_saves_and_ends(tmp_path, start, number, code):
    """After the iteration under way; the exit code is the one that shells expect."""
    process = start()
    process.send_signal(number)
    said = process.communicate(timeout=60)[0]
    assert process.returncode == code, said
    assert f"stopped by {number.name} after iteration" in said
    (entry,) = entries(tmp_path)
    assert entry.iter >= 3
    assert f"iteration {entry.iter + 1}\n" not in said


@pytest.mark.slow
def test_sigusr1_saves_and_goes_on(tmp_path, start):
    """Twice; the run is then ended by another signal."""
    process = start()
    for count in (1, 2):
        process.send_signal(signal.SIGUSR1)
        deadline = time.monotonic() + 60
        while len(entries(tmp_path)) < count:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    process.send_signal(signal.SIGUSR1)
    process.send_signal(signal.SIGTERM)  # while the run is busy with the other
    process.communicate(timeout=60)
    assert process.returncode == 143
    assert len(entries(tmp_path)) >= 3


@pytest.mark.slow
def test_a_second_signal_leaves_at_once(tmp_path, start):
    """Without saving, whatever the iteration does meanwhile; no file is left half written."""
    process = start(seconds=20)
    process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    begin = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert time.monotonic() - begin < 10
    assert process.returncode == -signal.SIGTERM
    assert find_newest_valid(tmp_path).path is None
    assert not list(tmp_path.glob("*.pth*"))


@pytest.mark.slow
def test_slurm_is_asked_to_start_the_job_again(tmp_path, start):
    """A stand-in for scontrol notes what it is asked; only runs that want it do."""
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "scontrol").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n')
    (tools / "scontrol").chmod(0o755)
    slurm = {"PATH": f"{tools}:{os.environ['PATH']}", "SLURM_JOB_ID": "4711"}
    for name, more in (("a", ""), ("b", "env_cfg={'slurm_requeue': True},")):
        process = start(tmp_path / name, more=more, **slurm)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        assert process.returncode == 143
    assert (tmp_path / "asked").read_text() == "requeue 4711\n"


def test_requeue_says_why_it_cannot(tmp_path, monkeypatch, caplog):
    """No job; no scontrol; scontrol that says no."""
    assert not requeue({})
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not requeue({"SLURM_JOB_ID": "1"})
    (tmp_path / "scontrol").write_text("#!/bin/sh\necho 'Access denied' >&2\nexit 1\n")
    (tmp_path / "scontrol").chmod(0o755)
    assert not requeue({"SLURM_JOB_ID": "1"})
    said = caplog.text
    assert "SLURM_JOB_ID is not set" in said
    assert "No such file" in said
    assert "Access denied" in said


class StopAfter(Hook):
    def __init__(self, iteration, reason="SIGTERM"):
        self.iteration, self.reason = iteration, reason

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.clock.iter == self.iteration:
            runner.stop.request(self.reason)


def test_handlers_are_those_from_before_afterwards(tmp_path):
    """Also after an exception; in force only while training."""
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)]
    with pytest.raises(Interrupted) as info:
        toy_runner(tmp_path, val=False, custom_hooks=[StopAfter(3)]).train()
    assert info.value.code == 143
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)] == before


def test_a_notebook_keeps_its_kernel(tmp_path, monkeypatch):
    """The model as it is comes back, and the run can be resumed."""
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    runner = toy_runner(tmp_path, val=False, custom_hooks=[StopAfter(3, "SIGINT")])
    assert runner.train() is runner.model
    assert runner.clock.iter == 3
    resumed = toy_runner(tmp_path, val=False, resume=True)
    resumed.train()
    assert resumed.clock.iter == 24


def test_lost_weights_are_not_saved_by_a_stop(tmp_path):
    """What is resumed from is the last finite checkpoint."""

    class Poison(Hook):
        def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
            if runner.clock.iter == 10:
                runner.bare_model.linear.weight.data.fill_(torch.nan)

    with pytest.raises(Interrupted):
        toy_runner(tmp_path, val=False, custom_hooks=[Poison(), StopAfter(11)]).train()
    assert [entry.name for entry in entries(tmp_path)] == ["epoch_1.pth"]


def test_a_time_limit_ends_like_a_stop(tmp_path):
    """Without an error; the hooks are told, the run can go on."""
    told = []

    class Slow(Hook):
        def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
            time.sleep(0.05)

        def on_interrupt(self, runner, reason):
            told.append(reason)

    train_cfg = {"by_epoch": True, "max_epochs": 50, "max_time": "0.4 s"}
    runner = toy_runner(tmp_path, val=False, custom_hooks=[Slow()], train_cfg=train_cfg)
    runner.train()
    assert told == ["max_time"]
    assert 0 < runner.clock.iter < 100
    assert entries(tmp_path)[-1].iter == runner.clock.iter


def test_a_fresh_run_sets_earlier_checkpoints_aside(tmp_path):
    """Nothing is overwritten, also what no manifest knows."""
    toy_runner(tmp_path, val=False).train()
    stranger = tmp_path / "epoch_7.pth"
    stranger.write_bytes(b"of another engine")
    toy_runner(tmp_path, val=False, train_cfg={"by_epoch": True, "max_epochs": 1}).train()
    assert sorted(path.name for path in tmp_path.glob("*.pth")) == ["epoch_1.pth"]
    (aside,) = tmp_path.glob("earlier_*")
    kept = ["epoch_1.pth", "epoch_2.pth", "epoch_3.pth", "epoch_7.pth", "last_checkpoint", "manifest.json"]
    assert sorted(path.name for path in aside.iterdir()) == kept
    assert [entry.name for entry in entries(aside)] == kept[:3]


def test_two_ranks_stop_after_the_same_iteration(tmp_path, ranks):
    """Only one of them gets the signal."""

    def body():
        class Signal(Hook):
            def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
                time.sleep(0.02)
                if runner.clock.iter == 3 and runner.rank == 1:
                    os.kill(os.getpid(), signal.SIGTERM)

        train_cfg = {"by_epoch": True, "max_epochs": 30}
        runner = toy_runner(tmp_path, val=False, train_cfg=train_cfg, custom_hooks=[Signal()])
        try:
            runner.train()
        except Interrupted as interruption:
            return runner.clock.iter, interruption.code
        return "it went on"

    first, second = ranks(2, body)
    assert first == second
    assert first[1] == 143
    assert 3 <= first[0] < 100
