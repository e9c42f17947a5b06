"""The one object that people ask to draw and to keep what a run shows; the same to every backend.

Drawing is in `draw/`, keeping in `backends/`; here are the names under which both are asked for.
"""

from __future__ import annotations

import copy
import functools
import inspect
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeAlias, TypeVar

import numpy as np

from eng_dist import is_main_process, master_only
from eng_registry import VISBACKENDS, VISUALIZERS
from eng_visualization.backends.backend import BaseVisBackend
from eng_visualization.draw import heatmap, samples, shapes, window
from eng_visualization.draw.canvas import Canvas
from eng_visualization.errors import check
from eng_visualization.named import Named
from eng_visualization.plain import plain
from eng_visualization.writer import BackendWriter

__all__ = ["VisBackendsType", "Visualizer"]

logger = logging.getLogger(__name__)

VisBackendsType: TypeAlias = Mapping[str, Any] | BaseVisBackend | Sequence[Mapping[str, Any] | BaseVisBackend]

P = ParamSpec("P")
V = TypeVar("V", bound="Visualizer")


def _drawing(draw: Callable[Concatenate[V, P], None]) -> Callable[Concatenate[V, P], V]:
    """A method that draws if this is the main process, and returns the visualizer for the next call."""

    @functools.wraps(draw)
    def chained(self: V, /, *args: P.args, **kwargs: P.kwargs) -> V:
        if is_main_process():
            draw(self, *args, **kwargs)
        return self

    return chained


@VISUALIZERS.register_module()
class Visualizer(Named, shared=True):
    """Draws on images, and hands scalars, images, graphs and the configuration to every backend.

    What is recorded is queued: a backend that fails or hangs is reported once and never ends or slows the run.
    Only the main process of a distributed run does anything.

    Args:
        name: The name under which `get_instance` finds it.
        image: The image to draw on (see `set_image`).
        vis_backends: Where to record: backends, or mappings with the ``type`` of one, alone or several. A mapping
            may also have a ``name``, by default that of its class.
        save_dir: The folder of the run. Backends given as mappings write to ``<save_dir>/vis_data``.
        fig_save_cfg: Arguments of the matplotlib figure that is drawn on.
        fig_show_cfg: Arguments of the matplotlib figure of the window.

    Example:
        >>> import tempfile, pathlib
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> visualizer = Visualizer(vis_backends=dict(type="LocalVisBackend"), save_dir=folder)
        >>> visualizer.add_scalars({"loss": 0.5}, step=1)
        >>> visualizer.close()
        >>> (folder / "vis_data" / "scalars.json").read_text()
        '{"loss": 0.5, "step": 1}\\n'
        >>> image = np.zeros((40, 60, 3), dtype=np.uint8)
        >>> visualizer.set_image(image)
        >>> drawn = visualizer.draw_bboxes(np.array([10, 10, 50, 30]), edge_colors="r").get_image()
        >>> drawn.shape, bool(drawn[10, 30, 0] > 100)  # the upper edge is red
        ((40, 60, 3), True)
    """

    def __init__(
        self,
        name: str = "visualizer",
        image: np.ndarray | None = None,
        vis_backends: VisBackendsType | None = None,
        save_dir: str | Path | None = None,
        fig_save_cfg: Mapping[str, Any] = {"frameon": False},
        fig_show_cfg: Mapping[str, Any] = {"frameon": False},
    ) -> None:
        super().__init__(name)
        self._dataset_meta: dict[str, Any] | None = None
        folder = None if save_dir is None else str(Path(save_dir) / "vis_data")
        self._writers = _writers(vis_backends, folder)
        self._vis_backends = {key: writer.backend for key, writer in self._writers.items()}
        self._fig_save_cfg = dict(fig_save_cfg)
        self._fig_show_cfg = dict(fig_show_cfg)
        self._image: np.ndarray | None = None
        if image is not None:
            self.set_image(image)

    @property
    def dataset_meta(self) -> dict[str, Any] | None:
        """What the dataset says about itself (classes, palette), for subclasses that draw with it."""
        return self._dataset_meta

    @dataset_meta.setter
    @master_only
    def dataset_meta(self, dataset_meta: dict[str, Any]) -> None:
        self._dataset_meta = dataset_meta

    # ---- the image --------------------------------------------------------------------------------------

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
            >>> Visualizer.draw_featmap(featmap).shape
            (4, 6, 3)
            >>> Visualizer.draw_featmap(featmap, channel_reduction=None, topk=4, arrangement=(2, 2)).shape
            (8, 12, 3)
        """
        return heatmap.draw_featmap(
            featmap, overlaid_image, channel_reduction, topk, arrangement, resize_shape, alpha
        )

    def _drawable(self) -> Canvas:
        check(self._image is not None, "there is no image to draw on: call set_image first")
        return self._canvas

    # ---- recording --------------------------------------------------------------------------------------

    def get_backend(self, name: str) -> BaseVisBackend:
        """The backend of that name, after everything recorded so far has reached it.

        Raises:
            KeyError: If there is none.
        """
        if name not in self._writers:
            raise KeyError(f"no backend {name!r}; there are: {', '.join(self._writers) or 'none'}")
        self._writers[name].flush()
        return self._vis_backends[name]

    @master_only
    def add_config(self, config: Any, **kwargs: Any) -> None:
        """Record the configuration of the run."""
        config = copy.deepcopy(config)
        for writer in self._writers.values():
            writer.submit("add_config", config, **kwargs)

    @master_only
    def add_graph(self, model: Any, data_batch: Any, **kwargs: Any) -> None:
        """Record the structure of the model; on this thread, since it runs the model."""
        for writer in self._writers.values():
            writer.call("add_graph", model, data_batch, **kwargs)

    @master_only
    def add_image(self, name: str, image: np.ndarray, step: int = 0) -> None:
        """Record an image: RGB, shape (H, W, 3), dtype uint8."""
        image = np.array(image)
        for writer in self._writers.values():
            writer.submit("add_image", name, image, step, size=image.nbytes)

    @master_only
    def add_scalar(self, name: str, value: Any, step: int = 0, **kwargs: Any) -> None:
        """Record a number, or a tensor or array with one element."""
        value = plain(value)
        for writer in self._writers.values():
            writer.submit("add_scalar", name, value, step, **kwargs)

    @master_only
    def add_scalars(
        self, scalar_dict: Mapping[str, Any], step: int = 0, file_path: str | None = None, **kwargs: Any
    ) -> None:
        """Record several numbers of the same step; `LocalVisBackend` writes them to `file_path` as well."""
        check(
            isinstance(scalar_dict, Mapping), f"scalars must be a mapping, got {type(scalar_dict).__name__}"
        )
        scalars = plain(scalar_dict)
        for writer in self._writers.values():
            writer.submit("add_scalars", scalars, step, file_path, **kwargs)

    @master_only
    def add_datasample(
        self,
        name: str,
        image: np.ndarray,
        data_sample: Any = None,
        draw_gt: bool = True,
        draw_pred: bool = True,
        show: bool = False,
        wait_time: float = 0,
        step: int = 0,
    ) -> None:
        """Draw and record a sample: what is given on the left, what was predicted on the right.

        Drawn are the fields ``gt_instances`` and ``pred_instances`` (boxes, masks, keypoints, labels, scores),
        ``gt_sem_seg`` and ``pred_sem_seg``, ``gt_label`` and ``pred_label``, with the ``classes`` and the ``palette``
        of `dataset_meta`. A subclass draws what its task has to show.

        Args:
            name: Under which it is recorded.
            image: RGB, shape (H, W, 3), or gray, shape (H, W).
            data_sample: The object with the fields.
            draw_gt: Whether to draw what is given.
            draw_pred: Whether to draw what was predicted.
            show: Also show it to a person.
            wait_time: For how many seconds; 0 until a key is pressed.
            step: Of the record.
        """
        prefixes = [prefix for prefix, wanted in (("gt", draw_gt), ("pred", draw_pred)) if wanted]
        drawn = samples.draw_sample(self, image, data_sample, prefixes)
        if show:
            self.show(drawn, win_name=name, wait_time=wait_time)
        self.add_image(name, drawn, step)

    @master_only
    def add_facts(self, facts: Mapping[str, Any]) -> None:
        """Record what is true for the whole run: environment, command, seed, a confusion matrix.

        A fact is plain data; one of the same name replaces the older. A mapping is shown as a table in a report, one
        with ``labels`` and ``matrix`` as a matrix of rows (what is true) and columns (what was predicted).
        """
        check(isinstance(facts, Mapping), f"facts must be a mapping, got {type(facts).__name__}")
        values = plain(facts)
        for writer in self._writers.values():
            writer.submit("add_facts", values)

    @master_only
    def resume_from(self, step: int) -> None:
        """Make the backends forget what they have of later steps than `step`."""
        for writer in self._writers.values():
            writer.submit("resume_from", step)

    @master_only
    def flush(self, seconds: float | None = None) -> None:
        """Wait until everything recorded so far has reached the backends, for so long each (by default 10 seconds)."""
        for writer in self._writers.values():
            writer.flush(seconds)

    @master_only
    def close(self) -> None:
        """Let every backend finish. What could not be written is said in one warning per backend."""
        for writer in self._writers.values():
            writer.close()


def _writers(given: VisBackendsType | None, folder: str | None) -> dict[str, BackendWriter]:
    """A writer for each backend, by name."""
    if given is None:
        return {}
    several = list(given) if isinstance(given, (list, tuple)) else [given]
    writers: dict[str, BackendWriter] = {}
    for one in several:
        name, backend = _backend(one, folder)
        if backend is None:
            logger.warning("%s needs a save_dir, and the visualizer has none: it is left out", name)
            continue
        if name in writers:
            raise RuntimeError(f"there are two backends named {name!r}: give one of them another `name`")
        backend.require_clients()
        writers[name] = BackendWriter(name, backend)
    return writers


def _backend(given: Any, folder: str | None) -> tuple[str, BaseVisBackend | None]:
    if isinstance(given, BaseVisBackend):
        return type(given).__name__, given
    if not isinstance(given, Mapping):
        kind = type(given).__name__
        raise TypeError(f"vis_backends takes backends, mappings with a `type`, or lists of them, got {kind}")
    arguments = dict(given)
    name = arguments.pop("name", None)
    if folder is None and arguments.get("save_dir") is None and _needs_folder(arguments.get("type")):
        return str(arguments["type"]), None
    if folder is not None and _takes_folder(arguments.get("type")):
        arguments.setdefault("save_dir", folder)
    backend: BaseVisBackend = VISBACKENDS.build(arguments)
    return name or type(backend).__name__, backend


def _needs_folder(kind: Any) -> bool:
    folder = _parameters(kind).get("save_dir")
    return folder is not None and folder.default is inspect.Parameter.empty


def _takes_folder(kind: Any) -> bool:
    """A backend that writes no files need not have the argument."""
    parameters = _parameters(kind)
    return "save_dir" in parameters or any(each.kind is each.VAR_KEYWORD for each in parameters.values())


def _parameters(kind: Any) -> Mapping[str, inspect.Parameter]:
    kind = VISBACKENDS.get(kind) if isinstance(kind, str) else kind
    # what is no class, the registry says better
    return inspect.signature(kind).parameters if callable(kind) else {}
