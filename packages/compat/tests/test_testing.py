"""Comparisons answer or raise as MMEngine's do."""

import sys

import numpy as np
import pytest
import torch
from torch import nn

from mmengine import testing


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        (torch.ones(1), torch.ones(1) + 1e-5),
        (np.ones(1), torch.ones(1, dtype=torch.float64)),
        (torch.ones(2), [1, 1.0]),
        (torch.ones(1), torch.ones(1, dtype=torch.int)),
        (1, 1.0),
        (torch.tensor(float("nan")), torch.tensor(float("nan"))),
    ],
)
def test_what_is_close(actual, expected):
    """Types do not matter, nor does a little."""
    testing.assert_allclose(actual, expected)


def test_what_is_not_close():
    """The error says where, or what one wants it to say."""
    with pytest.raises(AssertionError, match="Greatest absolute difference"):
        testing.assert_allclose(torch.ones(1), torch.zeros(1))
    with pytest.raises(AssertionError, match=r"^hello$"):
        testing.assert_allclose(torch.ones(1), torch.zeros(1), msg="hello")
    with pytest.raises(AssertionError, match="shape"):
        testing.assert_allclose(torch.ones(2), torch.ones(1))
    with pytest.raises(AssertionError):
        testing.assert_allclose(torch.ones(1).double(), torch.ones(1).double() + 1e-4)
    with pytest.raises(AssertionError):
        testing.assert_allclose([float("nan")], [float("nan")], equal_nan=False)
    with pytest.raises(ValueError, match="rtol"):
        testing.assert_allclose(1, 1, rtol=0.1)


def test_parts_of_mappings_and_objects():
    """Arrays and tensors are compared whole."""
    data = {"a": 1, "b": np.ones(2), "c": torch.ones(2)}
    answers = [
        testing.assert_dict_contains_subset(data, subset)
        for subset in (
            {"a": 1},
            {"b": np.ones(2), "c": torch.ones(2)},
            {"a": 2},
            {"d": 1},
            {"b": np.zeros(2)},
            {"c": torch.ones(3)},
        )
    ]
    assert answers == [True, True, False, False, False, False]
    thing = type("Thing", (), data)
    assert testing.assert_attrs_equal(thing, {"a": 1, "b": np.ones(2)}) is True
    assert testing.assert_attrs_equal(thing, {"a": 2}) is False
    assert testing.assert_attrs_equal(thing, {"d": 2}) is False


def test_keys():
    """Their order does not matter."""
    assert testing.assert_dict_has_keys({"a": 1, "b": 2}, ["a"]) is True
    assert testing.assert_dict_has_keys({"a": 1}, ["a", "b"]) is False
    assert testing.assert_keys_equal(["a", "b"], ("b", "a")) is True
    assert testing.assert_keys_equal(["a"], ["a", "b"]) is False


def test_layers():
    """Norms, and weights that are zero."""
    assert [testing.assert_is_norm_layer(layer) for layer in (nn.GroupNorm(1, 1), nn.Linear(1, 1))] == [
        True,
        False,
    ]
    layer = nn.Linear(2, 2)
    nn.init.zeros_(layer.weight)
    nn.init.ones_(layer.bias)
    assert testing.assert_params_all_zeros(layer) is False
    nn.init.zeros_(layer.bias)
    assert testing.assert_params_all_zeros(layer) is True
    nn.init.ones_(layer.weight)
    assert testing.assert_params_all_zeros(layer) is False


def test_a_script_is_run(tmp_path, capsys):
    """As the main program, with its arguments; afterwards they are as before."""
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\nprint(__name__, sys.argv[1:])\nif '--fail' in sys.argv: raise KeyError('x')\n"
    )
    before = list(sys.argv)
    testing.check_python_script(f"{script} a --b 'c d'")
    assert capsys.readouterr().out == "__main__ ['a', '--b', 'c d']\n"
    with pytest.raises(KeyError):
        testing.check_python_script(f"{script} --fail")
    assert sys.argv == before
