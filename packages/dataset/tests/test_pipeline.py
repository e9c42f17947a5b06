"""Tests of `eng_dataset.pipeline`: transforms in a row."""

from typing import Any

import pytest

from eng_dataset import Compose
from eng_registry import TRANSFORMS


@TRANSFORMS.register_module()
class AddInATest:
    """Adds a number."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __call__(self, data: int) -> int:
        return data + self.number

    def __repr__(self) -> str:
        return f"AddInATest({self.number})"


@TRANSFORMS.register_module()
def not_callable_in_a_test(number: int) -> int:
    """Builds something that is no transform."""
    return number


def test_transforms_are_applied_one_after_another() -> None:
    """Objects and configurations in one row; data may be anything."""
    assert Compose([{"type": "AddInATest", "number": 2}, lambda x: x * 10, AddInATest(1)])(1) == 31


def test_none_ends_the_row() -> None:
    """The transforms behind it do not see it."""
    assert Compose([lambda data: None, AddInATest(1)])(1) is None


@pytest.mark.parametrize("transforms", [None, [], ()])
def test_no_transform_changes_nothing(transforms: Any) -> None:
    """None stands for none."""
    assert Compose(transforms)("data") == "data"


@pytest.mark.parametrize("item", [3, "Resize", {"type": "not_callable_in_a_test", "number": 3}], ids=str)
def test_what_is_no_transform_is_refused(item: Any) -> None:
    """Neither a callable nor the configuration of one."""
    with pytest.raises(TypeError, match="a transform is a callable or the configuration"):
        Compose([item])


def test_the_repr_has_a_line_for_each() -> None:
    """So that a pipeline can be read in a log."""
    assert repr(Compose([AddInATest(1), AddInATest(2)])) == (
        "Compose(\n    AddInATest(1)\n    AddInATest(2)\n)"
    )
