"""Amounts by module and operator."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from eng_model import (
    ActivationAnalyzer,
    BaseModel,
    FlopAnalyzer,
    activation_count,
    flop_count,
)


def _net() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 2),
    )


X = torch.linspace(0, 1, 96).view(2, 3, 4, 4)
EVAL = {"conv": 6912, "batch_norm": 512, "adaptive_avg_pool2d": 256, "linear": 32}


class Nest(nn.Module):
    """A shared layer, one that is called by a stranger, one that is not called, and a list."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(2, 3))
        self.caller = Caller(self.inner[0])
        self.layers = nn.ModuleList([nn.Linear(3, 2)])
        self.idle = nn.Linear(1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers[0](self.caller(x))


class Caller(nn.Module):
    def __init__(self, other: nn.Module) -> None:
        super().__init__()
        self.other = [other]  # not its own

    def forward(self, x: Tensor) -> Any:
        return self.other[0](x)


class Wave(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return (x + x.sin()) * x.sin()


def _bottleneck(inside: int, width: int, stride: int) -> nn.Module:
    out = 4 * width
    layers = [nn.Conv2d(inside, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
    layers += [nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
    block: Any = nn.Module()
    block.main = nn.Sequential(*layers, nn.Conv2d(width, out, 1, bias=False), nn.BatchNorm2d(out))
    short = [nn.Conv2d(inside, out, 1, stride, bias=False), nn.BatchNorm2d(out)]
    block.short = nn.Sequential(*short) if stride != 1 or inside != out else nn.Identity()
    block.forward = lambda x: torch.relu(block.main(x) + block.short(x))
    return block  # type: ignore[no-any-return]


def _resnet50() -> nn.Module:
    layers: list[nn.Module] = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
    layers.append(nn.MaxPool2d(3, 2, 1))
    inside = 64
    for width, blocks, stride in [(64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)]:
        for place in range(blocks):
            layers.append(_bottleneck(inside, width, stride if place == 0 else 1))
            inside = 4 * width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2048, 1000))


def test_amounts_of_a_small_network() -> None:
    """By operator, by module, in all."""
    counted = FlopAnalyzer(_net().eval(), X)
    assert counted.by_operator() == EVAL
    assert counted.total() == 7712
    assert counted.by_module() == {"": 7712, "0": 6912, "1": 512, "2": 0, "3": 256, "4": 0, "5": 32}
    assert counted.by_module_and_operator()["1"] == {"batch_norm": 512}
    assert (counted.total("5"), counted.by_operator("5")) == (32, {"linear": 32})
    assert counted.unsupported_ops() == Counter()
    assert ActivationAnalyzer(_net(), X).by_operator() == {"conv": 256, "linear": 4}


def test_training_costs_statistics(caplog: pytest.LogCaptureFixture) -> None:
    """And an operator of unknown cost, the counter of batches, which is said once."""
    counted = FlopAnalyzer(_net(), X)
    assert counted.by_operator() == EVAL | {"batch_norm": 1280}
    assert counted.unsupported_ops() == counted.unsupported_ops("1") == {"aten::add_": 1}
    assert counted.unsupported_ops("0") == Counter()
    assert [record.getMessage() for record in caplog.records] == [
        "FlopAnalyzer does not know what these operators cost: aten::add_ (1x)"
    ]


def test_a_known_model_on_the_meta_device() -> None:
    """ResNet-50 on 224 x 224: 4.09 G and 11.1 M in the literature; half of what torch counts; nothing is computed."""
    with torch.device("meta"):
        net, image = _resnet50().eval(), torch.rand(1, 3, 224, 224)
    counted = FlopAnalyzer(net, image).unsupported_ops_warnings(False)
    amounts = counted.by_operator()
    assert amounts["conv"] + amounts["linear"] == 4_089_184_256
    with FlopCounterMode(display=False) as counter:
        net(image)
    assert counter.get_total_flops() == 2 * 4_089_184_256
    assert ActivationAnalyzer(net, image).total() == 11_114_984


def test_the_model_is_left_as_it_was() -> None:
    """Statistics, hooks, and the random numbers that come next."""
    net = nn.Sequential(_net(), nn.Dropout())
    before = {name: value.clone() for name, value in net.state_dict().items()}
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    FlopAnalyzer(net, X).unsupported_ops_warnings(False).total()
    assert torch.equal(torch.rand(1), expected)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in net.modules())
    assert net(X).requires_grad


def test_owners_and_callers() -> None:
    """A layer that another part calls counts for its owners, or for its callers."""
    counted = FlopAnalyzer(Nest(), torch.rand(1, 2)).uncalled_modules_warnings(False)
    assert counted.by_module() == Counter(
        {"": 12, "inner": 6, "inner.0": 6, "caller": 0, "layers": 6, "layers.0": 6, "idle": 0}
    )
    counted.ancestor_mode("caller")
    assert counted.by_module() == Counter(
        {"": 12, "inner": 0, "inner.0": 6, "caller": 6, "layers": 0, "layers.0": 6, "idle": 0}
    )
    with pytest.raises(ValueError, match="owner"):
        counted.ancestor_mode("parent")


def test_modules_that_do_not_run_are_named(caplog: pytest.LogCaptureFixture) -> None:
    """Those that can, and in the log those with parameters."""
    counted = FlopAnalyzer(Nest(), torch.rand(1, 2))
    assert counted.uncalled_modules() == {"inner", "idle"}
    assert [record.getMessage() for record in caplog.records] == [
        "these modules did not run, so nothing in them is counted: idle, inner"
    ]
    caplog.clear()
    counted.copy().uncalled_modules_warnings(False).total()
    assert not caplog.records


def test_a_module_with_two_names_has_one() -> None:
    """The first."""
    net = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    net.append(net[0])
    counted = FlopAnalyzer(net, torch.rand(1, 2))
    assert counted.canonical_module_name("2") == "0"
    assert counted.total("2") == counted.total("0") == counted.total() == 8
    with pytest.raises(KeyError, match="no module `3`"):
        counted.total("3")


def test_operators_can_be_given_a_cost() -> None:
    """As a number, or under a name; None is nothing. The last word counts."""
    counted = FlopAnalyzer(Wave(), torch.ones(3)).unsupported_ops_warnings(False)
    assert counted.total() == 0
    assert counted.unsupported_ops() == {"aten::sin": 2, "aten::add": 1, "aten::mul": 1}
    counted.set_op_handle("aten::sin", lambda inputs, outputs: 8 * outputs[0].numel(), "aten::add", None)
    counted.set_op_handle(**{"aten::mul": lambda inputs, outputs: Counter(product=inputs[1].numel())})
    assert counted.by_operator() == {"sin": 48, "product": 3}
    assert counted.unsupported_ops() == Counter()
    assert counted.clear_op_handles().total() == 0
    with pytest.raises(TypeError, match="pairs"):
        counted.set_op_handle("aten::sin")


def test_a_copy_has_the_same_settings() -> None:
    """Of the same model or another."""
    counted = FlopAnalyzer(nn.Linear(2, 2), torch.ones(1, 2)).set_op_handle("aten::linear", lambda *_: 5)
    assert counted.copy().total() == 5
    assert counted.copy(nn.Linear(4, 4), torch.ones(1, 4)).total() == 5
    assert counted.copy(new_inputs=torch.ones(7, 2)).set_op_handle("aten::linear", None).total() == 0
    assert counted.total() == 5


def test_nothing_is_unsupported_before_it_is_counted() -> None:
    """Asking for it does not count."""
    with pytest.raises(RuntimeError, match="nothing has been counted"):
        FlopAnalyzer(_net(), X).unsupported_ops()


def test_there_is_nothing_to_warn_of_in_tracing() -> None:
    """The setting is understood."""
    counted = FlopAnalyzer(nn.Linear(1, 1), torch.ones(1, 1))
    assert counted.tracer_warnings("none").total() == 1
    with pytest.raises(ValueError, match="no_tracer_warning"):
        counted.tracer_warnings("some")


def test_counts_in_one_call() -> None:
    """In billions and in millions, with what is not known."""
    amounts, unknown = flop_count(_net().eval(), X)
    assert amounts == {name: amount / 1e9 for name, amount in EVAL.items()}
    assert unknown == Counter()
    assert activation_count(_net().eval(), X)[0] == {"conv": 256e-6, "linear": 4e-6}
    amounts, unknown = flop_count(Wave(), torch.ones(2), {"aten::sin": lambda *_: 1e9})
    assert (amounts, unknown) == ({"sin": 2.0}, {"aten::add": 1, "aten::mul": 1})


def test_inputs_can_be_named() -> None:
    """A model of the engine takes a mapping as its keywords."""

    class Line(BaseModel):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(2, 1)

        def forward(self, inputs: Tensor, data_samples: Any = None, mode: str = "tensor") -> Any:
            return self.fc(inputs)

    assert FlopAnalyzer(Line(), {"inputs": torch.ones(3, 2), "mode": "predict"}).total() == 6


def test_an_error_of_the_model_comes_out() -> None:
    """And no hook is left behind."""
    net = _net()
    with pytest.raises(RuntimeError):
        FlopAnalyzer(net, torch.ones(1, 1)).total()
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in net.modules())
