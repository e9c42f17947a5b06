"""The costs of a model, with the numbers of MMEngine."""

from collections import Counter

import pytest
import torch
from mmengine.analysis import ActivationAnalyzer, FlopAnalyzer, get_model_complexity_info, parameter_count
from mmengine.analysis.jit_analysis import JitModelAnalysis
from mmengine.analysis.jit_handles import (
    conv_flop_count,
    elementwise_flop_counter,
    generic_activation_jit,
    get_shape,
    prod,
)
from torch import nn


@pytest.fixture
def model():
    """A convolution, a norm, and a classifier."""
    layers = [nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2)).eval()


def test_the_golden_numbers(model):
    """Multiply-adds, activations and parameters as MMEngine counts them."""
    inputs = torch.ones(2, 3, 4, 4)
    flops = FlopAnalyzer(model, inputs)
    assert flops.by_operator() == Counter(conv=6912, batch_norm=512, adaptive_avg_pool2d=256, linear=32)
    assert flops.total() == 7712
    assert FlopAnalyzer(model.train(), inputs).by_operator()["batch_norm"] == 1280
    assert ActivationAnalyzer(model, inputs).by_operator() == Counter(conv=256, linear=4)
    counts = parameter_count(model)
    assert [counts[name] for name in ("", "0", "0.weight", "1", "5")] == [250, 216, 216, 16, 18]


def test_everything_at_once(model):
    """Numbers and texts."""
    info = get_model_complexity_info(model, (3, 4, 4))
    assert [info["flops"], info["activations"], info["params"]] == [3856, 130, 250]
    assert [info["flops_str"], info["activations_str"], info["params_str"]] == ["3.856K", "0.13K", "0.25K"]


def test_costs_of_ones_own():
    """The parts of handles are for arguments and results as they are."""
    assert isinstance(FlopAnalyzer(nn.ReLU(), torch.ones(1)), JitModelAnalysis)
    flops = FlopAnalyzer(nn.GELU(), torch.ones(2, 3))
    assert flops.set_op_handle("aten::gelu", elementwise_flop_counter(2, 1)).total() == 18
    flops.set_op_handle("aten::gelu", generic_activation_jit("gelu"))
    assert flops.by_operator() == Counter(gelu=6)
    flops.set_op_handle("aten::gelu", lambda inputs, outputs: prod(get_shape(inputs[0])))
    assert flops.total() == 6
    assert get_shape(3) is None


@pytest.mark.parametrize(
    ("layer", "transposed"),
    [
        (nn.Conv2d(4, 6, 3, stride=2, groups=2, bias=False), False),
        (nn.ConvTranspose2d(4, 6, 3, stride=2, bias=False), True),
    ],
)
def test_the_formula_of_convolutions(layer, transposed):
    """It gives what the analyzer counts."""
    inputs = torch.ones(2, 4, 9, 9)
    count = conv_flop_count(inputs.shape, layer.weight.shape, layer(inputs).shape, transposed)
    assert count == FlopAnalyzer(layer, inputs).total()
