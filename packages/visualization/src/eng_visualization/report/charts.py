"""The curves of one or several runs: the figures of the page, and the points that ``report.js`` draws."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape

from eng_visualization.report.downsample import downsample
from eng_visualization.report.run import Curve, Run

__all__ = ["charts", "curve_data", "metric_curves"]

_MOST_POINTS = 50_000
# a curve belongs to the first group that has the last part of its name; `loss` may also be within that part
_GROUPS = (
    ("Learning rate", ("lr", "base_lr", "momentum")),
    (
        "Time and memory",
        (
            "time",
            "data_time",
            "memory",
            "eta",
            "samples_per_sec",
            "mfu",
            "rss_mib",
            "device_mib",
            "open_files",
        ),
    ),
    ("Loss", ("loss",)),
)
_OTHERS = "Metrics and more"


def charts(runs: Sequence[Run]) -> str:
    """Return an empty figure for each curve, by group; the script draws into it."""
    names = dict.fromkeys(curve.name for run in runs for curve in run.curves if len(curve.xs) > 0)
    groups: dict[str, list[str]] = {"Loss": [], "Learning rate": [], _OTHERS: [], "Time and memory": []}
    for name in names:
        groups[_group(name)].append(name)
    parts = []
    for heading, members in groups.items():
        if members:
            figures = "".join(
                f'<figure class=chart data-name="{escape(name)}">'
                f"<figcaption>{escape(_title(name))}</figcaption></figure>"
                for name in members
            )
            wide = min(3, len(members))
            parts.append(f'<div class="group wide{wide}"><h3>{heading}</h3>{figures}</div>')
    if not parts:
        return ""
    hint = (
        "<p class=hint>Over iterations. Drag over a stretch to zoom, double-click to see all. With the keyboard: "
        "arrows move, + and - zoom, Escape shows all.</p>"
        "<noscript><p>The curves are drawn by a script in this file.</p></noscript>"
    )
    legend = "<p id=legend class=legend></p>" if len(runs) > 1 else ""
    return f"{hint}{legend}<div class=charts>{''.join(parts)}</div>"


def curve_data(runs: Sequence[Run], names: Sequence[str]) -> str:
    """``{"runs": [name, ...], "curves": {name: [[[x, y], ...] of each run]}}``, safe inside a script element."""
    keys = dict.fromkeys(curve.name for run in runs for curve in run.curves)
    most = max(100, _MOST_POINTS // max(1, len(keys) * len(runs)))
    curves = {
        key: [[] if curve is None else downsample(curve.xs, curve.ys, min(1200, most)) for curve in of_runs]
        for key, of_runs in ((key, [run.curve(key) for run in runs]) for key in keys)
    }
    rounded = {
        key: [[(_shortest(x), _shortest(y)) for x, y in points] for points in of_runs]
        for key, of_runs in curves.items()
    }
    text = json.dumps({"runs": list(names), "curves": rounded}, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")


def _shortest(value: float | None) -> float | None:
    """Seven digits are more than a screen shows; whole numbers need no point."""
    if value is None:
        return None
    rounded = float(f"{value:.7g}")
    return int(rounded) if rounded.is_integer() and abs(rounded) < 1e15 else rounded


def _group(name: str) -> str:
    last = name.rpartition("/")[2]
    for heading, words in _GROUPS:
        if any(
            last == word or last.endswith(f".{word}") or (word == "loss" and word in last) for word in words
        ):
            return heading
    return _OTHERS


def _title(name: str) -> str:
    units = {
        "time": "seconds per iteration",
        "data_time": "seconds waiting for data",
        "memory": "MiB",
        "eta": "s",
        "samples_per_sec": "samples per second",
        "rss_mib": "memory of the process, MiB",
        "device_mib": "memory of the device, MiB",
    }
    unit = units.get(name.rpartition("/")[2])
    return name if unit is None else f"{name} ({unit})"


def metric_curves(run: Run) -> list[Curve]:
    """Return the losses and metrics among the curves, without learning rates, times and memory."""
    return [curve for curve in run.curves if _group(curve.name) in ("Loss", _OTHERS) and curve.ys]
