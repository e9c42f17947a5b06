"""Several validation sets: each with its own loader, metric and interval."""

import pytest
from toy_training import Error, Line, loader, toy_runner

from eng_runner import Hook
from eng_runner.engine.loops import NamedValLoop


class Diary(Hook):
    """Notes the metrics' names of every validation, and how often a batch was validated."""

    def __init__(self):
        self.metrics, self.batches = [], []

    def after_val_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.batches.append(batch_idx)

    def after_val_epoch(self, runner, metrics=None):
        self.metrics.append(sorted(metrics))


def named_runner(folder, diary, **options):
    return toy_runner(
        folder,
        **{
            "val_dataloader": {"small": loader(4, shuffle=False), "large": loader(12, shuffle=False)},
            "val_evaluator": {"small": [Error()], "large": [Error()]},
            "val_cfg": {"intervals": {"large": 2}},
            "custom_hooks": [diary],
            **options,
        },
    )


def test_each_set_in_its_own_interval(tmp_path):
    """One validation of both; the large one rests in the first epoch, and takes part in the last."""
    diary = Diary()
    runner = named_runner(
        tmp_path, diary, default_hooks={"checkpoint": {"save_best": "large/line/error", "rule": "less"}}
    )
    runner.train()
    assert isinstance(runner.val_loop, NamedValLoop)
    small, large = ["small/line/count", "small/line/error"], ["large/line/count", "large/line/error"]
    assert diary.metrics == [small, large + small, large + small]
    assert diary.batches == [0, 0, 1, 2, 3, 0, 1, 2, 3]
    hub = runner.message_hub
    assert (
        hub.get_scalar("val/large/line/count").current(),
        hub.get_scalar("val/small/line/count").current(),
    ) == (12, 4)
    assert list(tmp_path.glob("best_large_line_error_epoch_*.pth"))


def test_validation_alone_takes_all(tmp_path):
    """There is no training whose interval would count."""
    runner = named_runner(tmp_path, Diary(), val_cfg={"intervals": {"large": 2, "small": 2}})
    assert sorted(runner.val()) == [
        "large/line/count",
        "large/line/error",
        "small/line/count",
        "small/line/error",
    ]


def test_a_validation_in_which_all_rest_is_none(tmp_path):
    """No hook is called for nothing."""
    diary = Diary()
    named_runner(tmp_path, diary, val_cfg={"intervals": {"large": 2, "small": 2}}).train()
    assert len(diary.metrics) == 2


def test_names_have_to_be_the_same(tmp_path):
    """The error tells both."""
    runner = named_runner(tmp_path, Diary(), val_evaluator={"small": [Error()], "big": [Error()]})
    with pytest.raises(ValueError, match="small, large, `val_evaluator` small, big"):
        runner.val()


def test_sets_and_an_average(tmp_path):
    """The averaged weights are in place for all sets, and out again afterwards."""
    runner = named_runner(tmp_path, Diary(), model=Line(), custom_hooks=[{"type": "EMAHook"}])
    runner.train()
    assert runner.clock.epoch == 3
