"""BaseModule.init_weights: order, once, report."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from eng_model import BaseModule, ModuleDict, ModuleList, Sequential, update_init_info
from eng_registry import MODELS

ALL_ONES = {"type": "Constant", "layer": "Linear", "val": 1.0, "bias": 1.0}
ALL_TWOS = {"type": "Constant", "layer": "Linear", "val": 2.0, "bias": 2.0}


class Leaf(BaseModule):
    def __init__(self, init_cfg: Any = None) -> None:
        super().__init__(init_cfg)
        self.fc = nn.Linear(1, 1)


class Tree(BaseModule):
    def __init__(self, leaf_cfg: Any = None, init_cfg: Any = None) -> None:
        super().__init__(init_cfg)
        self.leaf = Leaf(leaf_cfg)
        self.fc = nn.Linear(1, 1)


def test_children_win_over_their_parent() -> None:
    """The parent's configuration reaches all layers, the child's comes after."""
    tree = Tree(ALL_TWOS, ALL_ONES)
    tree.init_weights()
    assert tree.fc.weight.item() == 1.0
    assert tree.leaf.fc.weight.item() == 2.0
    assert tree.is_init
    assert tree.leaf.is_init


def test_several_initializers_run_in_order() -> None:
    """The last one wins."""
    leaf = Leaf([ALL_ONES, ALL_TWOS])
    leaf.init_weights()
    assert leaf.fc.bias.item() == 2.0


def test_pretrained_weights_win_over_children(tmp_path: Path) -> None:
    """Wherever it stands in the list, the file is loaded last."""
    source = Tree()
    nn.init.constant_(source.leaf.fc.weight, 5.0)
    torch.save({"state_dict": source.state_dict()}, tmp_path / "weights.pth")
    tree = Tree(ALL_TWOS, [{"type": "Pretrained", "checkpoint": str(tmp_path / "weights.pth")}, ALL_ONES])
    tree.init_weights()
    assert tree.leaf.fc.weight.item() == 5.0
    assert torch.equal(tree.fc.weight, source.fc.weight)


def test_a_second_call_only_warns(caplog: pytest.LogCaptureFixture) -> None:
    """Weights that have been trained meanwhile are safe."""
    leaf = Leaf(ALL_ONES)
    leaf.init_weights()
    nn.init.constant_(leaf.fc.weight, 9.0)
    leaf.init_weights()
    assert leaf.fc.weight.item() == 9.0
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_child_that_is_initialised_is_left_alone() -> None:
    """`is_init` can be set from outside."""
    tree = Tree(ALL_TWOS)
    tree.leaf.is_init = True
    before = tree.leaf.fc.weight.item()
    tree.init_weights()
    assert tree.leaf.fc.weight.item() == before


def test_a_wrapped_child_is_initialised_through_its_wrapper() -> None:
    """A wrapper without `init_weights` stands for its module."""
    tree = Tree()
    tree.leaf = nn.DataParallel(Leaf(ALL_TWOS))  # type: ignore[assignment]  # a wrapper in the child's place
    tree.init_weights()
    assert tree.leaf.module.fc.weight.item() == 2.0


def test_any_child_with_init_weights_is_called() -> None:
    """Also one that is no BaseModule."""

    class Foreign(nn.Linear):
        def init_weights(self) -> None:
            nn.init.constant_(self.weight, 7.0)

    tree = Tree()
    tree.fc = Foreign(1, 1)
    tree.init_weights()
    assert tree.fc.weight.item() == 7.0


def test_init_cfg_is_copied_and_shown() -> None:
    """Changing the configuration afterwards does not reach the module."""
    cfg = dict(ALL_ONES)
    leaf = Leaf(cfg)
    cfg["val"] = 3.0
    assert leaf.init_cfg == ALL_ONES
    assert repr(leaf).endswith(f"init_cfg={ALL_ONES}")
    assert "init_cfg" not in repr(Leaf())


def test_initialising_is_one_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """However many parameters there are; and none where nothing was done."""
    with caplog.at_level(logging.INFO, logger="eng_model"):
        Tree(ALL_TWOS).init_weights()
        Tree().init_weights()
    assert [record.getMessage() for record in caplog.records] == ["Tree: 2 of 4 parameters initialised"]


def test_where_each_value_came_from_is_for_debugging(caplog: pytest.LogCaptureFixture) -> None:
    """One record with one line per parameter."""
    with caplog.at_level(logging.DEBUG, logger="eng_model"):
        Tree(ALL_TWOS).init_weights()
    (table,) = [record.getMessage() for record in caplog.records if record.levelname == "DEBUG"]
    assert table.count("\n") == 4
    assert "leaf.fc.weight - (1, 1): ConstantInit: bias=2.0, val=2.0" in table
    assert "fc.bias - (1,): as built" in table


@pytest.mark.parametrize("init_cfg", ["Constant", ["Constant"], 3])
def test_a_configuration_of_the_wrong_type_is_refused(init_cfg: object) -> None:
    """Before anything is initialised."""
    with pytest.raises(TypeError, match="init_cfg has to be a mapping"):
        Leaf(init_cfg).init_weights()


def test_no_trace_of_the_record_is_left() -> None:
    """Also after an error, the modules are as before."""
    tree = Tree({"type": "Constant", "layer": "Linear", "val": 1.0, "override": {"name": "missing"}})
    with pytest.raises(RuntimeError, match="missing"):
        tree.init_weights()
    assert not any("_params_init_info" in vars(module) for module in tree.modules())


def test_notes_can_only_be_taken_during_initialisation() -> None:
    """Outside there is no record."""
    with pytest.raises(AssertionError, match="not being initialised"):
        update_init_info(Leaf(), "note")


def test_a_parameter_may_not_be_replaced_during_initialisation() -> None:
    """The record would not know it."""

    class Replacing(Leaf):
        def init_weights(self) -> None:
            self.fc.weight = nn.Parameter(torch.ones(1, 1))

    tree = Tree()
    tree.leaf = Replacing()
    with pytest.raises(AssertionError, match=r"fc\.weight"):
        tree.init_weights()


def test_modules_without_memory_can_be_initialised() -> None:
    """On the meta device every rule is a no-op, and nothing is read."""
    with torch.device("meta"):
        tree = Tree(ALL_TWOS, ALL_ONES)
    tree.init_weights()
    assert tree.is_init


def test_the_containers_are_torchs_with_an_init_cfg() -> None:
    """Each works as the container and initialises its content."""
    sequential = Sequential(nn.Linear(1, 1), nn.Linear(1, 1), init_cfg=ALL_ONES)
    listed = ModuleList([nn.Linear(1, 1)], init_cfg=ALL_ONES)
    named = ModuleDict({"a": nn.Linear(1, 1)}, init_cfg=ALL_ONES)
    for container in (sequential, listed, named):
        container.init_weights()
    assert sequential(torch.ones(1, 1)).item() == 3.0
    assert listed[0].weight.item() == named["a"].weight.item() == 1.0
    assert (len(ModuleList()), len(ModuleDict()), len(Sequential())) == (0, 0, 0)


def test_a_list_of_configurations_builds_a_sequential() -> None:
    """The registry of models makes one of them."""

    @MODELS.register_module()
    class AddOne(nn.Module):
        def forward(self, x: int) -> int:
            return x + 1

    try:
        built = MODELS.build([{"type": "AddOne"}, {"type": "AddOne"}])
    finally:
        del MODELS.module_dict["AddOne"]
    assert type(built) is Sequential
    assert built(1) == 3
