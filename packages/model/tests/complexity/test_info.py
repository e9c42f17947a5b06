"""One call, one page."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from eng_model import get_model_complexity_info


def _net() -> nn.Sequential:
    layers = [
        nn.Conv2d(3, 8, 3, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
    ]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(8, 2)).eval()


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(2, 3)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return self.fc(a) @ b


def test_numbers_and_their_text() -> None:
    """Of a shape without the batch."""
    info = get_model_complexity_info(_net(), (3, 4, 4))
    texts = ("out_table", "out_arch")
    assert {name: value for name, value in info.items() if name not in texts} == {
        "flops": 3856,
        "flops_str": "3.856K",
        "activations": 130,
        "activations_str": "0.13K",
        "params": 250,
        "params_str": "0.25K",
    }


def test_the_table_has_modules_and_parameters() -> None:
    """Amounts of modules, shapes of parameters."""
    table = get_model_complexity_info(_net(), (3, 4, 4))["out_table"].splitlines()
    assert [line.split(" | ")[0].rstrip() for line in table[2:6]] == ["model", " 0", "  0.weight", " 1"]
    assert [cell.strip() for cell in table[3].split("|")] == ["0", "0.216K", "3.456K", "0.128K"]
    assert [cell.strip() for cell in table[4].split("|")] == ["0.weight", "(8, 3, 3, 3)", "", ""]


def test_the_architecture_has_the_numbers_in_it() -> None:
    """Where there are any."""
    net = nn.Sequential(nn.Linear(8, 2), nn.ReLU())
    assert get_model_complexity_info(net, (8,))["out_arch"] == (
        "Sequential(\n"
        "  #params: 18, #flops: 16, #acts: 2\n"
        "  (0): Linear(\n"
        "    in_features=8, out_features=2, bias=True\n"
        "    #params: 18, #flops: 16, #acts: 2\n"
        "  )\n"
        "  (1): ReLU()\n"
        ")"
    )


def test_texts_can_be_left_out() -> None:
    """They are empty then."""
    info = get_model_complexity_info(_net(), (3, 4, 4), show_table=False, show_arch=False)
    assert info["out_table"] == info["out_arch"] == ""


def test_several_inputs_by_shape_or_as_they_are() -> None:
    """A tuple of shapes is as many inputs."""
    by_shape = get_model_complexity_info(Two(), ((4, 2), (3, 5)))
    given = get_model_complexity_info(Two(), inputs=(torch.ones(1, 4, 2), torch.ones(1, 3, 5)))
    assert by_shape["flops"] == given["flops"] == 4 * 2 * 3 + 4 * 3 * 5


def test_inputs_are_where_the_model_is_and_of_its_type() -> None:
    """On the meta device nothing is computed."""
    with torch.device("meta"):
        net = nn.Linear(4, 4).bfloat16()
    assert get_model_complexity_info(net, (4,))["flops"] == 16


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"input_shape": (3,), "inputs": torch.ones(1)},
        {"input_shape": [3]},
        {"input_shape": ()},
        {"input_shape": (3, (4,))},
    ],
)
def test_unclear_inputs_are_refused(arguments: dict[str, Any]) -> None:
    """Both, none, or a shape that is none."""
    with pytest.raises(ValueError, match="input_shape"):
        get_model_complexity_info(nn.Linear(3, 3), **arguments)
