"""Runs one case with whatever `mmengine` is installed and writes what it gives, or writes all recorded files anew.

    python record.py CASE OUTPUT      one case into a JSON file
    python record.py --all            every case into recorded/, only with the original engine

The recorded files come from mmengine 0.10.7 and torch 2.13.0, in the environment that README.md describes.
"""

import os

# Before torch is loaded: sums in the same order on every processor.
os.environ.update(OMP_NUM_THREADS="1", MKL_CBWR="COMPATIBLE", ATEN_CPU_CAPABILITY="default")

import json
import subprocess
import sys
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import shims  # noqa: F401  # repairs the wheels of the projects
from cases import FUNCTIONS, NEEDS, RECORDED, TRAININGS

VERSIONS = ("mmengine", "torch", "numpy", "mmcv-lite", "mmpretrain", "mmdet", "mmocr", "pycocotools")


def run(case: str) -> Any:
    """Return what a case gives, as JSON."""
    if case in TRAININGS:
        import torch

        # oneDNN chooses its kernels by the processor
        torch.backends.mkldnn.enabled = False  # type: ignore[assignment]  # a property of the module
        return import_module("trainings").train(case)
    module, name, *arguments = FUNCTIONS[case]
    return getattr(import_module(module), name)(*arguments)


def write(path: Path, result: Any) -> None:
    """Write JSON with one line for each entry."""
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in result.items()]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def record_all() -> None:
    """Write every recorded file, each case in a process of its own."""
    if installed("mmengine") is None:
        sys.exit("recorded/ comes from the original engine; install mmengine==0.10.7 here, not eng-compat")
    for case in NEEDS:
        path = RECORDED / f"{case}.json"
        subprocess.run([sys.executable, __file__, case, str(path)], check=True)
        print(f"{case}: {path.stat().st_size} bytes")
    for job in ("never", "contract"):
        program = str(Path(__file__).with_name("contract.py"))
        command = "record" if job == "contract" else job
        subprocess.run([sys.executable, program, command, str(RECORDED / f"{job}.json")], check=True)
    write(RECORDED / "versions.json", {name: installed(name) for name in VERSIONS})


def installed(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


if __name__ == "__main__":
    if sys.argv[1:] == ["--all"]:
        record_all()
    else:
        write(Path(sys.argv[2]), run(sys.argv[1]))
