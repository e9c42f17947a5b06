"""Square matrices, such as a confusion matrix: those that a run recorded, and those that a test measured."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from eng_visualization.report.files import number
from eng_visualization.report.format import number_text
from eng_visualization.report.markup import with_heading
from eng_visualization.report.run import Run

__all__ = ["is_matrix", "matrices"]


def matrices(run: Run) -> str:
    """Return the matrices among the facts, and those of the last test that measured one of that name."""
    found = {name: value for name, value in run.facts.items() if is_matrix(value)}
    for test in run.tests:
        for name, value in test.metrics.items():
            if _is_square(value):
                known = run.facts.get("classes", ())
                fits = isinstance(known, (list, tuple)) and len(known) == len(value)
                labels = known if fits else range(len(value))
                found[f"{name} of the test"] = {"labels": list(labels), "matrix": value}
    return "".join(with_heading(name, _matrix(value)) for name, value in found.items())


def _is_square(value: Any) -> bool:
    return (
        isinstance(value, list)
        and all(
            isinstance(row, list)
            and len(row) == len(value) > 1
            and all(number(cell) is not None for cell in row)
            for row in value
        )
        and bool(value)
    )


def is_matrix(fact: Any) -> bool:
    """Whether a fact is a square matrix with a label for each row and column."""
    if not isinstance(fact, Mapping) or not isinstance(fact.get("labels"), (list, tuple)):
        return False
    rows = fact.get("matrix")
    return (
        isinstance(rows, (list, tuple))
        and len(rows) == len(fact["labels"])
        and all(isinstance(row, (list, tuple)) and len(row) == len(rows) for row in rows)
        and all(number(cell) is not None for row in rows for cell in row)
    )


def _matrix(fact: Mapping[str, Any]) -> str:
    labels, rows = [str(label) for label in fact["labels"]], fact["matrix"]
    head = "".join(f"<th scope=col>{escape(label)}" for label in labels)
    body = []
    for label, row in zip(labels, rows, strict=True):
        total = sum(map(float, row))
        cells = "".join(
            f'<td style="--share:{_share(value, total):.3f}">{number_text(value)}' for value in row
        )
        body.append(f"<tr><th scope=row>{escape(label)}{cells}")
    return (
        "<div class=wide><table class=matrix><caption>Rows: what is true. Columns: what was predicted.</caption>"
        f"<tr><td>{head}{''.join(body)}</table></div>"
    )


def _share(value: float, total: float) -> float:
    """What a cell is of its row, from 0 to 1; 0 where that is not a number."""
    share = float(value) / total if total else 0.0
    return max(0.0, min(1.0, share)) if share == share else 0.0
