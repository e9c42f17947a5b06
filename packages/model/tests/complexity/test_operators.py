"""Single operators against torch's own counter, and those that it does not count against their definition."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from eng_model import FlopAnalyzer


class Call(nn.Module):
    """A function as a model."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: Tensor) -> Any:
        return self.function(*inputs)


@pytest.mark.parametrize(
    ("model", "shapes"),
    [
        (nn.Linear(3, 5), [(2, 4, 3)]),
        (nn.Linear(3, 5, bias=False), [(3,)]),
        (nn.Conv1d(4, 6, 3, groups=2), [(2, 4, 9)]),
        (nn.Conv2d(3, 6, 3, padding="same"), [(2, 3, 5, 5)]),
        (nn.Conv2d(3, 6, 3, stride=2, dilation=2, padding_mode="reflect", padding=1), [(2, 3, 9, 9)]),
        (nn.Conv3d(1, 2, 2), [(1, 1, 3, 3, 3)]),
        (nn.ConvTranspose2d(4, 2, 3, stride=2), [(2, 4, 5, 5)]),
        (nn.GRU(4, 8), [(3, 2, 4)]),
        (Call(torch.matmul), [(2, 3, 4), (4, 5)]),
        (Call(torch.bmm), [(2, 3, 4), (2, 4, 5)]),
        (Call(torch.baddbmm), [(2, 3, 5), (2, 3, 4), (2, 4, 5)]),
        (Call(torch.addmm), [(3, 5), (3, 4), (4, 5)]),
        (Call(torch.mm), [(3, 4), (4, 5)]),
        (Call(lambda a, b, c: torch.einsum("ij,jk,kl->il", a, b, c)), [(2, 3), (3, 4), (4, 5)]),
    ],
)
def test_products_are_half_of_what_torch_counts(model: nn.Module, shapes: list[tuple[int, ...]]) -> None:
    """A multiply-add is two operations there."""
    inputs = tuple(torch.rand(shape) for shape in shapes)
    with FlopCounterMode(display=False) as counter:
        model(*inputs)
    counted = FlopAnalyzer(model, inputs)
    products = {"linear", "conv", "matmul", "bmm", "baddbmm", "addmm", "mm"}
    assert sum(counted.by_operator()[name] for name in products) == counter.get_total_flops() / 2 > 0


def test_a_single_sample_is_a_batch_of_one() -> None:
    """Convolutions take images without a batch."""
    conv = nn.Conv2d(3, 6, 3)
    assert (
        FlopAnalyzer(conv, torch.rand(3, 5, 5)).total() == FlopAnalyzer(conv, torch.rand(1, 3, 5, 5)).total()
    )


@pytest.mark.parametrize(
    ("model", "shape", "name", "per_element"),
    [
        (nn.BatchNorm1d(4).eval(), (2, 4, 3), "batch_norm", 2),
        (nn.BatchNorm1d(4, affine=False).eval(), (2, 4, 3), "batch_norm", 1),
        (nn.BatchNorm1d(4), (2, 4, 3), "batch_norm", 5),
        (nn.BatchNorm1d(4, affine=False), (2, 4, 3), "batch_norm", 4),
        (nn.LayerNorm(3), (2, 4, 3), "layer_norm", 5),
        (nn.LayerNorm(3, elementwise_affine=False), (2, 4, 3), "layer_norm", 4),
        (nn.GroupNorm(2, 4), (2, 4, 3), "group_norm", 5),
        (nn.InstanceNorm1d(4), (2, 4, 3), "instance_norm", 4),
        (nn.RMSNorm(3), (2, 4, 3), "rms_norm", 4),
        (nn.AdaptiveAvgPool2d(1), (2, 4, 3, 3), "adaptive_avg_pool2d", 1),
        (nn.Upsample(scale_factor=2), (2, 4, 3, 3), "upsample_nearest2d", 4),
        (nn.Upsample(scale_factor=2, mode="bilinear"), (2, 4, 3, 3), "upsample_bilinear2d", 16),
    ],
)
def test_what_is_done_to_every_element(
    model: nn.Module, shape: tuple[int, ...], name: str, per_element: int
) -> None:
    """Operations for each element of the input."""
    x = torch.rand(shape)
    assert FlopAnalyzer(model, x).by_operator() == {name: per_element * x.numel()}


def test_sampling_from_a_grid_is_four_per_point() -> None:
    """As many as bilinear interpolation has neighbours."""
    model = Call(lambda x, grid: functional.grid_sample(x, grid, align_corners=False))
    counted = FlopAnalyzer(model, (torch.rand(1, 2, 4, 4), torch.rand(1, 3, 3, 2)))
    assert counted.by_operator() == {"grid_sampler": 4 * 2 * 9}


def test_attention_is_two_products() -> None:
    """For queries (L), keys and values (S) of H heads: L*S*E for the scores, L*S*V for the result."""
    shapes = [(2, 4, 5, 8), (2, 4, 6, 8), (2, 4, 6, 3)]
    model = Call(functional.scaled_dot_product_attention)
    counted = FlopAnalyzer(model, tuple(torch.rand(shape) for shape in shapes))
    assert counted.by_operator() == {"scaled_dot_product_attention": 2 * 4 * 5 * 6 * (8 + 3)}


@pytest.mark.parametrize("layers", [1, 2])
def test_a_recurrent_layer_uses_every_weight_in_every_step(layers: int) -> None:
    """Whether it is one operator, as some of torch's backends have it, or many."""
    lstm = nn.LSTM(4, 8, num_layers=layers)
    amounts = FlopAnalyzer(lstm, torch.rand(3, 2, 4)).by_operator()
    weights = sum(parameter.numel() for parameter in lstm.parameters() if parameter.dim() == 2)
    assert sum(amounts[name] for name in ("rnn", "linear", "addmm", "mm")) == 3 * 2 * weights
