"""A proof of exact resume that can fail."""

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from toy_training import Line, loader, toy_runner

from eng_runner import Hook
from eng_runner.testing import Record, Recorder, assert_exact_resume, differences, digest


class Noisy(torch.utils.data.Dataset):
    """Points with noise of all three generators."""

    def __len__(self):
        return 16

    def __getitem__(self, index):
        x = (
            torch.tensor([index / 8 - 1])
            + 0.01 * (random.random() + np.random.rand() + torch.rand(1)).float()
        )
        return x, 3 * x + 1


def make(work_dir, resume, **options):
    torch.manual_seed(0)
    return toy_runner(work_dir, model=Line(), resume=resume, **options)


def rich(work_dir, resume, *, by_epoch=True, workers=0, accumulation=1, prefetch=None, **options):
    """Two passes of four iterations with everything in it that has a state."""
    length = {"max_epochs": 2} if by_epoch else {"max_iters": 8, "val_interval": 3}
    ahead = {} if prefetch is None else {"prefetch_factor": prefetch}
    data = {**loader(num_workers=workers, persistent_workers=workers > 0, **ahead), "dataset": Noisy()}
    return make(
        work_dir,
        resume,
        train_dataloader=data,
        train_cfg={"by_epoch": by_epoch, **length},
        optim_wrapper={
            "optimizer": {"type": "AdamW", "lr": 0.05},
            "accumulative_counts": accumulation,
            "clip_grad": {"max_norm": 1.0},
        },
        custom_hooks=[
            {"type": "EMAHook", "momentum": 0.1},
            {"type": "EarlyStoppingHook", "monitor": "line/error", "rule": "less", "patience": 9},
        ],
        **options,
    )


@pytest.mark.parametrize("by_epoch", [True, False])
@pytest.mark.parametrize("accumulation", [1, 3])
def test_every_step(by_epoch, accumulation):
    """Dropout, augmentation, average, schedule, early stopping; broken off after each iteration."""

    def training(work_dir, resume):
        return rich(work_dir, resume, by_epoch=by_epoch, accumulation=accumulation)

    proof = assert_exact_resume(training, at=range(1, 8))
    assert proof.stops == tuple(range(1, 8))
    assert proof.compared == sum(range(1, 8))


@pytest.mark.slow
@pytest.mark.parametrize("by_epoch", [True, False])
def test_every_step_with_workers(by_epoch):
    """Augmentation in two processes that read ahead of the training."""
    assert_exact_resume(
        lambda *given: rich(*given, by_epoch=by_epoch, workers=2, accumulation=3), at=range(1, 8)
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [({"workers": 0}, {"workers": 1}), ({"workers": 2}, {"workers": 0}),
     ({"workers": 2, "prefetch": 1}, {"workers": 2, "prefetch": 4})],
)  # fmt: skip
def test_another_number_of_workers_goes_on_exactly(before, after):
    """Whoever reads a sample, and however far ahead."""
    assert_exact_resume(
        lambda work_dir, resume: rich(work_dir, resume, **(after if resume else before)), at=[3]
    )


def test_saving_changes_nothing(tmp_path):
    """A run that saves after every iteration is the run that never saves, to the last bit."""
    records = []
    for interval in (1, 100):
        record = Record()
        saves = {"checkpoint": {"by_epoch": False, "interval": interval, "save_last": False}}
        runner = rich(tmp_path / str(interval), False, default_hooks=saves)
        runner.register_hook(Recorder(record))
        runner.train()
        records.append(record)
    often, never = records
    assert len(list((tmp_path / "1").glob("iter_*.pth"))) == 8
    assert not list((tmp_path / "100").glob("iter_*.pth"))
    often.final.pop("hooks"), never.final.pop("hooks")  # which say when they saved last
    assert differences(never, often) == []
    assert len(often.iterations) == 8


@pytest.mark.slow
def test_killed_by_the_system():
    """A process of its own that gets SIGKILL in the middle of an epoch."""
    config = Path(__file__).with_name("line_config.py")
    assert assert_exact_resume(config, at=[5], how="kill").compared == 19


def test_the_usual_places():
    """Without `at`: the first iteration, the middle and both sides of an epoch's end, and the last but one."""
    assert assert_exact_resume(make).stops == (1, 4, 8, 9, 23)


class Forgetful(Hook):
    """Keeps a count and does not say so in its state."""

    def __init__(self):
        self.count = 0

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.count += 1
        data_batch[0].add_(0.1 * self.count)


def test_a_hook_that_forgets_is_found_out():
    """The error says where the runs part, and what usually is the reason."""

    def training(work_dir, resume):
        return make(work_dir, resume, custom_hooks=[Forgetful()])

    with pytest.raises(
        AssertionError, match=r"resumed after 3.*\n  iteration 4, batch: [\s\S]*no `state_dict`"
    ):
        assert_exact_resume(training, at=[3])


def test_a_run_that_saves_nothing_is_no_proof(tmp_path):
    """Beginning anew gives the same numbers, too."""

    def training(work_dir, resume):
        return make(work_dir, False)

    with pytest.raises(AssertionError, match="nothing was saved"):
        assert_exact_resume(training, at=[3], folder=tmp_path)


def test_differences_are_told_in_order():
    """Missing and new iterations, other values; NaN is like NaN."""
    nan = float("nan")
    whole = Record(
        iterations={1: {"loss": 1.0}, 2: {"loss": nan}, 3: {"loss": 3.0}}, validations={3: {"a": 1}}
    )
    resumed = Record(
        began_after=1, iterations={2: {"loss": nan}, 4: {"loss": 3.0}}, validations={3: {"a": 2}}
    )
    assert differences(whole, resumed) == [
        "iteration 3 is missing",
        "iteration 4 is new",
        "validation after iteration 3, a: 1 is 2",
    ]


def test_digests_tell_type_and_shape():
    """The same bytes in another form are another batch."""
    x = torch.zeros(4)
    assert digest(x) != digest(x.view(2, 2))
    assert digest(x) != digest(x.int())
    assert digest({"x": x, "n": 1}) == digest({"x": x.clone(), "n": 1})
