"""A loss that is not a number ends the run or is skipped; finite checkpoints stay."""

import pytest
import torch
from toy_training import Line, loader, toy_runner

from eng_checkpoint import entries
from eng_runner import Hook, NonFiniteError
from eng_runner.engine.finite import all_finite


class Poison(Hook):
    """Makes the inputs of some iterations NaN."""

    priority = "HIGHEST"

    def __init__(self, *iterations):
        self.iterations = iterations

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter in self.iterations:
            data_batch[0].fill_(torch.nan)


def test_raise_names_the_iterations_and_saves_nothing_after(tmp_path):
    """Looked at every few iterations; the checkpoint that would hold NaN is not written."""
    runner = toy_runner(
        tmp_path,
        val=False,
        custom_hooks=[Poison(12), {"type": "NonFiniteHook", "interval": 5}],
        default_hooks={"checkpoint": {"interval": 6, "by_epoch": False}},
    )
    with pytest.raises(NonFiniteError, match="3 losses between iterations 13 and 15"):
        runner.train()
    assert entries(tmp_path)[-1].iter == 12


def test_skip_learns_nothing_from_a_bad_batch(tmp_path):
    """Without momentum a skipped iteration leaves the weights as they are."""
    seen = {}

    class Watch(Hook):
        def before_train_iter(self, runner, batch_idx, data_batch=None):
            seen[runner.iter] = runner.bare_model.linear.weight.item()

    runner = toy_runner(
        tmp_path,
        model=Line(dropout=0.0),
        val=False,
        optim_wrapper={"optimizer": {"type": "SGD", "lr": 0.1}},
        custom_hooks=[Poison(3, 9), Watch(), {"type": "NonFiniteHook", "action": "skip", "interval": 8}],
    )
    runner.train()
    assert seen[3] == seen[4]
    assert seen[9] == seen[10]
    assert seen[4] != seen[5]
    assert all_finite(runner.model.parameters())


def test_too_many_bad_batches_in_a_row_end_the_run(tmp_path):
    """Patience is counted over iterations, looked at every interval."""
    hooks = [Poison(*range(4, 24)), {"type": "NonFiniteHook", "action": "skip", "interval": 4, "patience": 6}]
    with pytest.raises(NonFiniteError, match="in a row"):
        toy_runner(tmp_path, val=False, custom_hooks=hooks).train()


def test_without_the_hook_a_run_ends_when_it_would_save_lost_weights(tmp_path, capsys):
    """The newest checkpoint is the last finite one, also where only one is kept; the log has said what happened."""
    with pytest.raises(
        NonFiniteError, match=r"after 2 epochs the weights are infinite or NaN[\s\S]*clip_grad"
    ):
        toy_runner(
            tmp_path,
            val=False,
            custom_hooks=[Poison(10)],
            default_hooks={"checkpoint": {"interval": 1, "max_keep_ckpts": 1}, "logger": {"interval": 2}},
        ).train()
    assert [entry.name for entry in entries(tmp_path)] == ["epoch_1.pth"]
    assert capsys.readouterr().out.count("loss became nan by iteration 12. NonFiniteHook") == 1


def test_what_is_not_trained_may_be_infinite(tmp_path):
    """Such as a mask that is kept as a parameter."""
    model = Line()
    model.mask = torch.nn.Parameter(torch.tensor([-torch.inf]), requires_grad=False)
    toy_runner(tmp_path, model=model, val=False).train()
    assert entries(tmp_path)[-1].name == "epoch_3.pth"


@pytest.mark.parametrize("options", [{"action": "ignore"}, {"interval": 0}, {"patience": 0}])
def test_what_cannot_be_meant_is_refused(tmp_path, options):
    """The error names the argument."""
    with pytest.raises(ValueError, match=next(iter(options))):
        toy_runner(tmp_path, custom_hooks=[{"type": "NonFiniteHook", **options}], train_dataloader=loader())
