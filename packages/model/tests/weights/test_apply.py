"""Which layer is touched by which initializer."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from eng_model import (
    Caffe2XavierInit,
    ConstantInit,
    KaimingInit,
    NormalInit,
    PretrainedInit,
    TruncNormalInit,
    UniformInit,
    XavierInit,
    bias_init_with_prob,
    initialize,
)
from eng_registry import WEIGHT_INITIALIZERS


def _net() -> nn.Sequential:
    return nn.Sequential(nn.Conv1d(1, 1, 1), nn.Linear(1, 2), nn.Sequential(nn.Linear(2, 2)))


def _weights(net: nn.Module) -> list[float]:
    return [float(p.flatten()[0].detach()) for name, p in net.named_parameters() if name.endswith("weight")]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Constant", ConstantInit),
        ("Xavier", XavierInit),
        ("Normal", NormalInit),
        ("TruncNormal", TruncNormalInit),
        ("Uniform", UniformInit),
        ("Kaiming", KaimingInit),
        ("Caffe2Xavier", Caffe2XavierInit),
        ("Pretrained", PretrainedInit),
    ],
)
def test_initializers_are_registered_without_their_suffix(name: str, kind: type) -> None:
    """`type="Constant"` is ConstantInit."""
    assert WEIGHT_INITIALIZERS.get(name) is kind


@pytest.mark.parametrize(
    "initializer",
    [
        ConstantInit(val=1, layer="Linear"),
        XavierInit(gain=0.5, layer="Linear"),
        NormalInit(mean=3, layer="Linear"),
        TruncNormalInit(std=0.5, layer="Linear"),
        UniformInit(a=5, b=6, layer="Linear"),
        KaimingInit(distribution="uniform", layer="Linear"),
        Caffe2XavierInit(layer="Linear"),
    ],
)
def test_each_fills_the_named_layers_only(initializer: Any) -> None:
    """Every Linear changes, the convolution does not."""
    net = _net()
    before = _weights(net)
    initializer(net)
    after = _weights(net)
    assert after[0] == before[0]
    assert after[1] != before[1]
    assert after[2] != before[2]
    assert net[1].bias.tolist() == [0.0, 0.0]


def test_layers_match_by_class_or_direct_base() -> None:
    """`_ConvNd` matches every convolution, `Module`, further up, does not."""
    for layer, expected in (
        ("Conv1d", 7.0),
        ("_ConvNd", 7.0),
        (["Bilinear", "Conv1d"], 7.0),
        ("Module", 0.5),
        (None, 0.5),
    ):
        net = nn.Conv1d(1, 1, 1)
        nn.init.constant_(net.weight, 0.5)
        ConstantInit(val=7, layer=layer)(net)
        assert net.weight.item() == expected


def test_the_bias_may_be_a_probability() -> None:
    """`bias_prob` wins over `bias`."""
    assert ConstantInit(val=0, bias=1, bias_prob=0.01, layer="Linear").bias == bias_init_with_prob(0.01)


@pytest.mark.parametrize(
    "kwargs", [{"bias": "1"}, {"bias_prob": 1}, {"layer": 1}, {"layer": [1]}, {"layer": nn.Linear}]
)
def test_settings_of_the_wrong_type_are_refused(kwargs: Any) -> None:
    """Each names itself."""
    with pytest.raises(TypeError, match=next(iter(kwargs))):
        ConstantInit(val=1, **kwargs)


def test_a_list_is_carried_out_in_order() -> None:
    """Later ones win."""
    net = _net()
    initialize(
        net,
        [
            {"type": "Constant", "layer": ["Linear", "Conv1d"], "val": 1},
            {"type": "Constant", "layer": "Linear", "val": 2},
        ],
    )
    assert _weights(net) == [1.0, 2.0, 2.0]


def test_initialize_does_not_change_its_configuration() -> None:
    """The same one can be used for the next module."""
    cfg = {
        "type": "Constant",
        "layer": "Linear",
        "val": 1,
        "override": {"name": "0", "type": "Constant", "val": 2},
    }
    once = repr(cfg)
    initialize(_net(), cfg)
    assert repr(cfg) == once


def test_a_class_may_stand_for_its_name() -> None:
    """`type` is what the registry takes."""
    net = _net()
    initialize(net, {"type": ConstantInit, "layer": "Conv1d", "val": 4})
    assert _weights(net)[0] == 4.0


class Heads(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Linear(1, 1)
        self.cls = nn.Conv1d(1, 1, 1)
        self.reg = nn.Sequential(nn.Conv1d(1, 1, 1), nn.Linear(1, 1))


def test_an_override_takes_a_submodule_whole() -> None:
    """Whatever layers it is made of, and after the layer-wise part."""
    net = Heads()
    override = [{"name": "cls", "type": "Constant", "val": 3, "bias": 4}, {"name": "reg"}]
    initialize(net, {"type": "Constant", "layer": "Linear", "val": 1, "bias": 2, "override": override})
    assert _weights(net) == [1.0, 3.0, 1.0, 1.0]
    assert net.cls.bias.item() == 4.0
    assert net.reg[0].bias.item() == 2.0


def test_without_layer_only_the_override_acts() -> None:
    """An initializer without `layer` matches nothing itself."""
    net = Heads()
    before = _weights(net)
    initialize(net, {"type": "Constant", "val": 1, "override": {"name": "cls"}})
    assert _weights(net) == [before[0], 1.0, *before[2:]]


@pytest.mark.parametrize(
    ("override", "error", "message"),
    [
        ("cls", TypeError, "override"),
        ({"type": "Constant", "val": 1}, ValueError, "`name` is missing"),
        ({"name": "neck"}, RuntimeError, "no `neck` to override"),
        ({"name": "cls", "val": 1}, ValueError, "no `type`"),
    ],
)
def test_wrong_overrides_are_named(override: Any, error: type[Exception], message: str) -> None:
    """Each error says what is missing."""
    with pytest.raises(error, match=message):
        initialize(Heads(), {"type": "Constant", "layer": "Linear", "val": 1, "override": override})


@pytest.mark.parametrize("init_cfg", ["Constant", ("Constant",), 3])
def test_a_configuration_is_a_mapping_or_a_list(init_cfg: Any) -> None:
    """Anything else is refused."""
    with pytest.raises(TypeError, match="init_cfg"):
        initialize(nn.Linear(1, 1), init_cfg)


def test_seeds_decide() -> None:
    """Same seed, same weights."""
    nets = []
    for _ in range(2):
        torch.manual_seed(3)
        nets.append(_net())
        initialize(nets[-1], {"type": "Normal", "layer": ["Linear", "Conv1d"]})
    assert _weights(nets[0]) == _weights(nets[1])


def test_a_layer_that_is_misspelled_or_absent_is_warned_of(caplog):
    """What is meant for other models is not."""
    model = nn.Sequential(nn.Linear(1, 1))
    initialize(model, {"type": "Xavier", "layer": ["Linear", "Conv2d", "DeformConv2d"]})
    assert not caplog.records
    initialize(model, {"type": "Xavier", "layer": "Linaer"})
    assert "Sequential: it has no layer 'Linaer'; did you mean `Linear`?" in caplog.text
    initialize(model, {"type": "Xavier"})
    assert "Sequential has no `layer`, so it initialises nothing: {'type': 'Xavier'}" in caplog.text
