"""Saving in the background: nothing is lost, nothing is silent, and a resumed run is the same one."""

import fcntl
import multiprocessing
import os
import signal
import threading

import pytest
import torch
from toy_training import toy_runner

from eng_checkpoint import entries, find_newest_valid, load_file
from eng_runner import EMAHook, Hook, Interrupted
from eng_runner.testing import Record, Recorder, differences

BY_ITER = {"by_epoch": False, "max_iters": 24, "val_interval": 4}
SAVING = {"interval": 1, "by_epoch": False, "max_keep_ckpts": 2, "save_best": "line/error", "rule": "less"}


def runner_of(work_dir, *, async_save=True, hooks=(), saving=SAVING, **options):
    torch.manual_seed(0)
    return toy_runner(
        work_dir,
        train_cfg=BY_ITER,
        default_hooks={"checkpoint": {"type": "CheckpointHook", "async_save": async_save, **saving}},
        custom_hooks=[{"type": "EMAHook"}, *hooks],
        **options,
    )


def listed(folder):
    return {kind: [e.name for e in entries(folder) if e.kind == kind] for kind in ("regular", "best")}


class Told(Hook):
    """Which checkpoints were told to be safe, and whether they were."""

    def __init__(self):
        self.paths = []

    def after_save_checkpoint(self, runner, path):
        load_file(path)
        self.paths.append(os.path.basename(path))


def test_the_same_files_are_left(tmp_path):
    """Retention, the best and the contents are those of a run that waits for the disk."""
    for name in ("waits", "goes_on"):
        runner_of(tmp_path / name, async_save=name == "goes_on").train()
    assert listed(tmp_path / "goes_on") == listed(tmp_path / "waits")
    assert len(listed(tmp_path / "waits")["regular"]) == 2
    left, right = (load_file(tmp_path / name / "iter_24.pth") for name in ("waits", "goes_on"))
    assert all(
        torch.equal(left["state_dict"][name], right["state_dict"][name]) for name in left["state_dict"]
    )
    assert left["optimizer"]["param_groups"] == right["optimizer"]["param_groups"]
    assert not [thread for thread in threading.enumerate() if thread.name == "checkpoint-writer"]


def test_each_checkpoint_is_told_when_it_is_safe(tmp_path):
    """Other hooks hear of it once, and can read it then."""
    told = Told()
    runner_of(tmp_path, hooks=[told], saving=SAVING | {"interval": 6, "save_best": None}).train()
    assert told.paths == ["iter_6.pth", "iter_12.pth", "iter_18.pth", "iter_24.pth"]


class Spoils(Hook):
    """A directory in the place where the checkpoint of an iteration is to be."""

    def __init__(self, iteration):
        self.iteration = iteration

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.clock.iter == 1:
            os.makedirs(os.path.join(runner.work_dir, f"iter_{self.iteration}.pth", "occupied"))


@pytest.mark.parametrize(("interval", "ended_in"), [(6, range(6, 13)), (24, [24])])
def test_an_error_of_the_writer_ends_the_run(tmp_path, interval, ended_in):
    """At an iteration soon after or, after the last one, before the run ends; nothing is listed that is not whole."""
    runner = runner_of(
        tmp_path, hooks=[Spoils(interval)], saving=SAVING | {"interval": interval, "save_best": None}
    )
    with pytest.raises(OSError, match=f"iter_{interval}"):
        runner.train()
    assert listed(tmp_path)["regular"] == []
    assert runner.clock.iter in ended_in


class Sticks(Hook):
    """From the first iteration on, nobody gets further than to the list of the folder, as on a storage that hangs."""

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.clock.iter == 1:
            self.descriptor = os.open(runner.work_dir, os.O_RDONLY)
            fcntl.flock(self.descriptor, fcntl.LOCK_EX)


def test_a_storage_that_hangs_does_not_hang_the_run(tmp_path):
    """It goes on until the next save, and ends with the path; what was under way is safe once it answers."""
    sticks = Sticks()
    saving = SAVING | {"interval": 6, "save_best": None, "async_timeout_seconds": 0.2}
    runner = runner_of(tmp_path, hooks=[sticks], saving=saving)
    with pytest.raises(TimeoutError, match=r"iter_6\.pth is still being written after 0\.2 s"):
        runner.train()
    os.close(sticks.descriptor)
    assert runner.clock.iter == 12
    (writer,) = (thread for thread in threading.enumerate() if thread.name == "checkpoint-writer")
    writer.join(10)
    assert find_newest_valid(tmp_path).path.name == "iter_6.pth"


class FailsAt(Hook):
    priority = "LOWEST"

    def __init__(self, iteration):
        self.iteration = iteration

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.clock.iter == self.iteration:
            raise ZeroDivisionError("of the user")


def test_an_exception_waits_for_the_save_under_way(tmp_path):
    """The newest checkpoint is the one of the iteration that failed."""
    with pytest.raises(ZeroDivisionError):
        runner_of(tmp_path, hooks=[FailsAt(7)]).train()
    assert find_newest_valid(tmp_path).path.name == "iter_7.pth"
    assert not [thread for thread in threading.enumerate() if thread.name == "checkpoint-writer"]


class StopsAt(FailsAt):
    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.clock.iter == self.iteration:
            runner.stop.request("SIGTERM")


def test_a_stop_saves_after_the_save_under_way(tmp_path):
    """Both are whole, and the run resumes exactly."""
    whole, resumed = Record(), Record()
    runner_of(tmp_path / "whole", hooks=[Recorder(whole)]).train()
    with pytest.raises(Interrupted):
        runner_of(tmp_path / "part", hooks=[StopsAt(5)]).train()
    runner_of(tmp_path / "part", hooks=[Recorder(resumed)], resume=True).train()
    assert resumed.began_after >= 5
    assert differences(whole, resumed) == []
    assert listed(tmp_path / "part") == listed(tmp_path / "whole")


class KillsItself(Hook):
    """SIGKILL while a checkpoint is being written."""

    priority = "LOWEST"

    def __init__(self, iteration):
        self.iteration = iteration

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.clock.iter < self.iteration:
            return
        if [thread for thread in threading.enumerate() if thread.name == "checkpoint-writer"]:
            os.kill(os.getpid(), signal.SIGKILL)


def test_killed_while_a_save_is_in_flight(tmp_path):
    """Five times at any moment of the writing; each time the newest whole one is gone on from, exactly."""
    whole, resumed = Record(), Record()
    runner_of(tmp_path / "whole", hooks=[Recorder(whole)]).train()
    context = multiprocessing.get_context("fork")

    def train(iteration):
        torch.set_num_threads(1)
        runner_of(tmp_path / "part", hooks=[KillsItself(iteration)], resume=iteration > 2).train()

    kills = 0
    for iteration in (2, 6, 11, 16, 21):
        process = context.Process(target=train, args=(iteration,))
        process.start()
        process.join(60)
        kills += process.exitcode == -signal.SIGKILL
    runner_of(tmp_path / "part", hooks=[Recorder(resumed)], resume=True).train()
    assert kills == 5
    assert resumed.began_after >= 19
    assert differences(whole, resumed) == []
    assert listed(tmp_path / "part") == listed(tmp_path / "whole")


def test_two_processes(tmp_path, ranks):
    """The first one writes; both are told, and both end alike."""

    def body():
        told = Told()
        runner = runner_of(tmp_path, hooks=[told], saving=SAVING | {"interval": 6}, launcher="pytorch")
        runner.train()
        return [path for path in told.paths if path.startswith("iter")]

    assert ranks(2, body) == [["iter_6.pth", "iter_12.pth", "iter_18.pth", "iter_24.pth"]] * 2


def test_sharded_checkpoints_are_refused(tmp_path, ranks):
    """With what to do instead."""

    def body():
        runner = runner_of(tmp_path, strategy={"type": "FSDPStrategy"}, launcher="pytorch")
        with pytest.raises(ValueError, match="state_dict_cfg='full'"):
            runner.train()
        return "refused"

    assert ranks(1, body) == ["refused"]


@pytest.mark.parametrize("async_save", [False, True])
def test_a_validation_alone_saves_nothing(tmp_path, async_save):
    """Neither before a training nor after one; the best stays that of the training."""
    saving = SAVING | {"interval": -1, "save_last": False}
    runner = runner_of(tmp_path, async_save=async_save, saving=saving)
    runner.val()
    assert listed(tmp_path) == {"regular": [], "best": []}
    assert not list(tmp_path.glob("*.pth"))
    runner.train()
    best = listed(tmp_path)["best"]
    with torch.no_grad():
        (average,) = [hook.ema_model.module for hook in runner.hooks if isinstance(hook, EMAHook)]
        for model in (runner.bare_model, average):
            for parameter, value in zip(model.parameters(), (3.0, 1.0), strict=True):
                parameter.fill_(value)
    assert runner.val()["line/error"] < 0.01
    assert listed(tmp_path)["best"] == best
    assert len(best) == 1
