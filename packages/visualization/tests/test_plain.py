import numpy as np
import pytest
import torch

from eng_visualization.plain import as_mapping, flat_items, numbers, plain


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (torch.tensor(0.5), 0.5),
        (torch.tensor([[2]]), 2),
        (torch.ones(2, requires_grad=True), [1.0, 1.0]),
        (np.float64(1.5), 1.5),
        (np.array([3]), 3),
        ({"a": np.int64(1), "b": (torch.tensor(1), "x")}, {"a": 1, "b": [1, "x"]}),
        (None, None),
    ],
)
def test_tensors_and_arrays_become_numbers_and_lists(value, expected):
    """Of any kind, at any depth; a numpy number becomes one of Python."""
    assert plain(value) == expected
    assert type(plain(value)) is type(expected)


def test_leaves_have_dotted_paths():
    """Through mappings and lists; an empty one has no leaf."""
    config = {"model": {"type": "A", "layers": [1, {"n": 2}]}, "hooks": [], "seed": None}
    assert dict(flat_items(config)) == {
        "model.type": "A",
        "model.layers.0": 1,
        "model.layers.1.n": 2,
        "seed": None,
    }


def test_what_is_no_number_is_left_out_with_a_warning(caplog):
    """Named, with what it is."""
    assert numbers({"a": torch.tensor(1.0), "b": "text", "c": [1, 2], "d": True}, "W&B") == {
        "a": 1.0,
        "d": True,
    }
    assert "'b' is a str and no number: W&B cannot show it" in caplog.text
    assert "'c' is a list and no number" in caplog.text


def test_a_configuration_object_or_a_mapping():
    """Both give a plain dict."""

    class Config:
        def to_dict(self):
            return {"a": 1}

    assert as_mapping(Config()) == as_mapping({"a": 1}) == {"a": 1}
