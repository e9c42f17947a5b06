"""From runs to one HTML file that needs no network: text and tables are written here, curves drawn by ``report.js``."""

from __future__ import annotations

import base64
import json
import math
import shlex
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from eng_fileio import atomic_write_text
from eng_visualization.errors import check
from eng_visualization.report.downsample import downsample
from eng_visualization.report.run import Curve, Run, Test, read_run

__all__ = ["write_report"]

_MOST_IMAGES = 24
_MOST_IMAGE_BYTES = 1_200_000
_MOST_POINTS = 50_000
# the sections of the curves: the first whose words begin (or, with *, are part of) the name takes it
_SECTIONS = (
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


def write_report(
    work_dirs: str | Path | Sequence[str | Path], out: str | Path | None = None, *, verify: bool = True
) -> Path:
    """Write one self-contained HTML page about a run, or one that compares several.

    Args:
        work_dirs: The folder of a run, or several.
        out: The file to write; by default ``report.html`` in the folder of the (first) run.
        verify: Compare the digests of the checkpoints, which reads all of their bytes; needs xxhash, which
            eng-checkpoint brings.

    Returns:
        The file.

    Raises:
        NotARunError: If a folder holds nothing of a run.

    Example:
        >>> import tempfile
        >>> from eng_visualization import LocalVisBackend
        >>> folder = Path(tempfile.mkdtemp())
        >>> for step in range(1, 50):
        ...     LocalVisBackend(folder / "20260101_120000" / "vis_data").add_scalars({"loss": 1 / step}, step)
        >>> write_report(folder).name
        'report.html'
    """
    folders = [work_dirs] if isinstance(work_dirs, (str, Path)) else list(work_dirs)
    check(folders, "a report needs the folder of at least one run")
    runs = [read_run(folder, verify=verify) for folder in folders]
    path = Path(out) if out is not None else Path(folders[0]) / "report.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write_text(path, render(runs))
    return path


def render(runs: Sequence[Run]) -> str:
    """The page as text."""
    names = _names(runs)
    title = names[0] if len(runs) == 1 else " and ".join(names) if len(runs) == 2 else f"{len(runs)} runs"
    sections = _of_one(runs[0]) if len(runs) == 1 else _of_several(runs, names)
    sections = [(heading, body) for heading, body in sections if body]
    links = "".join(f'<a href="#{_anchor(heading)}">{escape(heading)}</a>' for heading, _ in sections)
    bodies = "".join(
        f'<section id="{_anchor(heading)}"><h2>{escape(heading)}</h2>{body}</section>'
        for heading, body in sections
    )
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
    made = datetime.now().strftime("%Y-%m-%d %H:%M")
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">'
        f"<title>{escape(title)}</title><style>{_asset('report.css')}</style></head><body>"
        f'<a class="skip" href="#content">Skip to the content</a>'
        f'<header><h1>{escape(title)}</h1><nav aria-label="Sections">{links}</nav></header>'
        f'<main id="content">{bodies}</main><footer>Made by eng report on {made}.</footer>'
        f'<script type="application/json" id="curve-data">{_curve_data(runs, names)}</script>'
        f"<script>{_asset('report.js')}</script></body></html>\n"
    )


# ---- the sections ----------------------------------------------------------------------------------------------


def _of_one(run: Run) -> list[tuple[str, str]]:
    return [
        ("Overview", _overview(run)),
        ("Curves", _charts([run])),
        ("Tests", _tests(run)),
        ("Matrices", _matrices(run)),
        ("Samples", _samples(run)),
        ("Checkpoints", _checkpoints(run)),
        ("Warnings", _warnings(run)),
        ("Configuration", _settings(run)),
        ("Environment", _facts(run.facts)),
        ("Reproduce", _reproduce(run)),
    ]


def _of_several(runs: Sequence[Run], names: Sequence[str]) -> list[tuple[str, str]]:
    return [
        ("Overview", _compared(runs, names)),
        ("Curves", _charts(runs)),
        ("Configuration", _differences(runs, names)),
        (
            "Checkpoints",
            "".join(_titled(name, _checkpoints(run)) for run, name in zip(runs, names, strict=True)),
        ),
        ("Warnings", "".join(_titled(name, _warnings(run)) for run, name in zip(runs, names, strict=True))),
        ("Reproduce", "".join(_titled(name, _reproduce(run)) for run, name in zip(runs, names, strict=True))),
    ]


def _overview(run: Run) -> str:
    facts = [
        ("Folder", str(run.folder)),
        ("Started", ", ".join(_when(start) for start in run.starts)),
        ("Reached", _reached(run)),
        ("Checkpoints", _soundness(run)),
        ("Warnings", str(sum(one.times for one in run.warnings)) if run.warnings else "none"),
    ]
    rows = [(f"<th scope=row>{escape(name)}", f"<td>{escape(value)}") for name, value in facts if value]
    scores = [
        (curve.name, _number(curve.ys[-1]), _number(min(curve.ys)), _number(max(curve.ys)), _at(curve))
        for curve in _metrics(run)
    ]
    table = _table(("Metric", "Last", "Least", "Largest", "Last at iteration"), scores)
    return f"<table class=facts>{''.join(f'<tr>{a}{b}' for a, b in rows)}</table>{table if scores else ''}"


def _compared(runs: Sequence[Run], names: Sequence[str]) -> str:
    metrics = list(dict.fromkeys(curve.name for run in runs for curve in _metrics(run)))
    rows = [
        ("Started", *(_when(run.starts[0]) for run in runs)),
        ("Reached", *(_reached(run) for run in runs)),
    ]
    for metric in metrics:
        curves = [run.curve(metric) for run in runs]
        rows.append((metric, *(_last_and_range(curve) for curve in curves)))
    measured = [_measured(run.tests[-1]) if run.tests else {} for run in runs]
    for metric in dict.fromkeys(name for of_run in measured for name in of_run):
        rows.append((f"{metric} of the last test", *(of_run.get(metric, "-") for of_run in measured)))
    return _table(("", *names), rows, "The last value, and the least and largest in brackets.")


def _charts(runs: Sequence[Run]) -> str:
    names = dict.fromkeys(curve.name for run in runs for curve in run.curves if len(curve.xs) > 0)
    sections: dict[str, list[str]] = {"Loss": [], "Learning rate": [], _OTHERS: [], "Time and memory": []}
    for name in names:
        sections[_section(name)].append(name)
    parts = []
    for heading, members in sections.items():
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


def _tests(run: Run) -> str:
    names = list(dict.fromkeys(name for test in run.tests for name in _measured(test)))
    rows = [(_when(test.start), *(_measured(test).get(name, "-") for name in names)) for test in run.tests]
    return _table(("Tested", *names), rows) if names else ""


def _measured(test: Test) -> dict[str, str]:
    """The numbers among the metrics of a test."""
    return {name: _number(value) for name, value in test.metrics.items() if isinstance(value, (int, float))}


def _matrices(run: Run) -> str:
    """Those among the facts, and those of the last test that had one of the name."""
    found = {name: value for name, value in run.facts.items() if _is_matrix(value)}
    for test in run.tests:
        for name, value in test.metrics.items():
            if _is_square(value):
                known = run.facts.get("classes", ())
                labels = known if len(known) == len(value) else range(len(value))
                found[f"{name} of the test"] = {"labels": list(labels), "matrix": value}
    return "".join(_titled(name, _matrix(value)) for name, value in found.items())


def _is_square(value: Any) -> bool:
    return (
        isinstance(value, list)
        and all(
            isinstance(row, list)
            and len(row) == len(value) > 1
            and all(isinstance(cell, (int, float)) for cell in row)
            for row in value
        )
        and bool(value)
    )


def _matrix(fact: Mapping[str, Any]) -> str:
    labels, rows = [str(label) for label in fact["labels"]], fact["matrix"]
    head = "".join(f"<th scope=col>{escape(label)}" for label in labels)
    body = []
    for label, row in zip(labels, rows, strict=True):
        total = sum(row) or 1
        cells = "".join(
            f'<td style="--share:{max(0.0, min(1.0, value / total)):.3f}">{_number(value)}' for value in row
        )
        body.append(f"<tr><th scope=row>{escape(label)}{cells}")
    return (
        "<div class=wide><table class=matrix><caption>Rows: what is true. Columns: what was predicted.</caption>"
        f"<tr><td>{head}{''.join(body)}</table></div>"
    )


def _samples(run: Run) -> str:
    figures, room = [], _MOST_IMAGE_BYTES
    newest_first = sorted(run.images, key=lambda image: -image.step)
    for image in newest_first[:_MOST_IMAGES]:
        data = image.path.read_bytes()
        if len(data) > room:
            continue
        room -= len(data)
        caption = f"{escape(image.name)} <span class=quiet>step {image.step}</span>"
        source = base64.b64encode(data).decode("ascii")
        alternative = escape(f"{image.name} at step {image.step}")
        figures.append(
            f'<figure><img src="data:image/png;base64,{source}" alt="{alternative}">'
            f"<figcaption>{caption}</figcaption></figure>"
        )
    left_out = len(run.images) - len(figures)
    more = f"<p class=hint>{left_out} more images are in the folder of the run.</p>" if left_out else ""
    return f"<div class=samples>{''.join(figures)}</div>{more}" if figures else ""


def _checkpoints(run: Run) -> str:
    rows = [
        (
            one.name,
            one.kind,
            one.epoch,
            one.iter,
            _size(one.bytes),
            ", ".join(f"{name} {_number(value)}" for name, value in one.metrics.items()),
            one.state if one.is_sound else f"broken: {one.state}",
        )
        for one in run.checkpoints
    ]
    heads = ("Checkpoint", "Kind", "Epoch", "Iteration", "Size", "Metrics", "State")
    return f"<div class=nowrap>{_table(heads, rows)}</div>" if rows else ""


def _warnings(run: Run) -> str:
    rows = [(one.time, one.level, one.text, one.times) for one in run.warnings]
    return _table(("First", "Level", "Text", "Times"), rows) if rows else ""


def _settings(run: Run) -> str:
    rows = [(one.path, one.value, one.origin) for one in run.settings]
    return _filtered(_table(("Key", "Value", "Set at"), rows), "settings") if rows else ""


def _differences(runs: Sequence[Run], names: Sequence[str]) -> str:
    values = [{one.path: one.value for one in run.settings} for run in runs]
    keys = dict.fromkeys(key for of_run in values for key in of_run)
    rows = [
        (key, *(of_run.get(key, "not set") for of_run in values))
        for key in keys
        if len({of_run.get(key) for of_run in values}) > 1
    ]
    if not rows:
        return "<p>The configurations are the same.</p>" if keys else ""
    return _filtered(_table(("Key", *names), rows, f"{len(rows)} of {len(keys)} values differ."))


def _facts(facts: Mapping[str, Any]) -> str:
    parts = []
    plain = [(name, value) for name, value in facts.items() if not isinstance(value, Mapping)]
    if plain:
        parts.append(_table(("Fact", "Value"), plain))
    for name, value in facts.items():
        if isinstance(value, Mapping) and not _is_matrix(value):
            parts.append(_titled(name, _table(("Fact", "Value"), list(value.items()))))
    return "".join(parts)


def _reproduce(run: Run) -> str:
    if run.config_path is None:
        return ""
    config, commands = shlex.quote(str(run.config_path)), []
    if "command" in run.facts:
        commands.append(f"# as it was started\n{run.facts['command']}")
    commands.append(
        f"# the same configuration again\neng train {config} --work-dir {shlex.quote(run.name + '_again')}"
    )
    best = next((one for one in reversed(run.checkpoints) if one.kind == "best" and one.is_sound), None)
    last = best or next((one for one in reversed(run.checkpoints) if one.is_sound), None)
    if last is not None:
        commands.append(
            f"# measure {last.name}\neng test {config} {shlex.quote(str(run.folder / last.name))}"
        )
    return f"<pre tabindex=0><code>{escape(chr(10).join(commands))}</code></pre>"


# ---- the curves ------------------------------------------------------------------------------------------------


def _curve_data(runs: Sequence[Run], names: Sequence[str]) -> str:
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


def _section(name: str) -> str:
    last = name.rpartition("/")[2]
    for heading, words in _SECTIONS:
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


def _metrics(run: Run) -> list[Curve]:
    return [curve for curve in run.curves if _section(curve.name) in ("Loss", _OTHERS) and curve.ys]


# ---- small things ----------------------------------------------------------------------------------------------


def _table(heads: Iterable[str], rows: Iterable[Sequence[Any]], caption: str = "") -> str:
    top = "".join(f"<th scope=col>{escape(head)}" for head in heads)
    body = "".join(
        f"<tr><th scope=row>{escape(str(first))}{''.join(f'<td>{escape(str(cell))}' for cell in rest)}"
        for first, *rest in rows
    )
    words = f"<caption>{escape(caption)}</caption>" if caption else ""
    table = f"<table>{words}<thead><tr>{top}</thead><tbody>{body}</tbody></table>"
    return f"<div class=wide tabindex=0 role=group>{table}</div>"


def _filtered(table: str, kind: str = "") -> str:
    words = '<input type=search placeholder="Filter" aria-label="Filter the table">'
    return f'<div class="filtered {kind}">{words}{table}</div>'


def _titled(title: str, body: str) -> str:
    return f"<h3>{escape(title)}</h3>{body}" if body else ""


def _names(runs: Sequence[Run]) -> list[str]:
    """The name of each folder; with its parent where two have the same."""
    short = [run.name for run in runs]
    return [
        run.name if short.count(run.name) == 1 else "/".join(run.folder.resolve().parts[-2:]) for run in runs
    ]


def _anchor(heading: str) -> str:
    return heading.lower().replace(" ", "-")


def _is_matrix(fact: Any) -> bool:
    if not isinstance(fact, Mapping) or not {"labels", "matrix"} <= set(fact):
        return False
    size = len(fact["labels"])
    return len(fact["matrix"]) == size and all(len(row) == size for row in fact["matrix"])


def _reached(run: Run) -> str:
    places = [("epoch", run.epoch), ("iteration", run.iter)]
    return ", ".join(f"{name} {value:,}" for name, value in places if value is not None)


def _soundness(run: Run) -> str:
    if not run.checkpoints:
        return ""
    broken = sum(not one.is_sound for one in run.checkpoints)
    total = _size(sum(one.bytes for one in run.checkpoints))
    count = f"{len(run.checkpoints)}, {total}"
    return f"{count}; {broken} broken" if broken else f"{count}; all {run.checkpoints[-1].state}"


def _last_and_range(curve: Curve | None) -> str:
    if curve is None:
        return "-"
    return f"{_number(curve.ys[-1])} ({_number(min(curve.ys))} to {_number(max(curve.ys))})"


def _at(curve: Curve) -> str:
    return f"{curve.xs[-1]:,.0f}"


def _when(start: str) -> str:
    try:
        return datetime.strptime(start[:15], "%Y%m%d_%H%M%S").strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return start


def _number(value: float) -> str:
    """
    >>> _number(3), _number(0.123456), _number(99.16666666)
    ('3', '0.1235', '99.17')
    """
    return str(value) if isinstance(value, int) or not math.isfinite(value) else f"{value:.4g}"


def _size(size: float) -> str:
    """
    >>> _size(314_896)
    '307.5 KiB'
    """
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            break
        size /= 1024
    return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:,.1f} {unit}"


@cache
def _asset(name: str) -> str:
    return files("eng_visualization.report").joinpath("assets", name).read_text(encoding="utf-8")
