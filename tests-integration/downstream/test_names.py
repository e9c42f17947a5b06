"""What installed projects import, override, use and set exists here, or is refused where they survive it.

The contract of each class was recorded from the original engine; a project is skipped where it is not installed.
"""

import json
import os
import subprocess
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from downstream.cases import ONLY_READ, PROJECTS, RECORDED

HERE = Path(__file__).parent
CONTRACT = json.loads((RECORDED / "contract.json").read_text(encoding="utf-8"))


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python with the modules of this folder and the repairs of the projects' wheels."""
    command = [sys.executable, "-W", "ignore", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(HERE), "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)


@cache
def report(job: str) -> dict[str, Any]:
    """Return what a job of `contract.py` writes."""
    with TemporaryDirectory() as folder:
        output = Path(folder) / "report.json"
        done = python(str(HERE / "contract.py"), job, str(output))
        if done.returncode:
            pytest.fail(f"contract.py {job} ended with {done.returncode}:\n{done.stderr[-4000:]}")
        result: dict[str, Any] = json.loads(output.read_text(encoding="utf-8"))
        return result


def skip_without(project: str) -> None:
    if find_spec(project) is None:
        pytest.skip(f"{project} is not installed; README.md of this folder has the environment")


@cache
def all_of_it_is_imported(project: str) -> bool:
    """Whether one process imports every package of a project: the usual case, and much faster."""
    modules = [project, *(f"{project}.{module}" for module in PROJECTS[project])]
    return python("-c", f"import shims, {', '.join(modules)}").returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("project", "module"),
    [(project, module) for project, modules in PROJECTS.items() for module in ("", *modules)],
)
def test_a_project_is_imported(project, module):
    """The packages of a project that a user imports load with our engine behind `mmengine`."""
    skip_without(project)
    if not all_of_it_is_imported(project):
        done = python("-c", f"import shims, {'.'.join(filter(None, (project, module)))}")
        assert done.returncode == 0, done.stderr[-4000:]


@pytest.mark.slow
@pytest.mark.parametrize("project", [*PROJECTS, *ONLY_READ])
def test_the_names_that_a_project_uses_exist(project):
    """Each name below `mmengine` in the sources is there, or refused with its replacement inside a function."""
    skip_without(project)
    lines = [f"{name}: {why}" for name, why in report("projects")[project]["unfound"].items()]
    assert not lines, "\n".join(["names that are missing:", *lines])


def test_an_object_of_each_class_is_made():
    """The objects whose attributes are looked at can be made as the original makes them."""
    assert report("check")["objects"] == []


@pytest.mark.parametrize("of", CONTRACT)
def test_a_class_keeps_its_contract(of):
    """What projects use of a class exists, takes the same parameters, and is settable where they set it."""
    assert report("check")[of] == []


@pytest.mark.slow
@pytest.mark.parametrize("project", [*PROJECTS, *ONLY_READ])
def test_the_attributes_that_a_project_uses_exist(project):
    """What a project overrides, uses or sets of classes of the engine is there; other tests name it for each class."""
    skip_without(project)
    lacking = report("check")
    lines = [
        f"{of}.{line}"
        for of, attributes in report("projects")[project]["uses"].items()
        for line in lacking.get(of, [])
        if line.partition(":")[0] in attributes
    ]
    assert not lines, "\n".join(["attributes that are missing:", *lines])


def test_the_reported_version_is_one_that_projects_accept():
    """Projects compare `mmengine.__version__` with bounds that they knew when 0.10 was the newest."""
    done = python("-c", "import mmengine; print(mmengine.__version__)")
    assert done.stdout.startswith("0.10."), done.stdout
