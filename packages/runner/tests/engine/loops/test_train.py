"""Training loops: how long they run, when they validate, and that a position means the same after a resume."""

from contextlib import nullcontext

import pytest
import torch
from toy_training import Line, loader, toy_runner

from eng_runner import Hook


class Diary(Hook):
    """Notes (what, epoch, iteration) whenever a validation or an epoch begins."""

    def __init__(self):
        self.validations = []
        self.epochs = 0

    def before_train_epoch(self, runner):
        self.epochs += 1

    def before_val(self, runner):
        self.validations.append(runner.clock.iter)

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        assert runner.model.training


def validations(tmp_path, **train_cfg):
    diary = Diary()
    runner = toy_runner(tmp_path, train_cfg=train_cfg, custom_hooks=[diary])
    runner.train()
    return diary.validations, runner


@pytest.mark.parametrize(
    ("train_cfg", "expected"),
    [
        ({"by_epoch": True, "max_epochs": 3}, [8, 16, 24]),
        ({"by_epoch": True, "max_epochs": 3, "val_interval": 2}, [16, 24]),
        ({"by_epoch": True, "max_epochs": 3, "val_begin": 3}, [24]),
        ({"by_epoch": True, "max_epochs": 5, "val_interval": 3, "dynamic_intervals": [(4, 1)]}, [24, 32, 40]),
        ({"by_epoch": True, "max_epochs": 5, "val_interval": 3, "dynamic_intervals": [[4, 1]]}, [24, 32, 40]),
        ({"by_epoch": True, "max_epochs": 2, "val_interval": "3 iters"}, [3, 6, 9, 12, 15, 16]),
        ({"by_epoch": True, "max_epochs": 2, "val_interval": "20 samples"}, [5, 10, 15, 16]),
        ({"by_epoch": False, "max_iters": 10, "val_interval": 4}, [4, 8, 10]),
        ({"by_epoch": False, "max_iters": 10, "val_interval": 4, "val_begin": 5}, [8, 10]),
        ({"by_epoch": False, "max_iters": 30, "val_interval": "1 epoch"}, [9, 17, 25, 30]),
        ({"by_epoch": True, "max_epochs": 2, "limit_batches": 3}, [3, 6]),
        ({"by_epoch": True, "max_epochs": 2, "limit_batches": 0.5}, [4, 8]),
    ],
)
def test_when_validation_happens(tmp_path, train_cfg, expected):
    """After an interval in its own unit or in any other, and at the end, once."""
    assert validations(tmp_path, **train_cfg)[0] == expected


def test_the_clock_counts_every_sample_once(tmp_path):
    """A last batch that is smaller counts as what it is."""
    runner = toy_runner(tmp_path, train_dataloader=loader(30), val=False)
    runner.train()
    assert (runner.clock.epoch, runner.clock.iter, runner.clock.step, runner.clock.samples) == (3, 24, 24, 90)


def test_overfitting_sees_the_same_batches(tmp_path):
    """Every pass has the first batches of the first one."""
    seen = []

    class Watch(Hook):
        def before_train_iter(self, runner, batch_idx, data_batch=None):
            seen.append(data_batch[0].flatten().tolist())

    toy_runner(
        tmp_path, train_cfg={"by_epoch": True, "max_epochs": 3, "overfit_batches": 2}, custom_hooks=[Watch()]
    ).train()
    assert len(seen) == 6
    assert seen[:2] == seen[2:4] == seen[4:]
    assert seen[0] != seen[1]


def test_a_loader_without_a_length_trains_by_iterations(tmp_path):
    """A stream that nobody can measure; by epochs it needs a limit."""

    def stream():
        while True:
            yield torch.zeros(2, 1), torch.ones(2, 1)

    class Stream:
        def __iter__(self):
            return stream()

    runner = toy_runner(
        tmp_path, train_dataloader=Stream(), train_cfg={"by_epoch": False, "max_iters": 5}, val=False
    )
    runner.train()
    assert runner.clock.iter == 5
    with pytest.raises(TypeError, match="needs a loader with a length"):
        toy_runner(
            tmp_path / "b",
            train_dataloader=Stream(),
            train_cfg={"by_epoch": True, "max_epochs": 1},
            val=False,
        ).train()
    limited = {"by_epoch": True, "max_epochs": 2, "limit_batches": 4}
    runner = toy_runner(tmp_path / "c", train_dataloader=Stream(), train_cfg=limited, val=False)
    runner.train()
    assert runner.clock.iter == 8


@pytest.mark.parametrize(
    ("train_cfg", "message"),
    [
        ({"max_epochs": 1.5}, "whole number"),
        ({"max_epochs": 1, "val_interval": "5 min"}, "after a count"),
        ({"max_epochs": 1, "max_time": "5 epochs"}, "is a duration"),
        ({"max_epochs": 1, "limit_batches": 1.5}, "limit_batches"),
        ({"max_epochs": 1, "limit_batches": 0}, "limit_batches"),
        ({"max_epochs": 1, "val_interval": "5 iters", "dynamic_intervals": [(2, 1)]}, "dynamic_intervals"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path, train_cfg, message):
    """The error names the argument."""
    with pytest.raises(ValueError, match=message):
        toy_runner(tmp_path, train_cfg={"by_epoch": True, **train_cfg}).prepare()


class Crash(Hook):
    """Ends the run by an exception after an iteration."""

    priority = "LOWEST"

    def __init__(self, at):
        self.at = at

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.clock.iter == self.at:
            raise RuntimeError("crash")


def weights(runner):
    return torch.cat([parameter.flatten() for parameter in runner.model.parameters()])


@pytest.mark.parametrize(
    "train_cfg",
    [
        {"by_epoch": True, "max_epochs": 3},
        {"by_epoch": True, "max_epochs": 3, "val_interval": "3 iters"},
        {"by_epoch": False, "max_iters": 20, "val_interval": 5},
        {"by_epoch": True, "max_epochs": 4, "limit_batches": 5},
    ],
)
@pytest.mark.parametrize("accumulative_counts", [1, 3])
def test_killed_after_any_iteration_it_ends_the_same(tmp_path, train_cfg, accumulative_counts):
    """Weights, clock and the iterations of the validations are those of the run that nobody stopped."""
    options = {
        "train_cfg": train_cfg,
        "default_hooks": {"checkpoint": {"interval": 1, "by_epoch": False}},
        "optim_wrapper": {
            "optimizer": {"type": "SGD", "lr": 0.1, "momentum": 0.9},
            "accumulative_counts": accumulative_counts,
        },
    }

    def run(folder, *hooks, **more):
        torch.manual_seed(1)
        diary = Diary()
        runner = toy_runner(folder, model=Line(), custom_hooks=[diary, *hooks], **options, **more)
        with pytest.raises(RuntimeError, match="crash") if hooks else nullcontext():
            runner.train()
        return runner, diary.validations

    whole, expected = run(tmp_path / "whole")
    for at in range(1, whole.clock.iter, 3):
        folder = tmp_path / f"crash_{at}"
        _, before = run(folder, Crash(at))
        resumed, after = run(folder, resume=True)
        assert torch.equal(weights(resumed), weights(whole)), at
        assert resumed.clock == whole.clock
        assert before + after == expected
