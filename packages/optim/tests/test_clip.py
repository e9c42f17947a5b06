"""Clipping: from the mapping to the gradients."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import distribute_tensor

from eng_optim import SettingError
from eng_optim.clip import make_clip


def parameter(*gradient: float) -> nn.Parameter:
    """A parameter with that gradient."""
    weight = nn.Parameter(torch.zeros(len(gradient)))
    weight.grad = torch.tensor(gradient)
    return weight


@pytest.mark.parametrize(
    ("clip_grad", "expected"),
    [
        ({"max_norm": 1}, [0.6, 0.8]),
        ({"type": "norm", "max_norm": 5, "norm_type": 1}, [15 / 7, 20 / 7]),
        ({"max_norm": 100}, [3, 4]),
        ({"clip_value": 3.5}, [3, 3.5]),
        ({"type": "value", "clip_value": 0.5}, [0.5, 0.5]),
    ],
)
def test_each_way(clip_grad: dict[str, Any], expected: list[float]) -> None:
    """The keys say which clipping is meant, and `type` may say it too."""
    weight = parameter(3.0, 4.0)
    clip = make_clip(clip_grad)
    assert clip is not None
    clip([weight])
    assert weight.grad is not None
    assert weight.grad.tolist() == pytest.approx(expected, rel=1e-5)


def test_norm_is_that_of_all_parameters_together() -> None:
    """Not each parameter is clipped, but the direction of all is kept."""
    first, second = parameter(3.0), parameter(4.0)
    clip = make_clip({"max_norm": 1.0})
    assert clip is not None
    assert clip([first, second]) == 5.0
    assert first.grad is not None
    assert first.grad.item() == pytest.approx(0.6, rel=1e-5)


def test_configuration_stays_as_it_is() -> None:
    """The same mapping can configure a second wrapper."""
    clip_grad = {"type": "norm", "max_norm": 1}
    make_clip(clip_grad)
    assert clip_grad == {"type": "norm", "max_norm": 1}


def test_nothing_to_clip() -> None:
    """None is no clipping."""
    assert make_clip(None) is None


def test_unknown_kind() -> None:
    """A kind that there is not is named together with those that there are."""
    with pytest.raises(ValueError, match="'l2'; there are 'norm' and 'value'"):
        make_clip({"type": "l2", "max_norm": 1})


@pytest.mark.parametrize(
    ("clip_grad", "message"),
    [
        ({}, "is a mapping"),
        ([1], "is a mapping"),
        ({"type": "norm"}, "add `max_norm`"),
        ({"type": "value"}, "add `clip_value`"),
    ],
)
def test_how_much_is_missing(clip_grad: Any, message: str) -> None:
    """A clipping without a limit says what to add."""
    with pytest.raises(SettingError, match=message):
        make_clip(clip_grad)


def test_norm_of_shards(two_ranks: Callable[..., list[Any]]) -> None:
    """Sharded gradients are clipped by the norm of the whole, which every rank gets as a plain tensor."""
    whole = torch.arange(8.0).view(4, 2)

    def clip(rank: int) -> list[Any]:
        model = nn.Linear(2, 4, bias=False)
        nn.init.zeros_(model.weight)
        fully_shard(model)
        model.weight.grad = distribute_tensor(whole, model.weight.device_mesh, model.weight.placements)
        clip_it = make_clip({"max_norm": 1.0})
        assert clip_it is not None
        norm = clip_it(list(model.parameters()))
        assert type(norm) is torch.Tensor
        return [norm.item(), model.weight.grad.full_tensor().norm().item()]

    for norm, clipped in two_ranks(clip):
        assert norm == pytest.approx(whole.norm().item())
        assert clipped == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize(
    ("clip_grad", "words"),
    [
        ({"max_nrom": 1}, "no `max_nrom`, did you mean `max_norm`"),
        ({"max_norm": 1, "clip_value": 1}, "by value has no `max_norm`"),
        ({"norm_type": 2}, "add `max_norm`"),
        ({"max_norm": -1}, "positive number, not -1"),
        ({"max_norm": "1"}, "positive number, not '1'"),
    ],
)
def test_wrong_settings_are_told_before_the_first_step(clip_grad: dict[str, Any], words: str) -> None:
    """A typo would else be found by the first batch, a negative limit never."""
    with pytest.raises(SettingError, match=words):
        make_clip(clip_grad)
