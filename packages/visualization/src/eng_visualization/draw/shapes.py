"""Points, texts, lines, circles, polygons and masks on a canvas.

One function each; positions are in pixels, x to the right and y down, and arguments that say how a thing
looks are one value for all or a list with one per thing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from eng_visualization.draw.arguments import (
    array_of,
    check_type,
    check_type_and_length,
    tensor2ndarray,
    value2list,
)
from eng_visualization.draw.canvas import Canvas
from eng_visualization.draw.colors import color_str2rgb, color_val_matplotlib
from eng_visualization.errors import check

__all__ = [
    "draw_bboxes",
    "draw_circles",
    "draw_lines",
    "draw_masks",
    "draw_points",
    "draw_polygons",
    "draw_texts",
]


def draw_points(canvas: Canvas, positions: Any, colors: Any, marker: str | None, sizes: Any) -> None:
    """Points at `positions`, shape (2,) or (N, 2)."""
    points = array_of("positions", positions)
    points = points[None] if points.ndim == 1 else points
    check(points.ndim == 2 and points.shape[1] == 2, f"positions must be (2,) or (N, 2), got {points.shape}")
    canvas.check_inside(points)
    sizes = tensor2ndarray(sizes)
    canvas.axes.scatter(
        points[:, 0], points[:, 1], color=color_val_matplotlib(colors), s=sizes, marker=marker
    )


def draw_texts(
    canvas: Canvas,
    texts: str | list[str],
    positions: Any,
    *,
    font_sizes: Any,
    colors: Any,
    vertical_alignments: Any,
    horizontal_alignments: Any,
    font_families: Any,
    bboxes: Any,
    font_properties: Any,
) -> None:
    """Each text at its position, shape (N, 2); `bboxes` are boxes behind, as matplotlib describes them."""
    check_type("texts", texts, (str, list))
    texts = [texts] if isinstance(texts, str) else texts
    count = len(texts)
    points = array_of("positions", positions)
    check(points.shape == (count, 2), f"positions must be ({count}, 2), got {points.shape}")
    canvas.check_inside(points)

    optional = type(None)
    check_type_and_length("font_sizes", font_sizes, (int, float, list, optional), count)
    sizes = value2list(font_sizes or canvas.default_font_size, (int, float), count)
    check_type_and_length("colors", colors, (str, tuple, list), count)
    shades = color_val_matplotlib(value2list(colors, (str, tuple), count))
    check_type_and_length("vertical_alignments", vertical_alignments, (str, list), count)
    vertical = value2list(vertical_alignments, str, count)
    check_type_and_length("horizontal_alignments", horizontal_alignments, (str, list), count)
    horizontal = value2list(horizontal_alignments, str, count)
    check_type_and_length("font_families", font_families, (str, list), count)
    families = value2list(font_families, str, count)
    check_type_and_length("bboxes", bboxes, (dict, list, optional), count)
    boxes = value2list(bboxes, (dict, optional), count)
    # fonts may be something that matplotlib makes a font of; a list has one per text
    if font_properties is not None and not isinstance(font_properties, list):
        font_properties = [font_properties] * count
    check_type_and_length("font_properties", font_properties, (list, optional), count)
    fonts = font_properties or [None] * count

    for i, text in enumerate(texts):
        style = {"fontproperties": fonts[i]} if fonts[i] is not None else {"family": families[i]}
        canvas.axes.text(
            points[i, 0],
            points[i, 1],
            text,
            size=sizes[i],
            bbox=boxes[i],
            verticalalignment=vertical[i],
            horizontalalignment=horizontal[i],
            color=shades[i],
            **style,
        )


def draw_lines(
    canvas: Canvas, x_datas: Any, y_datas: Any, colors: Any, line_styles: Any, line_widths: Any
) -> None:
    """Lines from (x[0], y[0]) to (x[1], y[1]), shapes (2,) or (N, 2)."""
    xs, ys = array_of("x_datas", x_datas), array_of("y_datas", y_datas)
    check(xs.shape == ys.shape, f"x_datas and y_datas must have one shape, got {xs.shape} and {ys.shape}")
    check(xs.ndim in (1, 2) and xs.shape[-1] == 2, f"lines must be (2,) or (N, 2), got {xs.shape}")
    lines = np.stack([xs.reshape(-1, 2), ys.reshape(-1, 2)], axis=-1)  # (N, 2 ends, x and y)
    canvas.check_inside(lines)
    _add_lines(canvas, lines, colors, line_styles, line_widths)


def draw_circles(
    canvas: Canvas,
    center: Any,
    radius: Any,
    *,
    edge_colors: Any,
    line_styles: Any,
    line_widths: Any,
    face_colors: Any,
    alpha: float,
) -> None:
    """Circles at `center`, shape (2,) or (N, 2), with `radius`, shape () or (N,)."""
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Circle

    centers, radii = array_of("center", center), array_of("radius", radius)
    centers, radii = np.atleast_2d(centers), np.atleast_1d(radii)
    check(
        centers.shape == (len(radii), 2),
        f"circles need a center (N, 2) and a radius (N,), got {centers.shape} and {radii.shape}",
    )
    canvas.check_inside(np.concatenate([centers - radii[:, None], centers + radii[:, None]]))
    circles = [Circle(tuple(middle), size) for middle, size in zip(centers, radii, strict=True)]
    collection = PatchCollection(
        circles,
        alpha=alpha,
        facecolors=color_val_matplotlib(face_colors),
        edgecolors=color_val_matplotlib(edge_colors),
        linewidths=_line_widths(canvas, line_widths),
        linestyles=line_styles,
    )
    canvas.axes.add_collection(collection)


def draw_polygons(
    canvas: Canvas,
    polygons: Any,
    *,
    edge_colors: Any,
    line_styles: Any,
    line_widths: Any,
    face_colors: Any,
    alpha: float,
) -> None:
    """Polygons: one of shape (M, 2), or a list of such."""
    check_type("polygons", tensor2ndarray(polygons), (list, np.ndarray))
    several = polygons if isinstance(polygons, list) else [polygons]
    corners = [array_of("polygons", polygon) for polygon in several]
    for polygon in corners:
        check(polygon.ndim == 2 and polygon.shape[1] == 2, f"a polygon must be (M, 2), got {polygon.shape}")
        canvas.check_inside(polygon)
    _add_polygons(
        canvas,
        corners,
        edge_colors=edge_colors,
        line_styles=line_styles,
        line_widths=line_widths,
        face_colors=face_colors,
        alpha=alpha,
    )


def draw_bboxes(canvas: Canvas, bboxes: Any, **style: Any) -> None:
    """Boxes (x1, y1, x2, y2), shape (4,) or (N, 4), drawn as polygons."""
    boxes = array_of("bboxes", bboxes)
    boxes = boxes[None] if boxes.ndim == 1 else boxes
    check(boxes.ndim == 2 and boxes.shape[1] == 4, f"bboxes must be (4,) or (N, 4), got {boxes.shape}")
    check(
        (boxes[:, 0] <= boxes[:, 2]).all() and (boxes[:, 1] <= boxes[:, 3]).all(),
        "a box is (x1, y1, x2, y2) with x1 <= x2 and y1 <= y2",
    )
    canvas.check_inside(boxes.reshape(-1, 2, 2))
    corners = boxes[:, [[0, 1], [2, 1], [2, 3], [0, 3]]]
    _add_polygons(canvas, list(corners), **style)


def draw_masks(image: np.ndarray, masks: Any, colors: Any, alphas: Any) -> np.ndarray:
    """The image with a transparent colour over each mask, shape (H, W) or (N, H, W), dtype bool."""
    areas = array_of("binary_masks", masks)
    check(areas.dtype == np.bool_, f"binary_masks must have the dtype bool, got {areas.dtype}")
    areas = areas[None] if areas.ndim == 2 else areas
    check(areas.ndim == 3, f"binary_masks must be (H, W) or (N, H, W), got {areas.shape}")
    check(
        areas.shape[1:] == image.shape[:2],
        f"masks of {areas.shape[1:]} do not fit the image of {image.shape[:2]}",
    )
    count = len(areas)
    check_type_and_length("colors", colors, (str, tuple, list, np.ndarray), count)
    shades = [_rgb(color) for color in value2list(colors, (str, tuple), count)]
    check_type_and_length("alphas", alphas, (int, float, list), count)
    weights = value2list(alphas, (int, float), count)
    result = image.astype(np.float32)
    for area, shade, weight in zip(areas, shades, weights, strict=False):
        result[area] = result[area] * (1 - weight) + shade * weight
    return np.rint(result).astype(np.uint8)


def _add_lines(
    canvas: Canvas, lines: Sequence[Any] | np.ndarray, colors: Any, styles: Any, widths: Any
) -> None:
    from matplotlib.collections import LineCollection

    collection = LineCollection(
        [*lines], colors=color_val_matplotlib(colors), linestyles=styles, linewidths=widths
    )
    canvas.axes.add_collection(collection)


def _add_polygons(
    canvas: Canvas,
    corners: list[np.ndarray],
    *,
    edge_colors: Any,
    line_styles: Any,
    line_widths: Any,
    face_colors: Any,
    alpha: float,
) -> None:
    from matplotlib.collections import PolyCollection

    collection = PolyCollection(
        corners,
        alpha=alpha,
        facecolor=color_val_matplotlib(face_colors),
        linestyles=line_styles,
        edgecolors=color_val_matplotlib(edge_colors),
        linewidths=_line_widths(canvas, line_widths),
    )
    canvas.axes.add_collection(collection)


def _line_widths(canvas: Canvas, widths: Any) -> list[float]:
    """Between one pixel and what does not hide an image of that size."""
    return [float(min(max(width, 1), canvas.default_font_size / 4)) for width in np.atleast_1d(widths)]


def _rgb(color: Any) -> np.ndarray:
    shade = np.asarray(color_str2rgb(color) if isinstance(color, str) else color, dtype=np.float32)
    check(shade.shape == (3,), f"the colour of a mask has three channels, got {color}")
    check(shade.min() >= 0 and shade.max() <= 255, f"the channels of a colour are from 0 to 255, got {color}")
    return shade
