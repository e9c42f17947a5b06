"""What is drawn, compared with images that somebody looked at (``data/``), and what is refused."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from eng_visualization import Visualizer

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture
def image():
    """A gentle slope, so that a transparent thing differs from place to place."""
    y, x = np.mgrid[0:120, 0:160]
    return np.stack([x, y, np.full_like(x, 90)], axis=-1).astype(np.uint8)


@pytest.fixture
def visualizer(image):
    return Visualizer(image=image)


DRAWINGS = {
    "points": lambda v: v.draw_points(
        np.array([[20, 20], [80, 60], [140, 100]]),
        colors=["r", "b", (255, 255, 0)],
        marker="*",
        sizes=torch.tensor([50, 90, 150]),
    ),
    "lines": lambda v: v.draw_lines(
        np.array([[10, 150], [10, 150]]),
        torch.tensor([[10, 110], [110, 10]]),
        colors=["r", "w"],
        line_styles=["--", "-"],
        line_widths=[1, 5],
    ),
    "circles": lambda v: v.draw_circles(
        np.array([[40, 60], [110, 60]]),
        np.array([30, 20]),
        edge_colors=["r", "b"],
        face_colors=["none", (0, 255, 0)],
        alpha=0.5,
    ),
    "bboxes": lambda v: v.draw_bboxes(
        torch.tensor([[10, 10, 60, 100], [70, 30, 150, 90]]),
        edge_colors=["r", (255, 255, 255)],
        line_widths=[1, 2],
        face_colors=["none", "b"],
    ),
    "polygons": lambda v: v.draw_polygons(
        [np.array([[10, 10], [80, 20], [40, 90]]), torch.tensor([[90, 10], [150, 60], [120, 110], [85, 60]])],
        edge_colors="w",
        face_colors=["r", "c"],
        alpha=0.4,
    ),
    "masks": lambda v: v.draw_binary_masks(
        np.stack([np.tri(120, 160, dtype=bool), np.tri(120, 160, dtype=bool)[::-1]]),
        colors=["r", (0, 0, 255)],
        alphas=[0.3, 0.6],
    ),
    "texts": lambda v: v.draw_texts(
        ["one", "two"],
        torch.tensor([[10, 10], [80, 60]]),
        font_sizes=[10, 16],
        colors=["r", "w"],
        bboxes=[{"facecolor": "w"}, {"facecolor": "k", "alpha": 0.5}],
    ),
    "all": lambda v: (
        v.draw_bboxes(np.array([10, 10, 60, 100]))
        .draw_points(np.array([5, 5]))
        .draw_texts("box", np.array([[12, 12]]), font_families="monospace")
        .draw_circles(np.array([100, 60]), np.array(25))
        .draw_polygons(torch.tensor([[70, 5], [90, 5], [80, 30]]))
        .draw_lines(np.array([0, 159]), np.array([119, 0]))
    ),
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_what_is_drawn_is_what_it_was(name, visualizer, image):
    """Within a tolerance that other versions of matplotlib and its fonts keep."""
    drawn = DRAWINGS[name](visualizer).get_image()
    golden = np.asarray(Image.open(DATA / f"{name}.png"))
    difference = np.abs(drawn.astype(int) - golden.astype(int))
    assert drawn.shape == image.shape
    assert difference.mean() < 1.5, f"mean difference {difference.mean():.2f}"
    assert np.abs(golden.astype(int) - image).mean() > 1.5  # the golden image does show something


def test_drawing_returns_the_visualizer(visualizer):
    """So calls can be chained."""
    assert visualizer.draw_points(np.array([1, 1])) is visualizer
    assert visualizer.draw_binary_masks(np.zeros((120, 160), dtype=bool)) is visualizer


def test_a_mask_keeps_what_was_drawn_before(visualizer):
    """Coloured is the image as it is by then."""
    visualizer.draw_bboxes(np.array([20, 20, 100, 100]), edge_colors="w", line_widths=2)
    before = visualizer.get_image()
    visualizer.draw_binary_masks(np.zeros((120, 160), dtype=bool))
    assert np.abs(before.astype(int) - visualizer.get_image()).max() <= 1


def test_line_widths_are_held_between_one_and_what_hides_nothing(image):
    """A width of 100 looks like a quarter of the font size, one of 0 like 1."""

    def boxes(width):
        visualizer = Visualizer(image=image)
        return visualizer.draw_bboxes(np.array([30, 30, 100, 90]), line_widths=width).get_image()

    assert np.array_equal(boxes(100), boxes(2.5))
    assert np.array_equal(boxes(0), boxes(1))


def test_out_of_the_image_is_drawn_with_a_warning(visualizer, image):
    """For every kind of thing."""
    for draw in (
        lambda: visualizer.draw_bboxes(np.array([-10, 10, 60, 100])),
        lambda: visualizer.draw_points(np.array([200, 5])),
        lambda: visualizer.draw_lines(np.array([0, 200]), np.array([0, 5])),
        lambda: visualizer.draw_circles(np.array([1, 1]), np.array(5)),
        lambda: visualizer.draw_polygons(np.array([[0, 0], [5, 5], [0, 500]])),
        lambda: visualizer.draw_texts("far", np.array([[500, 5]])),
    ):
        with pytest.warns(UserWarning, match="out of bounds"):
            draw()
    assert not np.array_equal(visualizer.get_image(), image)


@pytest.mark.parametrize(
    ("draw", "arguments", "message"),
    [
        ("draw_points", (np.array([1, 2, 3]),), r"positions must be \(2,\) or \(N, 2\)"),
        ("draw_texts", ("a", np.array([1, 2])), r"positions must be \(1, 2\)"),
        ("draw_texts", (["a", "b"], np.array([[1, 2]])), r"positions must be \(2, 2\)"),
        ("draw_texts", (["a", "b"], np.ones((2, 2)), [3]), "`font_sizes` has 1 entries for 2"),
        ("draw_texts", (["a", "b"], np.ones((2, 2)), 3, ["r"]), "`colors` has 1 entries for 2"),
        ("draw_lines", (np.array([1, 2]), np.array([[1, 2], [1, 2]])), "one shape"),
        ("draw_lines", (np.array([1, 2, 3]), np.array([1, 2, 3])), "lines must be"),
        ("draw_circles", (np.array([[1, 2]]), np.array([1, 2])), "circles need"),
        ("draw_circles", (np.array([[1, 2, 3]]), np.array([1])), "circles need"),
        ("draw_bboxes", (np.array([[1, 1, 2]]),), r"bboxes must be \(4,\) or \(N, 4\)"),
        ("draw_bboxes", (np.array([5, 1, 2, 2]),), "x1 <= x2"),
        ("draw_bboxes", (np.array([1, 5, 2, 2]),), "y1 <= y2"),
        ("draw_polygons", (np.ones((3, 3)),), r"a polygon must be \(M, 2\)"),
        ("draw_binary_masks", (np.zeros((120, 160)),), "dtype bool, got float64"),
        ("draw_binary_masks", (np.zeros((10, 160), dtype=bool),), "do not fit the image"),
        ("draw_binary_masks", (np.zeros((120, 160), dtype=bool), (0, 0)), "three channels"),
        ("draw_binary_masks", (np.zeros((120, 160), dtype=bool), (0, 0, 300)), "from 0 to 255"),
    ],
)
def test_wrong_shapes_and_values_are_refused(visualizer, draw, arguments, message):
    """Each error names the argument."""
    with pytest.raises(AssertionError, match=message):
        getattr(visualizer, draw)(*arguments)


@pytest.mark.parametrize(
    ("draw", "arguments"),
    [
        ("draw_points", ([1, 2],)),
        ("draw_points", (np.array([1, 2]), 3)),
        ("draw_texts", (5, np.ones((1, 2)))),
        ("draw_texts", ("a", [[1, 2]])),
        ("draw_texts", ("a", np.ones((1, 2)), "big")),
        ("draw_texts", ("a", np.ones((1, 2)), 3, 5)),
        ("draw_texts", ("a", np.ones((1, 2)), 3, "r", 5)),
        ("draw_lines", ([1, 2], [1, 2])),
        ("draw_circles", ([1, 2], 3)),
        ("draw_bboxes", ([1, 1, 2, 2],)),
        ("draw_polygons", ({(1, 1)},)),
        ("draw_polygons", ([[(1, 1), (2, 2)]],)),
        ("draw_binary_masks", ([[True]],)),
        ("draw_bboxes", (np.array([1, 1, 2, 2]), 7)),
    ],
)
def test_wrong_types_are_refused(visualizer, draw, arguments):
    """A list is no array, a number is no colour."""
    with pytest.raises(TypeError):
        getattr(visualizer, draw)(*arguments)
