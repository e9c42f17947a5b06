"""Throughput, garbage collection, frozen modules, and the points inside of an iteration."""

import gc

import pytest
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
