"""Feature maps as colours: which channels are shown, and how they lie over an image."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from eng_visualization.draw.arguments import array_of
from eng_visualization.draw.canvas import Canvas
from eng_visualization.errors import check

__all__ = ["convert_overlay_heatmap", "draw_featmap", "resize"]

_LUMINANCE = np.array([0.299, 0.587, 0.114])


def draw_featmap(
    featmap: Any,
    overlaid_image: np.ndarray | None = None,
    channel_reduction: str | None = "squeeze_mean",
    topk: int = 20,
    arrangement: tuple[int, int] = (4, 5),
    resize_shape: tuple[int, int] | None = None,
    alpha: float = 0.5,
) -> np.ndarray:
    """See `Visualizer.draw_featmap`."""
    from torch import Tensor

    check(isinstance(featmap, Tensor), f"featmap must be a torch.Tensor, got {type(featmap).__name__}")
    check(featmap.ndim == 3, f"featmap must be (C, H, W), got {tuple(featmap.shape)}")
    maps: np.ndarray = featmap.detach().float().cpu().numpy()
    image = overlaid_image
    if image is not None and image.ndim == 2:
        image = np.repeat(image[..., None], 3, axis=2)
    if resize_shape is not None:
        maps = _resize_channels(maps, resize_shape)
        image = None if image is None else resize(image, resize_shape)
    elif image is not None and image.shape[:2] != maps.shape[1:]:
        message = f"the feature map of {maps.shape[1:]} is interpolated to the image of {image.shape[:2]}"
        warnings.warn(message, UserWarning, stacklevel=3)
        maps = _resize_channels(maps, image.shape[:2])

    if channel_reduction is not None:
        return convert_overlay_heatmap(_reduced(maps, channel_reduction), image, alpha)
    if topk <= 0:
        channels = maps.shape[0]
        check(channels in (1, 3), f"without topk a feature map must have 1 or 3 channels, it has {channels}")
        return convert_overlay_heatmap(maps, image, alpha)
    return _grid(maps, image, topk, arrangement, alpha)


def convert_overlay_heatmap(feat_map: Any, img: np.ndarray | None = None, alpha: float = 0.5) -> np.ndarray:
    """A map of shape (H, W), (1, H, W) or (3, H, W) as colours from blue (least) to red (most).

    Args:
        feat_map: Tensor or array, of any range.
        img: An RGB image of the same size to lay it over.
        alpha: The weight of the map over the image.

    Returns:
        RGB, shape (H, W, 3), dtype uint8.

    Example:
        >>> convert_overlay_heatmap(np.array([[0.0, 1.0]])).tolist()
        [[[0, 0, 128], [128, 0, 0]]]
    """
    values = array_of("feat_map", feat_map).astype(np.float64)
    check(
        values.ndim == 2 or (values.ndim == 3 and values.shape[0] in (1, 3)),
        f"a map must be (H, W), (1, H, W) or (3, H, W), got {values.shape}",
    )
    if values.ndim == 3:
        # three channels are red, green and blue: their luminance is the map
        values = np.tensordot(_LUMINANCE, values, 1) if len(values) == 3 else values[0]
    low, high = float(values.min()), float(values.max())
    levels = np.rint((values - low) / (high - low or 1.0) * 255).astype(np.uint8)
    heat: np.ndarray = _jet()[levels]
    if img is None:
        return heat
    mixed = img.astype(np.float64) * (1 - alpha) + heat.astype(np.float64) * alpha
    return np.rint(mixed).clip(0, 255).astype(np.uint8)


def resize(image: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Bilinear, pixel centres at one half; shape (H, W) or (H, W, C) to `shape` = (height, width).

    Example:
        >>> resize(np.array([[0, 100]], dtype=np.uint8), (1, 4)).tolist()
        [[0, 25, 75, 100]]
    """
    source = image.astype(np.float64)
    for axis, size in enumerate(shape):
        at = (np.arange(size) + 0.5) * (source.shape[axis] / size) - 0.5
        at = at.clip(0, source.shape[axis] - 1)
        low = np.floor(at).astype(int)
        high = np.minimum(low + 1, source.shape[axis] - 1)
        weight = (at - low).reshape([-1 if a == axis else 1 for a in range(source.ndim)])
        source = source.take(low, axis) * (1 - weight) + source.take(high, axis) * weight
    if np.issubdtype(image.dtype, np.integer):
        source = np.rint(source)
    resized: np.ndarray = source.astype(image.dtype)
    return resized


def _resize_channels(maps: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    return resize(maps.transpose(1, 2, 0), shape).transpose(2, 0, 1)


def _reduced(maps: np.ndarray, how: str) -> np.ndarray:
    check(
        how in ("squeeze_mean", "select_max"),
        f"channel_reduction must be 'squeeze_mean', 'select_max' or None, got {how!r}",
    )
    reduced: np.ndarray
    if how == "squeeze_mean":
        reduced = maps.mean(axis=0)
    else:
        reduced = maps[int(maps.sum(axis=(1, 2)).argmax())]
    return reduced


def _grid(
    maps: np.ndarray, image: np.ndarray | None, topk: int, arrangement: tuple[int, int], alpha: float
) -> np.ndarray:
    """The channels with the largest sums, the largest first, each with its number as caption."""
    rows, columns = arrangement
    check(rows * columns >= topk, f"an arrangement of {rows} x {columns} has no room for {topk} channels")
    height, width = maps.shape[1:]
    largest = np.argsort(-maps.sum(axis=(1, 2)), kind="stable")[: min(len(maps), topk)]
    sheet = np.full((height * rows, width * columns, 3), 255, dtype=np.uint8)
    for place, channel in enumerate(largest):
        top, left = (place // columns) * height, (place % columns) * width
        sheet[top : top + height, left : left + width] = convert_overlay_heatmap(maps[channel], image, alpha)
    canvas = Canvas({"frameon": False})
    canvas.set_image(sheet)
    size = max(4.0, min(height, width) / 8) * 72 / canvas.dpi
    for place, channel in enumerate(largest):
        top, left = (place // columns) * height, (place % columns) * width
        canvas.axes.text(
            left + 2,
            top + 2,
            f"channel: {channel}",
            size=size,
            color="white",
            verticalalignment="top",
            bbox={"facecolor": "black", "alpha": 0.5, "pad": 0.5, "edgecolor": "none"},
        )
    return canvas.get_image()


def _jet() -> np.ndarray:
    """The colour of each of the 256 levels, shape (256, 3)."""
    from matplotlib import colormaps

    colors: np.ndarray = np.rint(colormaps["jet"](np.arange(256))[:, :3] * 255).astype(np.uint8)
    return colors
