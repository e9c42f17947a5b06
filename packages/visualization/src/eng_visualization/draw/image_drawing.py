"""An image, and what is drawn on it: the half of the `Visualizer` that records nothing.

How each shape is drawn is in `shapes`, `heatmap` and `window`; here are the methods, as documented.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, Concatenate, ParamSpec, TypeVar

import numpy as np

from eng_dist import is_main_process, master_only
from eng_visualization.draw import heatmap, shapes, window
from eng_visualization.draw.canvas import Canvas
from eng_visualization.errors import check

__all__ = ["ImageDrawing"]

P = ParamSpec("P")
V = TypeVar("V", bound="ImageDrawing")


def _drawing(draw: Callable[Concatenate[V, P], None]) -> Callable[Concatenate[V, P], V]:
    """A method that draws if this is the main process, and returns its object for the next call."""

    @functools.wraps(draw)
    def chained(self: V, /, *args: P.args, **kwargs: P.kwargs) -> V:
        if is_main_process():
            draw(self, *args, **kwargs)
        return self

    return chained


class ImageDrawing:
    """Draws shapes, texts and masks on an image, on the main process of a distributed run only.

    Args:
        fig_save_cfg: Arguments of the matplotlib figure that is drawn on.
        fig_show_cfg: Arguments of the matplotlib figure of the window.
    """

    def __init__(self, fig_save_cfg: Mapping[str, Any], fig_show_cfg: Mapping[str, Any]) -> None:
        self._fig_save_cfg = dict(fig_save_cfg)
        self._fig_show_cfg = dict(fig_show_cfg)
        self._image: np.ndarray | None = None

    @functools.cached_property
    def _canvas(self) -> Canvas:
        return Canvas(self._fig_save_cfg)

    @property
    def fig_save(self) -> Any:
        """The matplotlib figure that is drawn on."""
        return self._canvas.figure

    @property
    def fig_save_canvas(self) -> Any:
        """Its canvas."""
        return self._canvas.agg

    @property
    def ax_save(self) -> Any:
        """Its axes, for what the methods here do not draw."""
        return self._canvas.axes

    @property
    def dpi(self) -> float:
        """Dots per inch of the figure."""
        return self._canvas.dpi

    @property
    def width(self) -> int:
        """Of the image, in pixels."""
        return self._canvas.width

    @property
    def height(self) -> int:
        """Of the image, in pixels."""
        return self._canvas.height

    @master_only
    def set_image(self, image: np.ndarray) -> None:
        """Begin to draw on this image: RGB of shape (H, W, 3), or gray of shape (H, W); values 0 to 255."""
        check(image is not None, "there is no image to draw on: image is None")
        image = np.asarray(image).astype(np.uint8)
        check(
            image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3),
            f"an image must be (H, W, 3) or (H, W), got {image.shape}",
        )
        self._image = image
        self._canvas.set_image(image)

    def get_image(self) -> np.ndarray:
        """The image with all that was drawn: RGB, shape (H, W, 3), dtype uint8."""
        check(self._image is not None, "there is no image: call set_image first")
        return self._canvas.get_image()

    @master_only
    def show(
        self,
        drawn_img: np.ndarray | None = None,
        win_name: str = "image",
        wait_time: float = 0.0,
        continue_key: str = " ",
        backend: str = "matplotlib",
    ) -> Any:
        """Show an image to a person and wait.

        Args:
            drawn_img: What to show; by default what was drawn.
            win_name: The title of the window.
            wait_time: How many seconds to wait; 0 waits for the key or the end of the window.
            continue_key: The key that goes on.
            backend: ``matplotlib`` (a notebook gets the figure as result) or ``cv2``.
        """
        return window.show(
            self.get_image() if drawn_img is None else drawn_img,
            win_name=win_name,
            wait_time=wait_time,
            continue_key=continue_key,
            backend=backend,
            fig_cfg=self._fig_show_cfg,
        )

    # ---- drawing ----------------------------------------------------------------------------------------
    # Positions are in pixels, x to the right and y down. How a thing looks is one value for all things or a
    # list with one per thing; a colour is a name, or (red, green, blue) from 0 to 255.

    @_drawing
    def draw_points(
        self, positions: Any, colors: Any = "g", marker: str | None = None, sizes: Any = None
    ) -> None:
        """Draw points at `positions`, shape (2,) or (N, 2)."""
        shapes.draw_points(self._drawable(), positions, colors, marker, sizes)

    @_drawing
    def draw_texts(
        self,
        texts: str | list[str],
        positions: Any,
        font_sizes: Any = None,
        colors: Any = "g",
        vertical_alignments: str | list[str] = "top",
        horizontal_alignments: str | list[str] = "left",
        font_families: str | list[str] = "sans-serif",
        bboxes: dict[str, Any] | list[dict[str, Any]] | None = None,
        font_properties: Any = None,
    ) -> None:
        """Draw texts at `positions`, shape (N, 2).

        `bboxes` describe boxes behind the texts, and `font_properties` fonts, both as matplotlib takes them.
        """
        shapes.draw_texts(
            self._drawable(),
            texts,
            positions,
            font_sizes=font_sizes,
            colors=colors,
            vertical_alignments=vertical_alignments,
            horizontal_alignments=horizontal_alignments,
            font_families=font_families,
            bboxes=bboxes,
            font_properties=font_properties,
        )

    @_drawing
    def draw_lines(
        self, x_datas: Any, y_datas: Any, colors: Any = "g", line_styles: Any = "-", line_widths: Any = 2
    ) -> None:
        """Draw lines from (x[0], y[0]) to (x[1], y[1]); `x_datas` and `y_datas` are (2,) or (N, 2)."""
        shapes.draw_lines(self._drawable(), x_datas, y_datas, colors, line_styles, line_widths)

    @_drawing
    def draw_circles(
        self,
        center: Any,
        radius: Any,
        edge_colors: Any = "g",
        line_styles: Any = "-",
        line_widths: Any = 2,
        face_colors: Any = "none",
        alpha: float = 0.8,
    ) -> None:
        """Draw circles; `center` is (2,) or (N, 2), `radius` () or (N,)."""
        shapes.draw_circles(
            self._drawable(),
            center,
            radius,
            edge_colors=edge_colors,
            line_styles=line_styles,
            line_widths=line_widths,
            face_colors=face_colors,
            alpha=alpha,
        )

    @_drawing
    def draw_bboxes(
        self,
        bboxes: Any,
        edge_colors: Any = "g",
        line_styles: Any = "-",
        line_widths: Any = 2,
        face_colors: Any = "none",
        alpha: float = 0.8,
    ) -> None:
        """Draw boxes (x1, y1, x2, y2), shape (4,) or (N, 4), with x1 <= x2 and y1 <= y2."""
        shapes.draw_bboxes(
            self._drawable(),
            bboxes,
            edge_colors=edge_colors,
            line_styles=line_styles,
            line_widths=line_widths,
            face_colors=face_colors,
            alpha=alpha,
        )

    @_drawing
    def draw_polygons(
        self,
        polygons: Any,
        edge_colors: Any = "g",
        line_styles: Any = "-",
        line_widths: Any = 2,
        face_colors: Any = "none",
        alpha: float = 0.8,
    ) -> None:
        """Draw polygons: one of shape (M, 2), or a list of such."""
        shapes.draw_polygons(
            self._drawable(),
            polygons,
            edge_colors=edge_colors,
            line_styles=line_styles,
            line_widths=line_widths,
            face_colors=face_colors,
            alpha=alpha,
        )

    @_drawing
    def draw_binary_masks(self, binary_masks: Any, colors: Any = "g", alphas: Any = 0.8) -> None:
        """Colour the image where a mask is true, with the weight `alphas`; shape (H, W) or (N, H, W), bool."""
        canvas = self._drawable()
        canvas.set_image(shapes.draw_masks(canvas.get_image(), binary_masks, colors, alphas))

    @staticmethod
    def draw_featmap(
        featmap: Any,
        overlaid_image: np.ndarray | None = None,
        channel_reduction: str | None = "squeeze_mean",
        topk: int = 20,
        arrangement: tuple[int, int] = (4, 5),
        resize_shape: tuple[int, int] | None = None,
        alpha: float = 0.5,
    ) -> np.ndarray:
        """A feature map as an image: RGB, dtype uint8.

        Args:
            featmap: A tensor of shape (C, H, W).
            overlaid_image: Lay the map over this image, (H, W, 3) or (H, W); the map is interpolated to its
                size.
            channel_reduction: ``squeeze_mean`` shows the mean of all channels, ``select_max`` the channel with
                the largest sum, ``None`` several channels.
            topk: How many channels, those with the largest sums; 0 or less for all of one or three together.
            arrangement: Rows and columns of the channels; the result is (H * rows, W * columns, 3).
            resize_shape: Interpolate map and image to this (height, width).
            alpha: The weight of the map over the image.

        Example:
            >>> import torch
            >>> featmap = torch.rand(8, 4, 6)
            >>> ImageDrawing.draw_featmap(featmap).shape
            (4, 6, 3)
            >>> ImageDrawing.draw_featmap(featmap, channel_reduction=None, topk=4, arrangement=(2, 2)).shape
            (8, 12, 3)
        """
        return heatmap.draw_featmap(
            featmap, overlaid_image, channel_reduction, topk, arrangement, resize_shape, alpha
        )

    def _drawable(self) -> Canvas:
        check(self._image is not None, "there is no image to draw on: call set_image first")
        return self._canvas
