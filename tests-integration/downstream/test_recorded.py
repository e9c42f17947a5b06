"""What the original engine computed, recorded once, and the same computed here: equal to the bit.

`record.py` says how the files were made. Rules and merges need our packages only; a training needs its project and is
skipped without it.
"""

import json
import subprocess
import sys
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from downstream.cases import NEEDS, RECORDED, TRAININGS


def entries() -> list[Any]:
    """Return a parameter for each entry of each recorded file."""
    return [
        pytest.param(case, entry, id=f"{case}-{entry}", marks=[pytest.mark.slow] * (NEEDS[case] is not None))
        for case in NEEDS
        for entry in recorded(case)
    ]


@cache
def recorded(case: str) -> dict[str, Any]:
    result: dict[str, Any] = json.loads((RECORDED / f"{case}.json").read_text(encoding="utf-8"))
    return result


@cache
def computed(case: str) -> dict[str, Any] | str:
    """Return what the case gives with the engine that is installed here, or why it does not run."""
    with TemporaryDirectory() as folder:
        output = Path(folder) / "result.json"
        program = Path(__file__).with_name("record.py")
        command = [sys.executable, "-W", "ignore", str(program), case, str(output)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
        if done.returncode:
            return f"{case} ended with {done.returncode}:\n{done.stderr[-4000:]}"
        result: dict[str, Any] = json.loads(output.read_text(encoding="utf-8"))
        return result


@pytest.mark.parametrize(("case", "entry"), entries())
def test_the_same_as_the_original(case, entry):
    """Groups, merged values, losses, rates, metrics and weights are those that the original engine gave."""
    project = NEEDS[case]
    if project is not None and find_spec(project) is None:
        pytest.skip(f"{project} is not installed; README.md of this folder has the environment")
    if case in TRAININGS:
        skip_under_another_torch()
    actual = computed(case)
    if isinstance(actual, str):
        pytest.fail(actual)
    assert comparable(actual[entry], recorded(case)[entry]) == recorded(case)[entry]


def skip_under_another_torch() -> None:
    """Skip where torch is not the one that computed the recorded numbers: its kernels round in their own order."""
    made_with = recorded_versions()["torch"].partition("+")[0]
    here = version("torch").partition("+")[0]
    if here != made_with:
        pytest.skip(f"the numbers were recorded with torch {made_with}, this is {here}")


@cache
def recorded_versions() -> dict[str, str]:
    result: dict[str, str] = json.loads((RECORDED / "versions.json").read_text(encoding="utf-8"))
    return result


def comparable(actual: Any, expected: Any) -> Any:
    """Return what must be equal: two values of a configuration may be less of one object than they were."""
    if isinstance(actual, dict) and "shared" in actual and isinstance(expected, dict):
        more = sorted(set(actual["shared"]) - set(expected["shared"]))
        return {**actual, "shared": more or expected["shared"]}
    return actual
