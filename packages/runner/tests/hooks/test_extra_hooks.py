"""Throughput, garbage collection, frozen modules, and the points inside of an iteration."""

import gc

import pytest
import torch
from toy_training import Line, toy_runner

from eng_runner import Hook


def test_throughput_counts_samples(tmp_path):
    """Samples per second and the utilisation stand in the history."""
    hook = {
        "type": "ThroughputHook", "interval": 2, "warm_up": 1, "flops_per_sample": 12.0, "peak_flops": 1e9,
        "system": True,
    }  # fmt: skip
    runner = toy_runner(tmp_path, custom_hooks=[hook])
    runner.train()
    rate = runner.message_hub.get_scalar("train/samples_per_sec").current()
    assert rate > 0
    assert runner.message_hub.get_scalar("train/mfu").current() == pytest.approx(rate * 12.0 / 1e9)
    assert runner.message_hub.get_scalar("train/rss_mib").current() > 10


def test_intervals_in_words(tmp_path):
    """Those of hooks, too: 24 iterations of 4 samples."""
    hooks = [
        {"type": "ThroughputHook", "interval": "16 samples", "warm_up": 0},
        {"type": "GarbageCollectionHook", "interval": "5 steps"},
        {"type": "NonFiniteHook", "interval": "1 epoch"},
    ]
    runner = toy_runner(tmp_path, custom_hooks=hooks, val=False)
    runner.train()
    assert len(runner.message_hub.get_scalar("train/samples_per_sec")) == 6  # every fourth iteration


@pytest.mark.parametrize("interval", ["30 s", 0, "5 parsecs"])
def test_a_collector_with_a_clock_of_its_own_is_refused(tmp_path, interval):
    """Each rank would pause at another moment."""
    with pytest.raises(ValueError, match="interval"):
        toy_runner(tmp_path, custom_hooks=[{"type": "GarbageCollectionHook", "interval": interval}])


def test_the_collector_is_off_while_training(tmp_path):
    """And on again afterwards, also after an exception."""
    states = []

    class Watch(Hook):
        def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
            states.append(gc.isenabled())
            if runner.clock.iter == 3:
                raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        toy_runner(tmp_path, custom_hooks=[Watch(), {"type": "GarbageCollectionHook", "interval": 2}]).train()
    assert states == [False] * 3
    assert gc.isenabled()


def test_a_frozen_module_learns_only_after_its_time(tmp_path):
    """The weights stand still for an epoch and move in the next."""
    seen = []

    class Watch(Hook):
        def after_train_epoch(self, runner):
            seen.append(runner.bare_model.linear.weight.item())

    model = Line()
    start = model.linear.weight.item()
    hooks = [Watch(), {"type": "FreezeHook", "modules": "linear", "until": "2 epochs"}]
    # something has to learn meanwhile, or there would be no gradient at all
    model.register_parameter("shift", __import__("torch").nn.Parameter(__import__("torch").zeros(1)))
    model.forward = _with_shift(model, model.forward)
    toy_runner(tmp_path, model=model, custom_hooks=hooks, val=False).train()
    assert seen[0] == seen[1] == start
    assert seen[2] != start
    assert all(parameter.requires_grad for parameter in model.parameters())


def _with_shift(model, forward):
    def shifted(x, y, mode):
        return forward(x, y - model.shift, mode)

    return shifted


def test_an_unknown_module_is_named(tmp_path):
    """With the nearest name."""
    with pytest.raises(ValueError, match="`linear`"):
        toy_runner(tmp_path, custom_hooks=[{"type": "FreezeHook", "modules": "linaer"}]).train()


def test_points_inside_of_an_iteration(tmp_path):
    """Around each step of the optimizer, and after each save; accumulation has fewer steps than iterations."""
    calls = []

    class Watch(Hook):
        def before_optimizer_step(self, runner):
            calls.append("before")
            assert runner.bare_model.linear.weight.grad is not None

        def after_optimizer_step(self, runner):
            calls.append("after")

        def after_save_checkpoint(self, runner, path):
            calls.append(path.rpartition("/")[2])

    toy_runner(
        tmp_path,
        custom_hooks=[Watch()],
        val=False,
        train_cfg={"by_epoch": True, "max_epochs": 1},
        optim_wrapper={"optimizer": {"type": "SGD", "lr": 0.1}, "accumulative_counts": 4},
    ).train()
    assert calls == ["before", "after", "before", "after", "epoch_1.pth"]


@pytest.mark.parametrize(("accumulative_counts", "steps"), [(1, 8), (4, 2)])
def test_points_around_the_backward_pass(tmp_path, accumulative_counts, steps):
    """The loss before, gradients after; the optimizer steps after both. The weights are those without the hook."""
    calls = []

    class Watch(Hook):
        def before_backward(self, runner, loss):
            assert loss.requires_grad
            calls.append("loss")

        def after_backward(self, runner):
            assert runner.bare_model.linear.weight.grad is not None
            calls.append("gradients")

        def before_optimizer_step(self, runner):
            calls.append("step")

    weights = []
    for hooks in ([Watch()], []):
        torch.manual_seed(0)
        runner = toy_runner(
            tmp_path / str(len(hooks)),
            custom_hooks=hooks,
            val=False,
            train_cfg={"by_epoch": True, "max_epochs": 1},
            optim_wrapper={
                "optimizer": {"type": "SGD", "lr": 0.1}, "accumulative_counts": accumulative_counts
            },
        )  # fmt: skip
        runner.train()
        weights.append(runner.bare_model.linear.weight.item())
    assert calls.count("loss") == calls.count("gradients") == 8
    assert calls.count("step") == steps
    assert calls[-3:] == ["loss", "gradients", "step"]
    assert weights[0] == weights[1]


def test_a_schedule_counts_all_iterations(tmp_path):
    """It ends where the training does, one value for each iteration, also where a step takes several of them."""
    rates = []

    class Watch(Hook):
        def before_train_iter(self, runner, batch_idx, data_batch=None):
            rates.append(runner.optim_wrapper.get_lr()["lr"][0])

    toy_runner(
        tmp_path,
        custom_hooks=[Watch()],
        val=False,
        train_cfg={"by_epoch": True, "max_epochs": 1},
        param_scheduler={"type": "PolyLR", "by_epoch": False},
        optim_wrapper={"optimizer": {"type": "SGD", "lr": 1.0}, "accumulative_counts": 2},
    ).train()
    assert rates == pytest.approx([1 - n / 7 for n in range(8)])
