import numpy as np
import pytest
import torch

from eng_visualization import check_length, check_type, check_type_and_length, tensor2ndarray, value2list
from eng_visualization.draw.arguments import array_of


def test_a_type_is_checked_with_its_name():
    """The error names the argument, what it may be and what it is."""
    check_type("colors", "g", (str, list))
    with pytest.raises(TypeError, match="`colors` must be str or list, got int"):
        check_type("colors", 3, (str, list))


def test_a_list_must_be_long_enough():
    """Longer ones are fine, single values have no length."""
    check_length("colors", ["r", "g"], 2)
    check_length("colors", "r", 2)
    with pytest.raises(AssertionError, match="`colors` has 1 entries for 2"):
        check_length("colors", ["r"], 2)


def test_type_and_length_together():
    """Both checks apply."""
    check_type_and_length("sizes", [1, 2], (int, list), 2)
    with pytest.raises(TypeError):
        check_type_and_length("sizes", "1", (int, list), 2)
    with pytest.raises(AssertionError):
        check_type_and_length("sizes", [1], (int, list), 2)


def test_tensors_become_arrays():
    """Detached; what is no tensor stays."""
    array = tensor2ndarray(torch.ones(2, requires_grad=True))
    assert isinstance(array, np.ndarray)
    assert array.tolist() == [1, 1]
    assert tensor2ndarray("text") == "text"


def test_one_value_stands_for_all():
    """A value of the type is repeated, a list is taken as it is."""
    assert value2list(2, (int, float), 3) == [2, 2, 2]
    assert value2list([1, 2], int, 2) == [1, 2]


def test_only_arrays_and_tensors_are_positions():
    """A list is refused with the name of the argument."""
    assert array_of("bboxes", torch.zeros(4)).shape == (4,)
    with pytest.raises(TypeError, match="`bboxes` must be ndarray, got list"):
        array_of("bboxes", [1, 2, 3, 4])
