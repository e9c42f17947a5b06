"""The sections of the page: each is a heading and its HTML, empty where a run has nothing to show."""

from __future__ import annotations

import base64
import shlex
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from eng_visualization.report.charts import charts, metric_curves
from eng_visualization.report.files import bytes_in, numbers_of
from eng_visualization.report.format import number_text, size_text, time_text
from eng_visualization.report.markup import html_table, with_filter, with_heading
from eng_visualization.report.matrices import is_matrix, matrices
from eng_visualization.report.run import Curve, Run, Test

__all__ = ["of_one_run", "of_several_runs"]

_MOST_IMAGES = 24
_MOST_IMAGE_BYTES = 1_200_000
_PNG = b"\x89PNG\r\n\x1a\n"


def of_one_run(run: Run) -> list[tuple[str, str]]:
    """Return the heading and the HTML of each section of a page about one run."""
    return [
        ("Overview", _overview(run)),
        ("Curves", charts([run])),
        ("Tests", _tests(run)),
        ("Matrices", matrices(run)),
        ("Samples", _samples(run)),
        ("Checkpoints", _checkpoints(run)),
        ("Warnings", _warnings(run)),
        ("Configuration", _settings(run)),
        ("Environment", _facts(run.facts)),
        ("Reproduce", _reproduce(run)),
    ]


def of_several_runs(runs: Sequence[Run], names: Sequence[str]) -> list[tuple[str, str]]:
    """Return the heading and the HTML of each section of a page that compares runs, called by `names`."""
    return [
        ("Overview", _compared(runs, names)),
        ("Curves", charts(runs)),
        ("Configuration", _differences(runs, names)),
        (
            "Checkpoints",
            "".join(with_heading(name, _checkpoints(run)) for run, name in zip(runs, names, strict=True)),
        ),
        (
            "Warnings",
            "".join(with_heading(name, _warnings(run)) for run, name in zip(runs, names, strict=True)),
        ),
        (
            "Reproduce",
            "".join(with_heading(name, _reproduce(run)) for run, name in zip(runs, names, strict=True)),
        ),
    ]


def _overview(run: Run) -> str:
    facts = [
        ("Folder", str(run.folder)),
        ("Started", ", ".join(time_text(start) for start in run.starts)),
        ("Reached", _reached(run)),
        ("Checkpoints", _soundness(run)),
        ("Warnings", str(sum(one.times for one in run.warnings)) if run.warnings else "none"),
    ]
    rows = [(f"<th scope=row>{escape(name)}", f"<td>{escape(value)}") for name, value in facts if value]
    scores = [
        (
            curve.name,
            number_text(curve.ys[-1]),
            number_text(min(curve.ys)),
            number_text(max(curve.ys)),
            _at(curve),
        )
        for curve in metric_curves(run)
    ]
    table = html_table(("Metric", "Last", "Least", "Largest", "Last at iteration"), scores)
    return f"<table class=facts>{''.join(f'<tr>{a}{b}' for a, b in rows)}</table>{table if scores else ''}"


def _compared(runs: Sequence[Run], names: Sequence[str]) -> str:
    metrics = list(dict.fromkeys(curve.name for run in runs for curve in metric_curves(run)))
    rows = [
        ("Started", *(time_text(run.starts[0]) for run in runs)),
        ("Reached", *(_reached(run) for run in runs)),
    ]
    for metric in metrics:
        curves = [run.curve(metric) for run in runs]
        rows.append((metric, *(_last_and_range(curve) for curve in curves)))
    measured = [_measured(run.tests[-1]) if run.tests else {} for run in runs]
    for metric in dict.fromkeys(name for of_run in measured for name in of_run):
        rows.append((f"{metric} of the last test", *(of_run.get(metric, "-") for of_run in measured)))
    return html_table(("", *names), rows, "The last value, and the least and largest in brackets.")


def _tests(run: Run) -> str:
    names = list(dict.fromkeys(name for test in run.tests for name in _measured(test)))
    rows = [
        (time_text(test.start), *(_measured(test).get(name, "-") for name in names)) for test in run.tests
    ]
    return html_table(("Tested", *names), rows) if names else ""


def _measured(test: Test) -> dict[str, str]:
    """The numbers among the metrics of a test."""
    return {name: number_text(value) for name, value in numbers_of(test.metrics)}


def _samples(run: Run) -> str:
    figures, room = [], _MOST_IMAGE_BYTES
    newest_first = sorted(run.images, key=lambda image: -image.step)
    for image in newest_first[:_MOST_IMAGES]:
        if image.path.lstat().st_size > room:
            continue
        data = bytes_in(run.folder, image.path)
        if data is None or not data.startswith(_PNG):
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
            size_text(one.bytes),
            ", ".join(f"{name} {number_text(value)}" for name, value in one.metrics.items()),
            one.state if one.is_sound else f"broken: {one.state}",
        )
        for one in run.checkpoints
    ]
    heads = ("Checkpoint", "Kind", "Epoch", "Iteration", "Size", "Metrics", "State")
    return f"<div class=nowrap>{html_table(heads, rows)}</div>" if rows else ""


def _warnings(run: Run) -> str:
    rows = [(one.time, one.level, one.text, one.times) for one in run.warnings]
    return html_table(("First", "Level", "Text", "Times"), rows) if rows else ""


def _settings(run: Run) -> str:
    rows = [(one.path, one.value, one.origin) for one in run.settings]
    return with_filter(html_table(("Key", "Value", "Set at"), rows), "settings") if rows else ""


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
    return with_filter(html_table(("Key", *names), rows, f"{len(rows)} of {len(keys)} values differ."))


def _facts(facts: Mapping[str, Any]) -> str:
    parts = []
    plain = [(name, value) for name, value in facts.items() if not isinstance(value, Mapping)]
    if plain:
        parts.append(html_table(("Fact", "Value"), plain))
    for name, value in facts.items():
        if isinstance(value, Mapping) and not is_matrix(value):
            parts.append(with_heading(name, html_table(("Fact", "Value"), list(value.items()))))
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


def _reached(run: Run) -> str:
    places = [("epoch", run.epoch), ("iteration", run.iter)]
    return ", ".join(f"{name} {value:,}" for name, value in places if value is not None)


def _soundness(run: Run) -> str:
    if not run.checkpoints:
        return ""
    broken = sum(not one.is_sound for one in run.checkpoints)
    total = size_text(sum(one.bytes for one in run.checkpoints))
    count = f"{len(run.checkpoints)}, {total}"
    return f"{count}; {broken} broken" if broken else f"{count}; all {run.checkpoints[-1].state}"


def _last_and_range(curve: Curve | None) -> str:
    if curve is None:
        return "-"
    return f"{number_text(curve.ys[-1])} ({number_text(min(curve.ys))} to {number_text(max(curve.ys))})"


def _at(curve: Curve) -> str:
    return f"{curve.xs[-1]:,.0f}"
