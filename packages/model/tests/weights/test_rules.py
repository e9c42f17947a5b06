"""Initialisation rules against what they promise."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from eng_model import (
    bias_init_with_prob,
    caffe2_xavier_init,
    constant_init,
    kaiming_init,
    normal_init,
    trunc_normal_init,
    uniform_init,
    xavier_init,
)


def _filled(rule: Callable[..., None], **kwargs: Any) -> nn.Linear:
    torch.manual_seed(0)
    layer = nn.Linear(200, 100)
    rule(layer, **kwargs)
    return layer


@pytest.mark.parametrize(
    ("rule", "kwargs", "torchs"),
    [
        (constant_init, {"val": 3.0}, lambda w: nn.init.constant_(w, 3.0)),
        (xavier_init, {"gain": 2.0}, lambda w: nn.init.xavier_normal_(w, 2.0)),
        (xavier_init, {"distribution": "uniform"}, lambda w: nn.init.xavier_uniform_(w)),
        (normal_init, {"mean": 1.0, "std": 0.1}, lambda w: nn.init.normal_(w, 1.0, 0.1)),
        (trunc_normal_init, {"std": 2.0, "a": -1, "b": 3}, lambda w: nn.init.trunc_normal_(w, 0, 2.0, -1, 3)),
        (uniform_init, {"a": -1, "b": 2}, lambda w: nn.init.uniform_(w, -1, 2)),
        (kaiming_init, {}, lambda w: nn.init.kaiming_normal_(w, mode="fan_out", nonlinearity="relu")),
        (
            kaiming_init,
            {"a": 0.5, "mode": "fan_in", "nonlinearity": "leaky_relu", "distribution": "uniform"},
            lambda w: nn.init.kaiming_uniform_(w, 0.5, "fan_in", "leaky_relu"),
        ),
    ],
)
def test_rules_draw_what_torch_draws(rule: Any, kwargs: Any, torchs: Any) -> None:
    """Same seed, same numbers, and the bias is the constant."""
    layer = _filled(rule, bias=0.25, **kwargs)
    torch.manual_seed(0)
    expected = nn.Linear(200, 100)
    torchs(expected.weight)
    assert torch.equal(layer.weight, expected.weight)
    assert layer.bias.unique().tolist() == [0.25]


def test_caffe2_xavier_stays_within_its_bound() -> None:
    """Uniform with the bound `sqrt(3 / fan_in)`."""
    weight = _filled(caffe2_xavier_init).weight
    bound = math.sqrt(3 / 200)
    assert 0.99 * bound < weight.abs().max().item() <= bound


def test_truncation_cuts_at_the_values() -> None:
    """`a` and `b` are values, not deviations."""
    weight = _filled(trunc_normal_init, std=1.0, a=-0.5, b=1.0).weight
    assert weight.min() >= -0.5
    assert weight.max() <= 1.0


def test_a_classifier_can_begin_at_a_probability() -> None:
    """The sigmoid of the bias is the probability."""
    assert torch.sigmoid(torch.tensor(bias_init_with_prob(0.01))).item() == pytest.approx(0.01)


@pytest.mark.parametrize(
    "rule", [lambda m: constant_init(m, 1.0), xavier_init, normal_init, uniform_init, kaiming_init]
)
def test_layers_without_weight_or_bias_are_left_alone(rule: Any) -> None:
    """No bias, no affine parameters, no parameters at all."""
    rule(nn.ReLU())
    rule(nn.BatchNorm1d(2, affine=False))
    rule(nn.Linear(2, 2, bias=False))


@pytest.mark.parametrize("rule", [xavier_init, kaiming_init])
def test_unknown_distributions_are_refused(rule: Any) -> None:
    """There are two."""
    with pytest.raises(AssertionError, match="'student'"):
        rule(nn.Linear(2, 2), distribution="student")
