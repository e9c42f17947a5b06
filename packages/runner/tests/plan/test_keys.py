"""The one table of configuration keys: the Runner's signature, the checks and the reference read it."""

import inspect

import pytest
import torch
from torch import nn
from toy_training import Line, toy_runner

from eng_config import Config
from eng_runner import Hook, Runner
from eng_runner.plan.check import find_problems
from eng_runner.plan.keys import ARGUMENTS, KEYS, Effect, effect_of, given_arguments


def test_the_signature_is_the_table():
    """Each argument of the Runner has a row with its default; `cfg` is the record of all of them."""
    parameters = dict(inspect.signature(Runner).parameters)
    del parameters["cfg"]
    assert sorted(parameters) == sorted(ARGUMENTS)
    for name, parameter in parameters.items():
        if parameter.default is not inspect.Parameter.empty:
            assert parameter.default == KEYS[name].default, name


def test_every_row_says_what_it_is_for():
    """One line of help, which is neither empty nor a sentence."""
    assert [name for name, key in KEYS.items() if not key.help or key.help.endswith(".")] == []


def test_only_what_the_runner_takes_is_given_to_it():
    """Variables of the author and keys of others stay in the configuration."""
    config = {"model": {}, "work_dir": "w", "tta_model": {}, "mine": 1, "compile": True}
    assert given_arguments(config) == {"model": {}, "work_dir": "w", "compile": True}
    with pytest.raises(KeyError, match="`work_dir`"):
        given_arguments({"model": {}})


@pytest.mark.parametrize(
    ("path", "effect"),
    [
        ("channels_last", Effect.COMPATIBLE),
        ("find_unused_parameters", Effect.COMPATIBLE),
        ("sync_bn", Effect.CHANGES_RESULT),
        ("default_hooks.checkpoint.interval", Effect.SAME_RESULT),
        ("default_hooks.ema.momentum", Effect.CHANGES_RESULT),
        ("train_cfg.max_time", Effect.SAME_RESULT),
        ("train_cfg.limit_batches", Effect.CHANGES_RESULT),
        ("env_cfg.cudnn_benchmark", Effect.COMPATIBLE),
        ("unknown.key", Effect.CHANGES_RESULT),
    ],
)
def test_effects(path, effect):
    """What a change below a key does is said beside the key."""
    assert effect_of(path) is effect


def test_a_misspelled_option_is_found():
    """The nearest key of the table is named."""
    (problem,) = find_problems(Config({"model": {"type": nn.Identity}, "chanels_last": True}))
    assert "channels_last" in problem


@pytest.mark.filterwarnings("ignore:The .grad attribute")  # of torch, while it compiles a backward pass
def test_options_are_arguments(tmp_path):
    """`channels_last` and `compile` of a Runner made in Python do what they do in a file."""

    class Convolution(Line):
        def __init__(self):
            super().__init__()
            self.convolution = nn.Conv2d(3, 4, 3)

    runner = toy_runner(tmp_path, model=Convolution(), channels_last=True, val=False)
    assert runner.model.convolution.weight.is_contiguous(memory_format=torch.channels_last)
    runner = toy_runner(tmp_path / "b", compile={"backend": "eager"}, val=False)
    runner.train()
    assert runner.train_step != runner.model.train_step
    assert runner.clock.iter == 24


def test_options_of_a_record_count_too(tmp_path):
    """A Runner that is built by hand from the parts of a configuration gets the rest of it as `cfg`."""
    runner = toy_runner(tmp_path, cfg={"find_unused_parameters": True})
    assert runner.model_options.find_unused_parameters
    runner = toy_runner(tmp_path / "b", cfg={"sync_bn": "torch"}, sync_bn="mmcv")
    assert runner.model_options.sync_bn == "mmcv"


def test_all_points_are_listed(tmp_path):
    """A hook that overrides every point acts at each of them: 30, in the order of a run."""
    everything = type("Everything", (Hook,), {point: lambda self, *a, **k: None for point in Hook.stages})
    assert len(Hook.stages) == 30
    assert everything().get_triggered_stages() == list(Hook.stages)
    info = toy_runner(tmp_path, custom_hooks=[everything()]).get_hooks_info()
    assert [line.rstrip(":") for line in info.splitlines() if not line.startswith(" ")] == list(Hook.stages)
