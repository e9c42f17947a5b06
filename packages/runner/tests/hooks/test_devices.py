"""Hooks that have to do with the accelerator ask which one there is, not for CUDA."""

from types import SimpleNamespace

import pytest
import torch
from torch.profiler import ProfilerActivity
from toy_training import toy_runner

from eng_runner import EmptyCacheHook, ProfilerHook


@pytest.fixture
def accelerator(monkeypatch):
    """`accelerator('xpu', module)`: an accelerator of that type, of which torch has that module."""

    def install(kind, module=None):
        monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
        monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device(kind))
        monkeypatch.setattr(torch.accelerator, "current_device_index", lambda: 0)
        monkeypatch.setattr(torch, "get_device_module", lambda device: module)

    return install


@pytest.mark.parametrize("kind", ["cuda", "xpu", "mps"])
def test_the_cache_of_any_accelerator_is_emptied(accelerator, kind):
    """At the points that were asked for, and at no other."""
    emptied = []
    accelerator(kind, SimpleNamespace(empty_cache=lambda: emptied.append(kind)))
    hook = EmptyCacheHook(before_epoch=True, after_epoch=False)
    assert hook.takes_part("before_train_epoch", None)
    assert not hook.takes_part("after_val_epoch", None)
    hook.before_train_epoch(None)
    assert emptied == [kind]


def test_where_nothing_is_cached_the_hook_takes_no_part(accelerator):
    """On a CPU, and on an accelerator whose backend keeps no cache."""
    if not torch.accelerator.is_available():
        assert not EmptyCacheHook().takes_part("after_train_epoch", None)
    accelerator("privateuseone", SimpleNamespace())
    assert not EmptyCacheHook().takes_part("after_train_epoch", None)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("cuda", [ProfilerActivity.CPU, ProfilerActivity.CUDA]),
        ("xpu", [ProfilerActivity.CPU, ProfilerActivity.XPU]),
        ("privateuseone", [ProfilerActivity.CPU, ProfilerActivity.PrivateUse1]),
        ("mps", [ProfilerActivity.CPU]),
    ],
)
def test_the_activity_of_the_accelerator_is_profiled(accelerator, kind, expected):
    """The argument has its documented name, and means the accelerator that there is."""
    accelerator(kind)
    assert ProfilerHook(activity_with_cuda=True).activities == expected
    assert ProfilerHook().activities == [ProfilerActivity.CPU]


@pytest.mark.skipif(torch.accelerator.is_available(), reason="there is something to profile")
def test_a_profile_of_nothing_is_refused():
    """The accelerator alone, where there is none."""
    with pytest.raises(ValueError, match="nothing to profile"):
        ProfilerHook(activity_with_cpu=False, activity_with_cuda=True)


def test_a_profile_for_a_gpu_runs_on_a_cpu(tmp_path):
    """With what there is, and without a warning."""
    hook = {
        "type": "ProfilerHook", "by_epoch": False, "profile_times": 2, "activity_with_cuda": True,
        "json_trace_path": "trace.json",
    }  # fmt: skip
    runner = toy_runner(tmp_path, val=False, custom_hooks=[hook])
    runner.train()
    assert len([*tmp_path.rglob("trace.json")]) == 1
