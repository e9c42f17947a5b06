"""A matplotlib figure exactly as large as an image, pixel for pixel, without any window."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from eng_visualization.errors import check

__all__ = ["Canvas", "img_from_canvas"]


class Canvas:
    """The figure, its only axes and the size of the image on it.

    Args:
        fig_cfg: Arguments of ``matplotlib.figure.Figure``.
    """

    def __init__(self, fig_cfg: Mapping[str, Any]) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self.figure = Figure(**fig_cfg)
        self.agg = FigureCanvasAgg(self.figure)
        self.axes = self.figure.add_subplot()
        self.axes.axis(False)
        self.figure.subplots_adjust(left=0, right=1, bottom=0, top=1)
        self.dpi: float = self.figure.get_dpi()
        self.width = self.height = 0

    def set_image(self, image: np.ndarray) -> None:
        """Begin anew with this image, shape (H, W, 3) or (H, W)."""
        self.height, self.width = image.shape[:2]
        # a hundredth of a pixel more, or rounding down may lose a row
        inches = ((self.width + 1e-2) / self.dpi, (self.height + 1e-2) / self.dpi)
        self.figure.set_size_inches(*inches)
        self.axes.cla()
        self.axes.axis(False)
        # a colour map would round gray values
        pixels = np.repeat(image[..., None], 3, axis=2) if image.ndim == 2 else image
        self.axes.imshow(
            pixels,
            extent=(0, self.width, self.height, 0),
            interpolation="none",
        )

    def get_image(self) -> np.ndarray:
        """What is on the canvas: RGB, shape (H, W, 3), dtype uint8."""
        return img_from_canvas(self.agg)

    @property
    def default_font_size(self) -> float:
        """Readable on an image of this size."""
        return float(max(np.sqrt(self.height * self.width) // 90, 10))

    def check_inside(self, positions: np.ndarray) -> None:
        """Warn if a point of shape (..., 2) is not on the image; it is drawn nevertheless."""
        points = positions.reshape(-1, 2)
        inside = (points >= 0) & (points < np.array([self.width, self.height]))
        if not inside.all():
            outside = points[~inside.all(axis=1)][0].tolist()
            size = f"{self.width}x{self.height}"
            message = f"{outside} is out of bounds of the image of {size} pixels: it may not be visible"
            warnings.warn(message, UserWarning, stacklevel=4)


def img_from_canvas(canvas: Any) -> np.ndarray:
    """The pixels of an Agg canvas: RGB, shape (H, W, 3), dtype uint8."""
    canvas.draw()
    rgba = np.asarray(canvas.buffer_rgba())
    check(rgba.ndim == 3, "the canvas has no pixels")
    return np.ascontiguousarray(rgba[..., :3])
