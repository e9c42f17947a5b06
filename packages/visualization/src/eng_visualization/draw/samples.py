"""A sample as people want to see it: the image with what is given, beside the image with what was predicted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from eng_visualization.draw.arguments import tensor2ndarray

__all__ = ["Drawing", "draw_sample"]

# eight colours that people who see colours differently can tell apart (Okabe and Ito, 2008)
_COLORS = (
    (0, 114, 178),
    (230, 159, 0),
    (0, 158, 115),
    (204, 121, 167),
    (86, 180, 233),
    (213, 94, 0),
    (240, 228, 66),
    (140, 140, 140),
)


class Drawing(Protocol):
    """What `draw_sample` draws on; a `Visualizer` is one."""

    @property
    def dataset_meta(self) -> Mapping[str, Any] | None: ...
    @property
    def dpi(self) -> float: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...

    def set_image(self, image: np.ndarray) -> None: ...
    def get_image(self) -> np.ndarray: ...

    def draw_points(self, positions: Any, *, colors: Any, sizes: Any) -> object: ...
    def draw_texts(
        self, texts: list[str], positions: Any, *, font_sizes: Any, colors: Any, bboxes: dict[str, Any]
    ) -> object: ...
    def draw_bboxes(self, bboxes: Any, *, edge_colors: Any) -> object: ...
    def draw_binary_masks(self, binary_masks: Any, *, colors: Any, alphas: Any) -> object: ...


def draw_sample(drawing: Drawing, image: Any, sample: Any, prefixes: Sequence[str]) -> np.ndarray:
    """One panel for each prefix of which the sample has a field, side by side; without any the image itself."""
    image = _rgb(image)
    panels = [_panel(drawing, image, sample, prefix) for prefix in prefixes if _has(sample, prefix)]
    return np.concatenate(panels, axis=1) if panels else image


def _has(sample: Any, prefix: str) -> bool:
    return any(_field(sample, f"{prefix}_{kind}") is not None for kind in ("instances", "sem_seg", "label"))


def _panel(drawing: Drawing, image: np.ndarray, sample: Any, prefix: str) -> np.ndarray:
    meta = drawing.dataset_meta or {}
    drawing.set_image(image)
    pixels = _field(sample, f"{prefix}_sem_seg")
    if pixels is not None:
        _draw_pixels(drawing, _array(pixels, "sem_seg", "data"), meta)
    instances = _field(sample, f"{prefix}_instances")
    if instances is not None:
        _draw_instances(drawing, instances, meta)
    label = _field(sample, f"{prefix}_label")
    if label is not None:
        _draw_label(drawing, label, _field(sample, f"{prefix}_score"), meta, prefix)
    return drawing.get_image()


def _draw_pixels(drawing: Drawing, classes: Any, meta: Mapping[str, Any]) -> None:
    areas = np.asarray(classes)
    areas = areas[0] if areas.ndim == 3 else areas
    present = [int(label) for label in np.unique(areas) if label != meta.get("ignore_index", 255)]
    if present:
        masks = np.stack([areas == label for label in present])
        colors = [_color(meta, label) for label in present]
        drawing.draw_binary_masks(masks, colors=colors, alphas=0.5)


def _draw_instances(drawing: Drawing, instances: Any, meta: Mapping[str, Any]) -> None:
    boxes = _array(instances, "bboxes")
    masks = _array(instances, "masks")
    points = _array(instances, "keypoints")
    count = next((len(found) for found in (boxes, masks, points) if found is not None), 0)
    if count == 0:
        return
    labels, scores = _array(instances, "labels"), _array(instances, "scores")
    numbers = [0] * count if labels is None else [int(label) for label in labels]
    colors = [_color(meta, number) for number in numbers]
    if masks is not None:
        drawing.draw_binary_masks(masks.astype(bool), colors=colors, alphas=0.5)
    if points is not None:
        for position, color in zip(points, colors, strict=True):
            drawing.draw_points(position[..., :2], colors=color, sizes=np.full(len(position), 12.0))
    if boxes is not None:
        boxes = _inside(boxes, drawing)
        drawing.draw_bboxes(boxes, edge_colors=colors)
        if labels is not None:
            texts = [_text(meta, number, scores, i) for i, number in enumerate(numbers)]
            _draw_texts(drawing, texts, boxes[:, :2], colors)


def _draw_label(drawing: Drawing, label: Any, score: Any, meta: Mapping[str, Any], prefix: str) -> None:
    """The names of the classes, in the upper left corner."""
    given = np.atleast_1d(np.asarray(_array(label, "label") if hasattr(label, "keys") else _plain(label)))
    found = _array(label, "score") if hasattr(label, "keys") else _plain(score)
    scores = None if found is None else np.atleast_1d(found)
    if scores is not None and len(scores) > len(given):  # one for each class
        scores = scores[given]
    names = [_text(meta, int(one), scores, i) for i, one in enumerate(given)]
    color = _color(meta, int(given[0])) if len(given) else _COLORS[-1]
    _draw_texts(drawing, [f"{prefix}: {', '.join(names)}"], np.full((1, 2), 2), [color])


def _draw_texts(drawing: Drawing, texts: list[str], positions: np.ndarray, colors: Any) -> None:
    size = float(np.clip(min(drawing.width, drawing.height) / 16, 7, 16)) * 72 / drawing.dpi
    box = {"facecolor": "black", "alpha": 0.6, "pad": 0.7, "edgecolor": "none"}
    bright = [tuple(int(128 + channel / 2) for channel in color) for color in colors]
    drawing.draw_texts(texts, positions, colors=bright, font_sizes=size, bboxes=box)


def _text(meta: Mapping[str, Any], label: int, scores: Any, i: int) -> str:
    classes = meta.get("classes") or ()
    name = str(classes[label]) if 0 <= label < len(classes) else str(label)
    return name if scores is None else f"{name} {float(scores[i]):.2f}"


def _color(meta: Mapping[str, Any], label: int) -> tuple[int, int, int]:
    palette = meta.get("palette")
    colors: Sequence[Any] = palette if isinstance(palette, (list, tuple)) and palette else _COLORS
    red, green, blue = (int(channel) for channel in colors[label % len(colors)])
    return red, green, blue


def _inside(boxes: np.ndarray, drawing: Drawing) -> np.ndarray:
    """A predicted box may reach out of the image; what is on it is drawn."""
    ends = np.array([drawing.width - 1, drawing.height - 1] * 2)
    clipped: np.ndarray = np.clip(boxes, 0, ends)
    return clipped


def _field(sample: Any, name: str) -> Any:
    return sample.get(name) if hasattr(sample, "get") else getattr(sample, name, None)


def _array(element: Any, *names: str) -> Any:
    found = (_field(element, name) for name in names)
    value = next((one for one in found if one is not None), None)
    return None if value is None else np.asarray(tensor2ndarray(value))


def _plain(value: Any) -> Any:
    return tensor2ndarray(value)


def _rgb(image: Any) -> np.ndarray:
    array = np.asarray(tensor2ndarray(image)).astype(np.uint8)
    array = array[..., None] if array.ndim == 2 else array
    return np.repeat(array, 3, axis=2) if array.shape[2] == 1 else array
