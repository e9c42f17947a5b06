"""PretrainedInit: whole files and parts of them."""

from pathlib import Path

import pytest
import torch
from torch import nn

from eng_model import PretrainedInit, initialize


@pytest.fixture
def file(tmp_path: Path) -> str:
    """A checkpoint of a model with a backbone and a head."""
    net = nn.ModuleDict({"backbone": nn.Linear(1, 1), "head": nn.Linear(1, 1)})
    nn.init.constant_(net["backbone"].weight, 3.0)
    nn.init.constant_(net["head"].weight, 4.0)
    path = tmp_path / "net.pth"
    torch.save({"state_dict": net.state_dict()}, path)
    return str(path)


def test_a_whole_file_is_loaded(file: str) -> None:
    """By the names in it."""
    net = nn.ModuleDict({"backbone": nn.Linear(1, 1), "neck": nn.Linear(1, 1)})
    PretrainedInit(file)(net)
    assert net["backbone"].weight.item() == 3.0


@pytest.mark.parametrize("prefix", ["head", "head."])
def test_a_part_is_loaded_by_its_prefix(file: str, prefix: str) -> None:
    """The rest of the name is the name in the module."""
    layer = nn.Linear(1, 1)
    initialize(layer, {"type": "Pretrained", "checkpoint": file, "prefix": prefix})
    assert layer.weight.item() == 4.0


def test_a_prefix_that_is_not_there_is_named(file: str) -> None:
    """Together with what is there."""
    with pytest.raises(AssertionError, match=r"'neck\.'.*\['backbone', 'head'\]"):
        PretrainedInit(file, prefix="neck")(nn.Linear(1, 1))
