import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from eng_visualization import Visualizer, convert_overlay_heatmap
from eng_visualization.draw.heatmap import resize

draw = Visualizer.draw_featmap
DATA = Path(__file__).parents[1] / "data"


def waves(channels):
    """A map of (channels, 48, 64): channel c is a wave of c + 1 periods, and stronger the larger c is."""
    y, x = torch.meshgrid(torch.linspace(0, 1, 48), torch.linspace(0, 1, 64), indexing="ij")
    return torch.stack([torch.sin(6.283 * (c + 1) * (x + y) / 2) + 0.1 * c for c in range(channels)])


def photo(height, width):
    """Something to lie under a map: a bright disc on a slope of colours."""
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    disc = ((x - 0.5) ** 2 + (y - 0.5) ** 2 < 0.08) * 90
    return np.stack([x * 160 + disc, y * 160 + disc, 60 + disc], axis=-1).astype(np.uint8)


FEATMAPS = {
    "mean": lambda: draw(waves(6)),
    "max": lambda: draw(waves(6), channel_reduction="select_max"),
    "one": lambda: draw(waves(1), channel_reduction=None, topk=-1),
    "three": lambda: draw(waves(3), channel_reduction=None, topk=0),
    "top4_2x2": lambda: draw(waves(6), channel_reduction=None, topk=4, arrangement=(2, 2)),
    "top5_2x3": lambda: draw(waves(6), channel_reduction=None, topk=5, arrangement=(2, 3)),
    "top3_3x1": lambda: draw(waves(6), channel_reduction=None, topk=3, arrangement=(3, 1)),
    "few_for_1x4": lambda: draw(waves(2), channel_reduction=None, topk=4, arrangement=(1, 4)),
    "overlay_mean": lambda: draw(waves(6), photo(48, 64)),
    "overlay_max": lambda: draw(waves(6), photo(48, 64), "select_max", alpha=0.25),
    "overlay_three": lambda: draw(waves(3), photo(48, 64), None, topk=-1, alpha=0.75),
    "overlay_gray": lambda: draw(waves(6), photo(48, 64)[..., 0]),
    "overlay_top4_2x2": lambda: draw(waves(6), photo(48, 64), None, topk=4, arrangement=(2, 2)),
    "overlay_resized": lambda: draw(waves(6)[:, ::8, ::8], photo(48, 64), resize_shape=(72, 96)),
    "resized_top2_1x2": lambda: draw(
        waves(6)[:, ::8, ::8], channel_reduction=None, topk=2, arrangement=(1, 2), resize_shape=(48, 64)
    ),
}


@pytest.mark.parametrize("name", FEATMAPS)
def test_a_feature_map_looks_as_it_did(name):
    """Every reduction, number of channels, arrangement and overlay, beside an image that somebody looked at."""
    drawn = FEATMAPS[name]()
    golden = np.asarray(Image.open(DATA / f"featmap_{name}.png"))
    assert drawn.shape == golden.shape
    difference = np.abs(drawn.astype(int) - golden.astype(int)).mean()
    assert difference < 1.5, f"mean difference {difference:.2f}"


def test_the_golden_feature_maps_differ():
    """So none of them can stand for another."""
    images = {path.name: Image.open(path).tobytes() for path in DATA.glob("featmap_*.png")}
    assert len(images) == len(FEATMAPS) == len(set(images.values()))


def test_the_least_is_blue_and_the_most_is_red():
    """Whatever the range; a constant map is all blue."""
    heat = convert_overlay_heatmap(torch.tensor([[-5.0, 1000.0]]))
    assert heat.tolist() == [[[0, 0, 128], [128, 0, 0]]]
    assert convert_overlay_heatmap(np.ones((1, 2, 2))).tolist() == [[[0, 0, 128]] * 2] * 2


def test_a_map_lies_over_an_image_with_its_weight():
    """0 shows the image, 1 the map."""
    image = np.full((1, 2, 3), 100, np.uint8)
    values = np.array([[0.0, 1.0]])
    assert np.array_equal(convert_overlay_heatmap(values, image, 0.0), image)
    assert np.array_equal(convert_overlay_heatmap(values, image, 1.0), convert_overlay_heatmap(values))
    assert convert_overlay_heatmap(values, image, 0.5).tolist() == [[[50, 50, 114], [114, 50, 50]]]


def test_the_mean_and_the_strongest_channel():
    """`squeeze_mean` averages, `select_max` takes the channel with the largest sum."""
    featmap = torch.stack([torch.tensor([[0.0, 4.0]]), torch.tensor([[9.0, 0.0]])])
    assert np.array_equal(draw(featmap), convert_overlay_heatmap(featmap.mean(0)))
    strongest = draw(featmap, channel_reduction="select_max")
    assert np.array_equal(strongest, convert_overlay_heatmap(featmap[1]))


def test_several_channels_are_a_grid():
    """The size is that of the map times rows and columns; the strongest channel comes first."""
    featmap = torch.rand(10, 30, 40)
    assert draw(featmap, channel_reduction=None, topk=6, arrangement=(2, 3)).shape == (60, 120, 3)
    assert draw(featmap, channel_reduction=None, topk=4, arrangement=(2, 3)).shape == (60, 120, 3)
    assert draw(featmap[:2], channel_reduction=None, topk=20).shape == (120, 200, 3)
    featmap[7] += 5
    grid = draw(featmap, channel_reduction=None, topk=1, arrangement=(1, 1))
    assert np.array_equal(grid[20:], convert_overlay_heatmap(featmap[7])[20:])  # below the caption


def test_one_or_three_channels_together():
    """Without topk; another number of channels is an error."""
    assert draw(torch.rand(3, 4, 5), channel_reduction=None, topk=-1).shape == (4, 5, 3)
    assert draw(torch.rand(1, 4, 5), channel_reduction=None, topk=0).shape == (4, 5, 3)
    with pytest.raises(AssertionError, match="1 or 3 channels, it has 2"):
        draw(torch.rand(2, 4, 5), channel_reduction=None, topk=-1)


def test_the_map_is_interpolated_to_the_image():
    """With a warning, unless a size is asked for, which then both get."""
    image = np.random.default_rng(0).integers(0, 256, (8, 10, 3), dtype=np.uint8)
    with pytest.warns(UserWarning, match=r"interpolated to the image of \(8, 10\)"):
        assert draw(torch.rand(3, 4, 5), image).shape == (8, 10, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert draw(torch.rand(3, 4, 5), image, resize_shape=(6, 7)).shape == (6, 7, 3)
        assert draw(torch.rand(3, 8, 10), image[..., 0]).shape == (8, 10, 3)
        gray = draw(torch.rand(3, 8, 10), image[..., 0], None, 2, (1, 2))
        assert gray.shape == (8, 20, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.zeros((1, 2, 3)),), "torch.Tensor, got ndarray"),
        ((torch.zeros(2, 3),), r"\(C, H, W\), got \(2, 3\)"),
        ((torch.zeros(1, 2, 3), None, "sum"), "channel_reduction must be"),
        ((torch.zeros(9, 2, 3), None, None, 9, (2, 3)), "2 x 3 has no room for 9"),
    ],
)
def test_what_cannot_be_shown_is_refused(arguments, message):
    """Each with its reason."""
    with pytest.raises(AssertionError, match=message):
        draw(*arguments)


def test_resizing_is_that_of_torch():
    """Bilinear, with pixel centres at one half."""
    image = np.random.default_rng(0).random((5, 7, 3))
    ours = resize(image, (11, 4))
    theirs = torch.nn.functional.interpolate(
        torch.from_numpy(image).permute(2, 0, 1)[None], (11, 4), mode="bilinear", align_corners=False
    )
    assert np.allclose(ours, theirs[0].permute(1, 2, 0).numpy())
