"""What is true for a whole run, beside its curves: how it was started, its classes, its newest tables.

Reports and trackers show them; nothing reads them back.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence

from .aliases import Settings, Value, Values
from .run import Run


def facts_of_run(runner: Run) -> Values:
    """The command that started the process, the seed, and the classes of the data where it names them."""
    classes = (runner.visualizer.dataset_meta or {}).get("classes")
    facts = {"command": command(sys.orig_argv, sys.argv), "seed": runner.seed}
    return facts if classes is None else {**facts, "classes": [str(name) for name in classes]}


def command(original: Sequence[str], arguments: Sequence[str]) -> str:
    """What a person would type to start the process again.

    >>> command(["/usr/bin/python3", "-m", "eng_runner", "train", "a b.py"], ["/x/__main__.py", "train", "a b.py"])
    "python -m eng_runner train 'a b.py'"
    >>> command(["/usr/bin/python3", "/home/me/bin/eng", "train", "c.py"], ["/home/me/bin/eng", "train", "c.py"])
    'eng train c.py'
    >>> command(["python3", "train.py", "-m", "x"], ["train.py", "-m", "x"])
    'python train.py -m x'
    """
    program, *rest = arguments
    interpreter = original[: len(original) - len(rest)]
    if interpreter[-2:-1] in (["-m"], ["-c"]):
        words = ["python", *interpreter[-2:], *rest]
    elif program.endswith(".py"):
        words = ["python", program, *rest]
    else:
        words = [os.path.basename(program), *rest]
    return shlex.join(words)


def facts_of_metrics(metrics: Settings, mode: str, classes: Sequence[str] | None) -> Values:
    """Metrics that are no numbers, by name; a square table gets the names of its rows and columns.

    >>> facts_of_metrics({"confusion": [[5, 1], [0, 4]], "accuracy": 0.9}, "val", ["cat", "dog"])
    {'val/confusion': {'labels': ['cat', 'dog'], 'matrix': [[5, 1], [0, 4]]}}
    """
    facts: Values = {}
    for name, value in metrics.items():
        table = value.tolist() if hasattr(value, "tolist") else value
        if isinstance(table, (bool, int, float)):
            continue
        if _is_square(table):
            known = classes if classes is not None and len(classes) == len(table) else range(len(table))
            table = {"labels": [str(label) for label in known], "matrix": table}
        facts[f"{mode}/{name.removeprefix(f'{mode}/')}"] = table
    return facts


def _is_square(table: Value) -> bool:
    return (
        isinstance(table, list)
        and len(table) > 1
        and all(isinstance(row, list) and len(row) == len(table) for row in table)
    )
