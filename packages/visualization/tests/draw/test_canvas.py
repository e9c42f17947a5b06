import warnings

import numpy as np
import pytest

from eng_visualization.draw.canvas import Canvas


@pytest.mark.parametrize("shape", [(1, 1, 3), (7, 13, 3), (480, 640, 3), (33, 101), (1080, 3, 3)])
def test_an_image_passes_through_unchanged(shape):
    """What is set comes back, pixel for pixel, whatever the size."""
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    canvas = Canvas({"frameon": False})
    canvas.set_image(image)
    expected = np.repeat(image[..., None], 3, axis=2) if image.ndim == 2 else image
    assert np.array_equal(canvas.get_image(), expected)


def test_a_new_image_begins_anew():
    """Nothing of the old one is left, and the size follows."""
    canvas = Canvas({})
    canvas.set_image(np.full((10, 20, 3), 255, np.uint8))
    canvas.axes.plot([0, 20], [0, 10], color="r")
    canvas.set_image(np.zeros((5, 6, 3), np.uint8))
    assert canvas.get_image().shape == (5, 6, 3)
    assert canvas.get_image().max() == 0
    assert (canvas.width, canvas.height) == (6, 5)


def test_the_default_font_grows_with_the_image():
    """From 10 on a small image."""
    canvas = Canvas({})
    canvas.set_image(np.zeros((10, 10, 3), np.uint8))
    assert canvas.default_font_size == 10
    canvas.set_image(np.zeros((1800, 1800, 3), np.uint8))
    assert canvas.default_font_size == 20


def test_points_outside_are_warned_about():
    """Valid is from 0 to less than the size."""
    canvas = Canvas({})
    canvas.set_image(np.zeros((10, 20, 3), np.uint8))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        canvas.check_inside(np.array([[0, 0], [19, 9]]))
    for outside in ([20, 0], [0, 10], [-1, 0]):
        with pytest.warns(UserWarning, match="out of bounds of the image of 20x10"):
            canvas.check_inside(np.array([outside]))
