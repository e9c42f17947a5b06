"""From configuration and model to an optimizer with the right groups."""

import logging
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import SGD

from eng_optim import (
    AmpOptimWrapper,
    DefaultOptimWrapperConstructor,
    OptimWrapper,
    SettingError,
    build_optim_wrapper,
)
from eng_registry import OPTIMIZERS, DefaultScope, NotRegisteredError, Registry


class Table(nn.Module):
    """One of each kind of parameter that a rule knows."""

    def __init__(self) -> None:
        super().__init__()
        self.p = nn.Parameter(torch.ones(2))
        self.conv = nn.Conv2d(3, 4, 1)
        self.dw = nn.Conv2d(4, 4, 1, groups=4)
        self.bn = nn.BatchNorm2d(4)
        self.head = nn.Linear(4, 2)


NAMES = [
    "p",
    "conv.weight",
    "conv.bias",
    "dw.weight",
    "dw.bias",
    "bn.weight",
    "bn.bias",
    "head.weight",
    "head.bias",
]

SGD_CFG = {"type": "SGD", "lr": 0.1, "weight_decay": 0.01}


def build(model: nn.Module, paramwise_cfg: dict[str, Any] | None = None, **cfg: Any) -> OptimWrapper:
    """The wrapper of SGD with a rate of 0.1 and a decay of 0.01."""
    settings = {"optimizer": dict(SGD_CFG), "paramwise_cfg": paramwise_cfg, **cfg}
    return build_optim_wrapper(model, settings)


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (
            {"bias_lr_mult": 2, "bias_decay_mult": 0, "norm_decay_mult": 0, "dwconv_decay_mult": 0.1},
            ".1/.01 .1/.01 .2/0 .1/.001 .2/0 .1/0 .1/0 .1/.01 .2/0",
        ),
        (
            {
                "bias_lr_mult": 2,
                "norm_decay_mult": 0,
                "custom_keys": {"head": {"lr_mult": 0.1}, "head.bias": {"decay_mult": 0}},
            },
            ".1/.01 .1/.01 .2/.01 .1/.01 .2/.01 .1/0 .1/0 .01/.01 .1/0",
        ),
        ({"flat_decay_mult": 0}, ".1/0 .1/.01 .1/0 .1/.01 .1/0 .1/0 .1/0 .1/.01 .1/0"),
        ({"lr_mult": 0.5, "decay_mult": 2}, " ".join([".05/.02"] * 9)),
    ],
)
def test_rates_and_decays(rules: dict[str, Any], expected: str) -> None:
    """Each parameter has the rate and decay of the table; the defaults stand at the end, untouched."""
    model = Table()
    wrapper = build(model, rules)
    pairs = [tuple(map(float, pair.split("/"))) for pair in expected.split()]
    actual = [(group["lr"], group["weight_decay"]) for group in wrapper.optimizer.param_groups]
    assert actual == [pytest.approx(pair) for pair in pairs]
    assert [group["params"][0] for group in wrapper.optimizer.param_groups] == list(model.parameters())
    assert [name for name, _ in model.named_parameters()] == NAMES
    assert (wrapper.param_groups[-1]["lr"], wrapper.param_groups[-1]["weight_decay"]) == (0.1, 0.01)


def test_one_group_without_rules() -> None:
    """Without rules all parameters are in one group, frozen ones too."""
    model = Table()
    model.p.requires_grad = False
    for rules in (None, {}):
        (group,) = build(model, rules).optimizer.param_groups
        assert group["params"] == list(model.parameters())


def test_frozen_parameters_have_no_group(caplog: pytest.LogCaptureFixture) -> None:
    """With rules a frozen parameter is left out, and that is said."""
    model = Table()
    model.p.requires_grad = False
    wrapper = build(model, {"norm_decay_mult": 0})
    assert len(wrapper.optimizer.param_groups) == 8
    assert "p does not require a gradient: skipped" in caplog.text


def test_what_the_groups_are_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """One line tells how many parameters have which settings."""
    with caplog.at_level(logging.INFO):
        build(Table(), {"norm_decay_mult": 0, "bias_lr_mult": 2})
    assert (
        "9 parameter groups: 4 as the optimizer says; 3 with lr=0.2; 2 with weight_decay=0.0" in caplog.text
    )


def shared() -> nn.Module:
    """Two layers with one weight."""
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[1].weight = model[0].weight
    return model


def test_shared_parameter_is_an_error() -> None:
    """torch does not take a parameter twice."""
    with pytest.raises(ValueError, match="more than one parameter group"):
        build(shared(), {"bias_lr_mult": 2})


def test_shared_parameter_can_be_skipped(caplog: pytest.LogCaptureFixture) -> None:
    """With `bypass_duplicate` the first place of a shared parameter counts."""
    wrapper = build(shared(), {"bias_lr_mult": 2, "bypass_duplicate": True})
    assert len(wrapper.optimizer.param_groups) == 3
    assert "1.weight is shared and already has a group: skipped" in caplog.text


def test_wrapped_model_is_taken_out() -> None:
    """The names of a wrapped model are those of the model itself."""
    model = Table()
    wrapped = nn.Module()
    wrapped.module = model
    wrapper = build(wrapped, {"custom_keys": {"head": {"lr_mult": 0.1}}})
    assert wrapper.optimizer.param_groups[-1]["lr"] == pytest.approx(0.01)


def test_kind_of_wrapper() -> None:
    """The wrapper is an `OptimWrapper` unless its type says otherwise, and its arguments arrive."""
    assert type(build(Table())) is OptimWrapper
    wrapper = build(Table(), type="AmpOptimWrapper", dtype="bfloat16", accumulative_counts=4)
    assert isinstance(wrapper, AmpOptimWrapper)
    assert "_accumulative_counts: 4" in repr(wrapper)


def test_type_can_be_a_class() -> None:
    """Where Python is the configuration, classes stand for their names."""
    wrapper = build_optim_wrapper(Table(), {"optimizer": {"type": SGD, "lr": 0.1}})
    assert type(wrapper.optimizer) is SGD


def test_configuration_stays_as_it_is() -> None:
    """The same configuration builds a second wrapper."""
    cfg = {"optimizer": dict(SGD_CFG), "paramwise_cfg": {"norm_decay_mult": 0}, "clip_grad": {"max_norm": 1}}
    before = {**cfg, "optimizer": dict(SGD_CFG)}
    build_optim_wrapper(Table(), cfg)
    assert cfg == before


def test_optimizer_calls_its_parameters_otherwise() -> None:
    """Parameters go to the first argument, whatever its name."""

    class Named(SGD):
        def __init__(self, model_params: Any, lr: float = 0.1) -> None:
            super().__init__(model_params, lr=lr)

    wrapper = build_optim_wrapper(Table(), {"optimizer": {"type": Named, "lr": 0.3}})
    assert wrapper.get_lr() == {"lr": [0.3]}


def test_optimizer_of_the_scope_in_force() -> None:
    """The optimizer is searched where the scope in force says."""
    child = Registry("optimizer", parent=OPTIMIZERS, scope="optim_test_scope")

    @child.register_module()
    class OnlyHere(SGD):
        def __init__(self, weights: Any, lr: float = 0.1) -> None:
            super().__init__(weights, lr=lr)

    with DefaultScope.overwrite_default_scope("optim_test_scope"):
        wrapper = build_optim_wrapper(Table(), {"optimizer": {"type": "OnlyHere", "lr": 0.2}})
    assert type(wrapper.optimizer) is OnlyHere


def test_unknown_optimizer() -> None:
    """A name that nobody has is the registry's error, with the nearest one."""
    with pytest.raises(NotRegisteredError, match="AdamW"):
        build_optim_wrapper(Table(), {"optimizer": {"type": "AdanW", "lr": 0.1}})


@pytest.mark.parametrize(
    ("cfg", "rules", "error", "message"),
    [
        ([], None, TypeError, "`optim_wrapper_cfg` is a mapping, not list"),
        ({"type": "OptimWrapper"}, None, SettingError, "no `optimizer`; it has type"),
        ({"optimizer": SGD_CFG}, [], TypeError, "`paramwise_cfg` is a mapping"),
        ({"optimizer": SGD_CFG}, {"custom_keys": []}, TypeError, "custom_keys"),
        (
            {"optimizer": {"type": "SGD"}},
            {"custom_keys": {"a": {"decay_mult": 1}}},
            ValueError,
            "custom_keys.a",
        ),
        (
            {"optimizer": {"type": "SGD"}},
            {"bias_decay_mult": 1},
            ValueError,
            "bias_decay_mult .* set `weight_decay`",
        ),
        ({"optimizer": {"type": "SGD"}}, {"norm_decay_mult": 1}, ValueError, "norm_decay_mult"),
        ({"optimizer": {"type": "SGD"}}, {"dwconv_decay_mult": 1}, ValueError, "dwconv_decay_mult"),
    ],
)
def test_mistakes(cfg: Any, rules: Any, error: type[Exception], message: str) -> None:
    """What cannot be meant is an error before there is a model."""
    with pytest.raises(error, match=message):
        DefaultOptimWrapperConstructor(cfg, rules)


def test_a_misspelled_rule_is_told() -> None:
    """It would else change nothing, and nobody would know."""
    with pytest.raises(SettingError, match="no `bias_lr_mul`; did you mean `bias_lr_mult`"):
        build(Table(), {"bias_lr_mul": 2})
    with pytest.raises(TypeError, match=r"custom_keys.head` is a mapping .* not 0.1"):
        build(Table(), {"custom_keys": {"head": 0.1}})


def test_what_changes_nothing_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    """Names of no parameter, and keys that only another constructor would read."""
    build(Table(), {"custom_keys": {"haed": {"lr_mult": 0.1}}, "num_layers": 12})
    assert "'haed', which occurs in no name of a parameter; did you mean `head`?" in caplog.text
    assert "`num_layers`, which only a constructor of your own would read" in caplog.text


def test_a_multiple_of_a_rate_needs_the_rate() -> None:
    """As that of a weight decay does."""
    with pytest.raises(ValueError, match="bias_lr_mult of `paramwise_cfg` multiply `lr`"):
        build_optim_wrapper(Table(), {"optimizer": {"type": "AdamW"}, "paramwise_cfg": {"bias_lr_mult": 2.0}})


def test_an_optimizer_without_a_type() -> None:
    """Is told as what is missing."""
    with pytest.raises(SettingError, match="`optimizer` has no `type`; it has lr"):
        build_optim_wrapper(Table(), {"optimizer": {"lr": 0.1}})
