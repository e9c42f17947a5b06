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
        ({"by_epoch": False, "max_iters": 30, "val_interval": "1 epoch"}, [8, 16, 24, 30]),
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


class Finite:
    """A stream of three batches, the last one smaller, whose length is not known."""

    def __iter__(self):
        return iter([(torch.zeros(2, 1), torch.ones(2, 1))] * 2 + [(torch.zeros(1, 1), torch.ones(1, 1))])


def test_epochs_of_an_unknown_length_end_with_the_iterator(tmp_path):
    """By epochs too; samples are counted by the batches, the end is saved, and a longer run continues."""
    train_cfg = {"by_epoch": True, "max_epochs": 2}
    runner = toy_runner(tmp_path, train_dataloader=Finite(), train_cfg=train_cfg, val=False)
    runner.train()
    assert (runner.clock.epoch, runner.clock.iter, runner.clock.samples) == (2, 6, 10)
    assert [p.name for p in sorted(tmp_path.glob("*.pth"))] == ["epoch_1.pth", "epoch_2.pth"]


def test_a_pass_without_a_batch_is_an_error(tmp_path):
    """Nothing would ever be trained; by epochs as by iterations."""
    for name, train_cfg in (
        ("a", {"by_epoch": True, "max_epochs": 2}),
        ("b", {"by_epoch": False, "max_iters": 2}),
    ):
        runner = toy_runner(tmp_path / name, train_dataloader=loader(0), train_cfg=train_cfg, val=False)
        with pytest.raises(RuntimeError, match="yields no batch"):
            runner.train()
        assert list((tmp_path / name).glob("*.pth")) == []


def test_what_never_ends_is_refused(tmp_path):
    """An endless sampler by epochs and in an evaluation, unless a limit ends each pass."""
    endless = loader(8) | {"sampler": {"type": "InfiniteSampler"}}
    runner = toy_runner(tmp_path / "a", train_dataloader=endless, val=False)
    with pytest.raises(ValueError, match="never ends; give `limit_batches`"):
        runner.train()
    runner = toy_runner(tmp_path / "b", val_dataloader=endless)
    with pytest.raises(ValueError, match="`val_dataloader` never ends"):
        runner.train()
    limited = {"by_epoch": True, "max_epochs": 2, "limit_batches": 2}
    runner = toy_runner(
        tmp_path / "c",
        train_dataloader=endless,
        train_cfg=limited,
        val_dataloader=endless,
        val_cfg={"limit_batches": 2},
    )
    runner.train()
    assert runner.clock.iter == 4


def test_fractions_of_an_epoch(tmp_path):
    """Half an epoch is half an epoch, for validations and checkpoints; a part of an iteration is refused."""
    diary = Diary()
    saves = {"checkpoint": {"interval": "0.5 epochs"}}
    runner = toy_runner(
        tmp_path, train_cfg={"by_epoch": True, "max_epochs": 2, "val_interval": "0.5 epochs"}, custom_hooks=[diary],
        default_hooks=saves,
    )  # fmt: skip
    runner.train()
    assert diary.validations == [4, 8, 12, 16]
    assert {p.name for p in tmp_path.glob("*.pth")} == {f"iter_{n}.pth" for n in (4, 8, 12, 16)}
    runner = toy_runner(
        tmp_path / "b", train_cfg={"by_epoch": False, "max_iters": 9, "val_interval": "0.5 iters"}
    )
    with pytest.raises(ValueError, match="a part of one of these has no meaning"):
        runner.train()
    diary = Diary()
    train_cfg = {"by_epoch": False, "max_iters": 10, "val_interval": "2.5 iters"}
    toy_runner(tmp_path / "c", train_cfg=train_cfg, custom_hooks=[diary]).train()
    assert diary.validations == [3, 5, 8, 10]


def test_parts_of_the_run(tmp_path):
    """A tenth of the run is that many iterations, in a training by epochs and by iterations."""
    for name, train_cfg in (
        ("a", {"by_epoch": True, "max_epochs": 5}),
        ("b", {"by_epoch": False, "max_iters": 40}),
    ):
        diary = Diary()
        toy_runner(
            tmp_path / name, train_cfg={**train_cfg, "val_interval": "0.25 dur"}, custom_hooks=[diary]
        ).train()
        assert diary.validations == [10, 20, 30, 40]


def test_tokens_are_counted(tmp_path):
    """By a function of the batch; an interval may count them."""
    diary = Diary()
    train_cfg = {
        "by_epoch": False,
        "max_iters": 8,
        "val_interval": "24 tok",
        "count_tokens": lambda batch: 3 * len(batch[0]),
    }
    runner = toy_runner(tmp_path, train_cfg=train_cfg, custom_hooks=[diary])
    runner.train()
    assert runner.clock.tokens == 96
    assert diary.validations == [2, 4, 6, 8]


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
