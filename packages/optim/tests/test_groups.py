"""Which parameter gets what: the table of rules, one at a time and together."""

from typing import Any

import pytest
import torch
from torch import nn

from eng_optim.groups import is_dcn, matching_key, options_of


class DeformConv2d(nn.Conv2d):
    """A deformable convolution by name, with a convolution of its own for the offsets."""

    def __init__(self) -> None:
        super().__init__(3, 3, 3)
        self.conv_offset = nn.Conv2d(3, 18, 3)


def options(name: str, module: nn.Module, rules: dict[str, Any], **settings: Any) -> dict[str, Any]:
    """The options of one parameter at a rate of 0.1 and a decay of 0.01."""
    parameter = module.get_parameter(name)
    return options_of(name, parameter, module, rules, **{"base_lr": 0.1, "base_wd": 0.01, **settings})


LINEAR = nn.Linear(2, 2)


@pytest.mark.parametrize(
    "norm",
    [
        nn.BatchNorm1d(2),
        nn.SyncBatchNorm(2),
        nn.InstanceNorm2d(2, affine=True),
        nn.GroupNorm(1, 2),
        nn.LayerNorm(2),
    ],
)
def test_norm_layers(norm: nn.Module) -> None:
    """Weight and bias of every norm layer have the decay of norm layers, and their bias is no `bias`."""
    rules = {"norm_decay_mult": 0.5, "bias_decay_mult": 0.0, "bias_lr_mult": 2.0}
    assert options("weight", norm, rules) == {"weight_decay": 0.005}
    assert options("bias", norm, rules) == {"weight_decay": 0.005}


def test_bias() -> None:
    """Only what is called exactly `bias` is a bias."""
    rules = {"bias_lr_mult": 2.0, "bias_decay_mult": 0.0}
    assert options("bias", LINEAR, rules) == {"lr": 0.2, "weight_decay": 0.0}
    assert options("weight", LINEAR, rules) == {}
    attention = nn.MultiheadAttention(2, 1)
    assert options("in_proj_bias", attention, rules) == {}


def test_depth_wise_convolution() -> None:
    """A convolution with a group for each channel is depth-wise."""
    rules = {"dwconv_decay_mult": 0.1}
    assert options("weight", nn.Conv2d(3, 3, 1, groups=3), rules) == {"weight_decay": pytest.approx(0.001)}
    assert options("weight", nn.Conv2d(4, 4, 1, groups=2), rules) == {}


def test_flat_parameters_come_last() -> None:
    """One-dimensional parameters have their own decay unless another rule knows them."""
    assert options("bias", LINEAR, {"flat_decay_mult": 0.0}) == {"weight_decay": 0.0}
    assert options("bias", LINEAR, {"flat_decay_mult": 0.0, "bias_decay_mult": 0.5}) == {
        "weight_decay": 0.005
    }
    assert options("weight", LINEAR, {"flat_decay_mult": 0.0}) == {}


def test_offsets_of_deformable_convolutions() -> None:
    """The convolution of the offsets has its own rate, bias included; the layer itself is left out of the rules."""
    layer = DeformConv2d()
    assert is_dcn(layer)
    rules = {"dcn_offset_lr_mult": 0.1, "bias_lr_mult": 2.0, "bias_decay_mult": 0.0, "flat_decay_mult": 0.0}
    inside = {"prefix": "layer.conv_offset", "in_dcn": True}
    assert options("weight", layer.conv_offset, rules, **inside) == {"lr": pytest.approx(0.01)}
    assert options("bias", layer.conv_offset, rules, **inside) == {"lr": pytest.approx(0.01)}
    assert options("bias", layer, rules, prefix="layer", in_dcn=True) == {}


def test_custom_key_decides_alone() -> None:
    """No other rule has a say where a custom key matches; what else it says goes into the group."""
    rules = {
        "bias_lr_mult": 2.0,
        "bias_decay_mult": 0.0,
        "custom_keys": {"head": {"lr_mult": 0.5, "momentum": 0.8}},
    }
    assert options("bias", LINEAR, rules, prefix="head") == {
        "lr": 0.05,
        "weight_decay": 0.01,
        "lr_mult": 0.5,
        "momentum": 0.8,
    }


def test_custom_key_can_set_the_rate_itself() -> None:
    """A rate under a custom key is taken as it is."""
    assert options("weight", LINEAR, {"custom_keys": {"weight": {"lr": 0.7}}})["lr"] == 0.7


def test_multipliers_of_all_parameters() -> None:
    """`lr_mult` and `decay_mult` multiply everything, on top of what the other rules say."""
    rules = {
        "lr_mult": 0.5,
        "decay_mult": 2.0,
        "bias_lr_mult": 4.0,
        "custom_keys": {"head": {"decay_mult": 0.5}},
    }
    assert options("weight", LINEAR, rules) == {"lr": 0.05, "weight_decay": 0.02}
    assert options("bias", LINEAR, rules) == {"lr": 0.2, "weight_decay": 0.02}
    assert options("weight", LINEAR, rules, prefix="head") == {
        "lr": 0.05,
        "weight_decay": 0.01,
        "decay_mult": 0.5,
    }


def test_nothing_to_multiply() -> None:
    """An optimizer without rate or decay in its settings gets none from a rule."""
    rules = {"bias_lr_mult": 2.0, "lr_mult": 0.5}
    assert options("bias", LINEAR, rules, base_lr=None, base_wd=None) == {}


def test_longest_key_wins() -> None:
    """Keys occur anywhere in the name; the longest wins, of equal ones the first by alphabet."""
    assert matching_key("sub.param1", ["sub", "param1"]) == "param1"
    assert matching_key("a.b", ["b", "a"]) == "a"
    assert matching_key("a.b", ["c"]) is None


def test_plain_convolution_is_not_deformable() -> None:
    """A class is deformable by its name or that of a base."""
    assert not is_dcn(nn.Conv2d(1, 1, 1))
    assert is_dcn(type("Mine", (DeformConv2d,), {})())
    assert options("weight", nn.Conv2d(1, 1, 1), {"dcn_offset_lr_mult": 0.1}, prefix="conv_offset") == {}


def test_shapes_are_not_looked_at_before_they_are_there() -> None:
    """A scalar parameter is not flat."""
    module = nn.ParameterDict({"scale": nn.Parameter(torch.ones(()))})
    assert options("scale", module, {"flat_decay_mult": 0.0}) == {}
