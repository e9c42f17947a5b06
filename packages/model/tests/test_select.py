"""Modules by path or by class."""

from __future__ import annotations

import pytest
from torch import nn

from eng_model import select_modules


def _net() -> nn.Module:
    return nn.ModuleDict({"body": nn.Sequential(nn.Linear(1, 1), nn.ReLU()), "head": nn.Linear(1, 1)})


def test_paths_and_classes_can_be_mixed() -> None:
    """Each in the order of the list, nothing twice."""
    net = _net()
    assert [*select_modules(net, ["head", "Linear"])] == ["head", "body.0"]
    assert select_modules(net, "body.1") == {"body.1": net["body"][1]}


def test_the_empty_path_is_the_model() -> None:
    """As in `get_submodule`."""
    net = _net()
    assert select_modules(net, "") == {"": net}


def test_an_unknown_name_says_what_is_near() -> None:
    """Paths and classes are both offered."""
    with pytest.raises(
        AttributeError, match=r"ModuleDict has no module `haed`, neither by path nor by class.*`head`"
    ):
        select_modules(_net(), "haed")
    with pytest.raises(AttributeError, match="`Linear`"):
        select_modules(_net(), ["head", "Liner"])
