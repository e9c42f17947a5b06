"""Checks a training on an accelerator and prints figures: each check in a process of its own, under 8 minutes in all.

    nox -s gpu                                       # where there is an accelerator
    python benchmarks/gpu_road.py [NAME ...]         # checks whose name contains one of these
    python benchmarks/gpu_road.py --cpu              # dry run: the code of the checks, on a CPU

`--source` uses the packages of this checkout, for a machine that has only what they need. `--report FILE` writes the
table as Markdown. The exit code is 0 if no check failed, and 77 where there is no accelerator.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import tomllib
import traceback
from pathlib import Path

ROOT = Path(__file__).parents[1]
NOTHING_TO_CHECK = 77
"""The exit code that test programs use for skipped."""


def use_source() -> None:
    """Let the packages of this checkout be imported, with their entry points, without installing them."""
    site = Path(tempfile.mkdtemp(prefix="eng-source-"))
    paths = [str(site)]
    for file in sorted(ROOT.glob("packages/*/pyproject.toml")):
        project = tomllib.loads(file.read_text(encoding="utf-8"))["project"]
        name, version = project["name"], project["version"]
        info = site / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        groups = project.get("entry-points", {}).items()
        lines = [
            [f"[{group}]", *(f"{key} = {value}" for key, value in pairs.items())] for group, pairs in groups
        ]
        (info / "entry_points.txt").write_text("\n".join(line for group in lines for line in group) + "\n")
        paths.append(str(file.parent / "src"))
    sys.path[:0] = paths
    os.environ["PYTHONPATH"] = os.pathsep.join([*paths, os.environ.get("PYTHONPATH", "")])


def run_one(name: str, kind: str) -> int:
    """Run a check in this process; its verdict is the last line on stdout."""
    from gpu_checks.check import CHECKS, Device, Failed, Skipped

    try:
        verdict = ["ok", CHECKS[name].run(Device(kind))]
    except Skipped as reason:
        verdict = ["skipped", str(reason)]
    except Failed as failure:
        verdict = ["FAILED", str(failure)]
    except Exception as error:
        traceback.print_exc()
        at = traceback.extract_tb(error.__traceback__)[-1]
        first = (str(error).splitlines() or [""])[0][:200]
        verdict = ["FAILED", f"{type(error).__name__}: {first} ({Path(at.filename).name}:{at.lineno})"]
    print(json.dumps(verdict), flush=True)
    sys.stderr.flush()
    os._exit(0)  # whatever a check has left running ends here


def run_apart(name: str, seconds: float, arguments: list[str]) -> tuple[str, str]:
    """Run a check in a process group of its own, which ends with it; returns the verdict and its text."""
    command = [sys.executable, __file__, "--one", name, *arguments]
    environ = {"CUBLAS_WORKSPACE_CONFIG": ":4096:8", "OMP_NUM_THREADS": "1", **os.environ}
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, stdout=output, stderr=errors, env=environ, start_new_session=True)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            return "FAILED", f"no end after {seconds:.0f} s"
        finally:
            end_group(process)
        output.seek(0)
        errors.seek(0)
        lines, tail = output.read().strip().splitlines(), errors.read().strip().splitlines()[-3:]
    try:
        verdict, text = json.loads(lines[-1])
    except (IndexError, ValueError):
        return "FAILED", f"it ended with {process.returncode}: {' / '.join(tail)[-200:]}"
    return verdict, text


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End the workers that a check has left, and the check itself if it is over its time."""
    try:
        os.killpg(process.pid, 9)
    except ProcessLookupError:
        pass  # none is left
    process.wait()


def main() -> int:
    """Run the checks and print a line for each."""
    sys.path.insert(0, str(Path(__file__).parent))
    if "--source" in sys.argv:
        use_source()
    from gpu_checks.check import CHECKS, arguments

    options = arguments().parse_args()
    import gpu_checks.computing
    import gpu_checks.processes
    import gpu_checks.saving
    import gpu_checks.using  # noqa: F401 - each of the four enters its checks in the list
    import torch

    accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    kind = "cpu" if options.cpu or accelerator is None else accelerator.type
    if options.one:
        return run_one(options.one, kind)
    if kind == "cpu" and not options.cpu:
        print("there is no accelerator, so nothing was checked; --cpu runs the code of the checks on the CPU")
        return NOTHING_TO_CHECK
    wanted = {
        name: each
        for name, each in CHECKS.items()
        if not options.names or any(part in name for part in options.names)
    }
    rows, begin = [], time.monotonic()
    for name, each in wanted.items():
        left = options.seconds - (time.monotonic() - begin)
        started = time.monotonic()
        verdict, text = (
            run_apart(name, min(each.seconds, left), ["--cpu"] * options.cpu)
            if left > 10
            else ("skipped", "no time left")
        )
        rows.append((name, verdict, time.monotonic() - started, text))
        print(f"{verdict:<8}{name} ({rows[-1][2]:.1f} s): {text}", flush=True)
    failed = sum(verdict == "FAILED" for _, verdict, _, _ in rows)
    print(f"{failed} of {len(rows)} failed, {time.monotonic() - begin:.0f} s")
    if options.report is not None:
        options.report.write_text(report(kind, rows), encoding="utf-8")
    return int(failed > 0)


def report(kind: str, rows: list[tuple[str, str, float, str]]) -> str:
    """Return the table as Markdown."""
    head = f"# Checks on {kind}\n\n`python benchmarks/gpu_road.py`, {time.strftime('%Y-%m-%d')}.\n\n"
    lines = [f"| {name} | {verdict} | {text.replace('|', '/')} |" for name, verdict, _, text in rows]
    return head + "\n".join(["| check | verdict | figures |", "|---|---|---|", *lines]) + "\n"


if __name__ == "__main__":
    sys.exit(main())
