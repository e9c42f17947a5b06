"""merge_dict."""

from typing import Any

import pytest
import torch
from torch import fx, nn

from eng_model import merge_dict


def test_later_ones_win_and_none_is_changed() -> None:
    """A new dict."""
    first, second = {"a": 1, "b": 1}, {"b": 2}
    assert merge_dict(first, second) == {"a": 1, "b": 2}
    assert first == {"a": 1, "b": 1}
    assert merge_dict() == {}


def test_only_dicts_can_be_merged() -> None:
    """A list of pairs is no dict."""
    with pytest.raises(AssertionError, match="list"):
        merge_dict([("a", 1)])


def test_it_can_be_traced() -> None:
    """Dicts that are made inside the model, and dicts that come from outside and are one call in the graph."""

    class Losses(nn.Module):
        def forward(self, x: torch.Tensor, others: Any) -> Any:
            return merge_dict({"loss_a": x * 2}, others)

    traced = fx.symbolic_trace(Losses())
    assert [node.target for node in traced.graph.nodes if node.op == "call_function"][-1] is merge_dict
    assert traced(torch.ones(1), {"loss_b": 3}) == {"loss_a": torch.tensor([2.0]), "loss_b": 3}
