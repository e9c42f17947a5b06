from typing import Any

import numpy as np
import pytest
import torch

from eng_structures import PixelData


def maps() -> PixelData:
    return PixelData(
        metainfo={"path": "a.jpg"}, depth=torch.arange(24.0).view(1, 4, 6), classes=np.zeros((3, 4, 6))
    )


def test_the_shape_is_that_of_every_field() -> None:
    """Height and width; None while there is nothing."""
    assert (maps().shape, PixelData().shape) == ((4, 6), None)
    with pytest.raises(
        AssertionError, match=r"heat has \(height, width\) \(4, 5\), this PixelData has \(4, 6\)"
    ):
        maps().heat = torch.zeros(1, 4, 5)


@pytest.mark.parametrize("value", [[[1]], 3, "map"])
def test_only_tensors_and_arrays_are_maps(value: Any) -> None:
    """Other types are refused."""
    with pytest.raises(AssertionError, match="depth of a PixelData is a tensor or an array"):
        PixelData(depth=value)


def test_maps_have_two_or_three_dimensions() -> None:
    """A batch is not one sample."""
    with pytest.raises(AssertionError, match="has 2 or 3 dimensions, got 4"):
        PixelData(depth=torch.zeros(1, 1, 2, 2))


@pytest.mark.parametrize("value", [torch.zeros(4, 6), np.zeros((4, 6))])
def test_a_plain_map_gets_a_channel_and_says_so(value: Any) -> None:
    """Two dimensions become three, with a warning."""
    with pytest.warns(UserWarning, match=r"depth of shape \(4, 6\) becomes \(1, 4, 6\)"):
        element = PixelData(depth=value)
    assert element.depth.shape == (1, 4, 6)


def test_two_indices_cut_a_window_out_of_every_field() -> None:
    """Slices cut, numbers keep their dimension, metainfo is carried along."""
    window = maps()[1:3, -1]
    assert window.depth.tolist() == [[[11.0], [17.0]]]
    assert (window.classes.shape, window.shape, window.metainfo) == ((3, 2, 1), (2, 1), {"path": "a.jpg"})


@pytest.mark.parametrize("index", [1, slice(0, 2), (1,), (1, 2, 3), (1, 1.5), ([0], [1])], ids=str)
def test_other_indices_are_refused(index: Any) -> None:
    """Exactly two numbers or slices."""
    with pytest.raises(TypeError):
        maps()[index]
