"""What the folder of a run says about it: read once, into plain frozen data, without any of the code that wrote it.

A folder holds one sub-folder for each start, ``<work_dir>/<time>/vis_data``, and the checkpoints. A run that was
resumed has several starts; each takes over from the iteration where it began.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eng_visualization.backends.local import FACTS
from eng_visualization.errors import VisualizationError
from eng_visualization.report.checkpoints import Checkpoint, read_checkpoints
from eng_visualization.report.config_file import Setting, read_settings
from eng_visualization.report.files import json_in, lines_in, number, text_in
from eng_visualization.report.log_file import LoggedWarning, read_environment, read_warnings
from eng_visualization.scalar_file import clock_of, position_of, records

__all__ = ["Curve", "Image", "NotARunError", "Run", "Test", "read_run"]

_PLACES = ("epoch", "iter", "step")


class NotARunError(VisualizationError, ValueError):
    """A folder holds nothing that a run would have written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One scalar over iterations; ``nan`` where it was none."""

    name: str
    xs: tuple[float, ...]
    ys: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A recorded image: its name without the step, and its file."""

    name: str
    step: int
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    """What a test of the model has measured: numbers, matrices and the like by name; and when it began."""

    start: str
    metrics: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Everything a report shows of a run."""

    name: str
    folder: Path
    starts: tuple[str, ...]
    epoch: int | None
    iter: int | None
    curves: tuple[Curve, ...]
    tests: tuple[Test, ...]
    settings: tuple[Setting, ...]
    config_path: Path | None
    facts: Mapping[str, Any]
    checkpoints: tuple[Checkpoint, ...]
    warnings: tuple[LoggedWarning, ...]
    images: tuple[Image, ...]

    def curve(self, name: str) -> Curve | None:
        """The curve of that name, if there is one."""
        return next((curve for curve in self.curves if curve.name == name), None)


def read_run(folder: str | Path, *, verify: bool = True) -> Run:
    """What a work folder says about its run.

    Args:
        folder: The work folder of a run, the folder of one of its starts, or any folder with a ``scalars.json``.
        verify: Compare the digest of each checkpoint with its manifest, which reads all of its bytes and
            needs xxhash, which eng-checkpoint brings; else its size.

    Raises:
        NotARunError: If there is nothing of a run.

    Example:
        >>> import tempfile
        >>> from eng_visualization import LocalVisBackend
        >>> folder = Path(tempfile.mkdtemp())
        >>> for step in (10, 20):
        ...     LocalVisBackend(folder / "20260101_120000" / "vis_data").add_scalars({"loss": 1 / step}, step)
        >>> read_run(folder).curve("loss")
        Curve(name='loss', xs=(10.0, 20.0), ys=(0.1, 0.05))
    """
    folder = Path(folder)
    places = _data_folders(folder)
    if not places:
        raise NotARunError(
            f"{folder} is not the folder of a run: there is no `*/vis_data` and no `scalars.json` in it"
        )
    root = _checkpoint_folder(folder)
    # a test has a start of its own, with a configuration that says what to load: the run is what was trained
    trained = [place for place in places if (place / "scalars.json").is_file()] or places
    history = _merged([_read_records(root, place / "scalars.json") for place in trained])
    facts: dict[str, Any] = {}
    commands: dict[str, None] = {}
    for place in places:
        facts |= json_in(root, place / FACTS)
        commands.setdefault(str(facts.get("command", "")))
    if (
        "command" in facts
    ):  # a resumed run was started by several, the last of which alone would not do it again
        facts["command"] = "; ".join(filter(None, commands))
    if logs := _log_files(trained[-1]):
        facts.setdefault("environment", read_environment(lines_in(root, logs[0])))
    facts = {name: value for name, value in facts.items() if value != {}}
    configured = next((place for place in reversed(trained) if (place / "config.py").is_file()), None)
    config = None if configured is None else configured / "config.py"
    origins = {} if configured is None else json_in(root, configured / "config.origins.json")
    checkpoints = read_checkpoints(root, verify=verify)
    return Run(
        name=folder.resolve().name,
        folder=folder,
        starts=tuple(_start(place) for place in trained),
        epoch=_furthest([_last(history, "epoch"), *(one.epoch for one in checkpoints)]),
        iter=_furthest([_last(history, "iter"), *(one.iter for one in checkpoints)]),
        curves=_curves(history),
        tests=tuple(
            Test(start=_start(place), metrics=found) for place in places if (found := _tested(root, place))
        ),
        settings=() if config is None else read_settings(text_in(root, config) or "", origins),
        config_path=config,
        facts=facts,
        checkpoints=checkpoints,
        warnings=tuple(
            one
            for place in places
            for one in read_warnings(lines_in(root, path) for path in _log_files(place))
        ),
        images=_newest(image for place in places for image in _images(place / "vis_image")),
    )


def _data_folders(folder: Path) -> list[Path]:
    """The ``vis_data`` of each start that recorded something, oldest first."""
    candidates = [*sorted(folder.glob("*/vis_data")), folder / "vis_data", folder]
    written = ("scalars.json", "config.py", FACTS)
    found = [place for place in candidates if any((place / name).is_file() for name in written)]
    # a folder that has starts is no start itself
    return [place for place in found if place != folder] or found


def _start(place: Path) -> str:
    """The name of a start: that of its folder, the time when it began."""
    return place.parent.name if place.name == "vis_data" else place.name


def _tested(root: Path, place: Path) -> dict[str, Any]:
    """The metrics of a test, which lie beside the log of its start."""
    measured = json_in(root, place.parent / f"{_start(place)}.json") if place.name == "vis_data" else {}
    return {name: value for name, value in measured.items() if name not in ("time", "data_time")}


def _furthest(places: Sequence[int | None]) -> int | None:
    """Records come every so many iterations, so the last checkpoint may lie further than the last of them."""
    return max((place for place in places if place is not None), default=None)


def _checkpoint_folder(folder: Path) -> Path:
    """The folder itself, or that of the run if it is the folder of one start, or its ``vis_data``."""
    return next(
        (place for place in (folder, *folder.resolve().parents[:2]) if (place / "manifest.json").is_file()),
        folder,
    )


def _log_files(place: Path) -> list[Path]:
    return sorted(place.parent.glob("*.log")) if place.name == "vis_data" else sorted(place.glob("*.log"))


def _read_records(root: Path, path: Path) -> list[dict[str, Any]]:
    """The records of a start, each with its position under ``"when"``."""
    found = list(records(lines_in(root, path)))
    clock = clock_of(found)
    at = 0.0
    for record in found:
        record["when"] = at = position_of(record, clock, at)
        record["validation"] = clock == "iter" and "iter" not in record
    return found


def _merged(starts: Sequence[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """One history: what an earlier start wrote from where a later one began is forgotten."""
    history: list[dict[str, Any]] = []
    for found in starts:
        if found:
            begin = next((record["when"] for record in found if not record["validation"]), float("inf"))
            end = next((i for i, record in enumerate(history) if record["when"] >= begin), len(history))
            kept = history[:end]
            # a start may begin with the validation that its checkpoint was saved before; its step may be an epoch
            for record in itertools.takewhile(lambda record: record["validation"], found):
                record["when"] = max(record["when"], kept[-1]["when"] if kept else 0.0)
            history = [*kept, *found]
    return history


def _curves(history: Sequence[Mapping[str, Any]]) -> tuple[Curve, ...]:
    points: dict[str, dict[float, float]] = {}
    training = {name for record in history if not record["validation"] for name in record}
    for record in history:
        for name, value in record.items():
            if name in ("when", "validation", *_PLACES) or (score := number(value)) is None:
                continue
            # without a hierarchy in the names, a loss of the validation would mix with that of the training
            name = f"val/{name}" if record["validation"] and name in training else name
            points.setdefault(name, {})[record["when"]] = score
    return tuple(Curve(name=name, xs=tuple(of), ys=tuple(of.values())) for name, of in points.items())


def _last(history: Sequence[Mapping[str, Any]], key: str) -> int | None:
    return next((int(record[key]) for record in reversed(history) if isinstance(record.get(key), int)), None)


def _newest(images: Iterable[Image]) -> tuple[Image, ...]:
    """A resumed run may record an image again; the later one counts."""
    return tuple({(image.name, image.step): image for image in images}.values())


def _images(folder: Path) -> list[Image]:
    images = []
    for path in sorted(folder.rglob("*.png")):
        name, _, step = path.relative_to(folder).with_suffix("").as_posix().rpartition("_")
        if step.isascii() and step.isdecimal() and len(step) < 19 and not path.is_symlink():
            images.append(Image(name=name, step=int(step), path=path))
    return images
