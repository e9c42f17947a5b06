"""The `Visualizer`: hands what a run records to every backend, and draws on images.

Drawing is in `draw/image_drawing.py`, the queue before each backend in `writer.py`, the backends are in `backends/`.
"""

from __future__ import annotations

import copy
import inspect
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from eng_dist import master_only
from eng_registry import VISBACKENDS, VISUALIZERS
from eng_visualization.backends.backend import BaseVisBackend
from eng_visualization.draw import samples
from eng_visualization.draw.image_drawing import ImageDrawing
from eng_visualization.errors import check
from eng_visualization.named import Named
from eng_visualization.plain import plain
from eng_visualization.writer import BackendWriter

__all__ = ["VisBackendsType", "Visualizer"]

logger = logging.getLogger(__name__)

VisBackendsType: TypeAlias = Mapping[str, Any] | BaseVisBackend | Sequence[Mapping[str, Any] | BaseVisBackend]


@VISUALIZERS.register_module()
class Visualizer(ImageDrawing, Named, shared=True):
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
        Named.__init__(self, name)
        ImageDrawing.__init__(self, fig_save_cfg, fig_show_cfg)
        self._dataset_meta: dict[str, Any] | None = None
        folder = None if save_dir is None else str(Path(save_dir) / "vis_data")
        self._writers = _writers(vis_backends, folder)
        self._vis_backends = {key: writer.backend for key, writer in self._writers.items()}
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
