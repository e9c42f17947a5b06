"""How a batch becomes arguments."""

from collections import OrderedDict, namedtuple
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from eng_model.base import run_forward


def _echo(*args: Any, mode: str, **kwargs: Any) -> Any:
    return args, kwargs, mode


def test_dicts_are_keywords_and_sequences_are_positions() -> None:
    """`mode` is a keyword always."""
    assert run_forward(_echo, OrderedDict(a=1), "loss") == ((), {"a": 1}, "loss")
    assert run_forward(_echo, [1, 2], "loss") == ((1, 2), {}, "loss")
    assert run_forward(_echo, namedtuple("Pair", "x y")(1, 2), "predict") == ((1, 2), {}, "predict")


@pytest.mark.parametrize("data", [{1, 2}, "text", None, 3])
def test_anything_else_is_an_error(data: Any) -> None:
    """The error names what came."""
    with pytest.raises(TypeError, match=type(data).__name__):
        run_forward(_echo, data, "loss")


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4))

    def forward(self, x: Tensor, mode: str) -> Any:
        if mode == "own":
            raise KeyError(mode)
        return self.body(x)


@pytest.mark.parametrize(
    ("x", "text", "name"),
    [
        (torch.ones(1, 2), "more than 1 value per channel", "`body.1` (BatchNorm1d)"),
        (torch.ones(3, 5), "cannot be multiplied", "`body.0` (Linear)"),
    ],
)
def test_an_error_says_in_which_module_it_happened(x: Tensor, text: str, name: str) -> None:
    """A note under the error; its type and its words stay."""
    with pytest.raises((ValueError, RuntimeError), match=text) as caught:
        run_forward(Net(), {"x": x}, "loss")
    assert caught.value.__notes__ == [f"This happened in {name} of Net."]


def test_an_error_of_the_model_itself_needs_no_note() -> None:
    """The traceback ends in its `forward`."""
    with pytest.raises(KeyError) as caught:
        run_forward(Net(), [torch.ones(3, 2)], "own")
    assert not hasattr(caught.value, "__notes__")
