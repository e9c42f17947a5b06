"""What a configuration costs over plain Python, as ratios within one run.

    python benchmarks/config_load.py
    python benchmarks/config_load.py --reference /path/of/an/environment/with/mmengine/bin/python

The configuration has 2,000 values, up to four dictionaries deep, in four files of which each is the base of the next.
Each way is timed in short turns with the others, in processor time, and its best turn counts, so a busy machine slows
all of them alike. `--reference` runs the same comparisons with MMEngine in its own interpreter. The exit status is 1
if a ratio is over its limit.
"""

from __future__ import annotations

import argparse
import copy
import pprint
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import process_time
from timeit import Timer
from typing import Any

LIMITS = {
    "load": 2.0,
    "pretty_text": 2.0,
    "deepcopy": 2.0,
    "read 1,000 attributes": 2.0,
    "50 overrides": 2.0,
}
IMPORT_LIMIT_MS = 40.0
TURNS = 15

Ways = tuple[Callable[[], object], Callable[[], object]]


def write_files(folder: Path) -> Path:
    """The four files; the last one inherits from all others, and every file changes 100 values of those before it."""
    for level in range(4):
        lines = [f"_base_ = './level{level - 1}.py'"] if level else []
        for stage in range(5 * level, 5 * level + 5):
            lines.append(f"stage{stage} = dict(")
            for block in range(5):
                lines.append(f"    block{block}=dict(")
                for layer in range(4):
                    lines.append(
                        f"        layer{layer}=dict(type='Conv', width={16 * layer}, rate=0.{block}1, bias={layer > 1}, "
                        "stride=(1, 2)),"
                    )
                lines.append("    ),")
            lines.append(")")
        for stage in range(5 * level):
            lines.append(
                f"stage{stage} = dict(block{level}=dict(layer1=dict(width={level}, rate=1e-{level})))"
            )
        (folder / f"level{level}.py").write_text("\n".join(lines) + "\n")
    return folder / "level3.py"


def by_hand(file: Path) -> dict[str, Any]:
    """Execute a file and merge it over its base."""
    names: dict[str, Any] = {}
    exec(compile(file.read_text(), str(file), "exec"), names)
    del names["__builtins__"]
    base = names.pop("_base_", None)
    return merged(by_hand(file.parent / base), names) if base else names


def merged(base: dict[str, Any], child: dict[str, Any]) -> dict[str, Any]:
    """The child over the base, dictionary by dictionary."""
    for key, value in child.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            merged(base[key], value)
        else:
            base[key] = value
    return base


def leaves(value: Any) -> int:
    return sum(map(leaves, value.values())) if isinstance(value, dict) else 1


def override(values: dict[str, Any], options: dict[str, Any]) -> None:
    """Set values by dotted path in plain dictionaries."""
    for path, value in options.items():
        *outer, last = path.split(".")
        inner = values
        for step in outer:
            inner = inner[step]
        inner[last] = value


def comparisons(config_class: Any, file: Path) -> dict[str, Ways]:
    """By name: plain Python, and the same with a configuration."""
    plain = by_hand(file)
    cfg = config_class.fromfile(str(file))
    assert cfg.to_dict() == plain and leaves(plain) == 2000, leaves(plain)
    options = {f"stage{stage}.block{block}.layer2.width": stage for stage in range(10) for block in range(5)}
    layer, plain_layer = cfg.stage3.block1.layer2, plain["stage3"]["block1"]["layer2"]

    def read_items() -> None:
        for _ in range(1000):
            plain_layer["width"]

    def read_attributes() -> None:
        for _ in range(1000):
            layer.width

    return {
        "load": (lambda: by_hand(file), lambda: config_class.fromfile(str(file))),
        "pretty_text": (lambda: pprint.pformat(plain), lambda: cfg.pretty_text),
        "deepcopy": (lambda: copy.deepcopy(plain), lambda: copy.deepcopy(cfg)),
        "read 1,000 attributes": (read_items, read_attributes),
        "50 overrides": (lambda: override(plain, options), lambda: cfg.merge_from_dict(options)),
    }


def best_seconds(ways: Ways) -> list[float]:
    """The shortest processor time of one call of each way."""
    timers = [Timer(way, timer=process_time) for way in ways]
    calls = [max(1, int(0.02 / max(timer.timeit(1), 1e-6))) for timer in timers]
    best = [float("inf")] * len(timers)
    for _ in range(TURNS):
        for i, timer in enumerate(timers):
            best[i] = min(best[i], timer.timeit(calls[i]) / calls[i])
    return best


def import_milliseconds(module: str, turns: int = 25) -> float:
    """The processor time that an import adds to the start of an interpreter: the best of several starts."""
    code = f"import time; t = time.process_time(); import {module}; print((time.process_time() - t) * 1e3)"
    command = [sys.executable, "-c", code]
    return min(float(subprocess.run(command, capture_output=True, check=True).stdout) for _ in range(turns))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reference", metavar="PYTHON", help="an interpreter that has mmengine")
    parser.add_argument("--module", default="eng_config", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.module == "eng_config":
        from eng_config import Config
    else:
        from mmengine.config import Config

    print(f"\n{args.module}: milliseconds of plain Python, of a configuration, and how many times as long\n")
    kept = True
    with tempfile.TemporaryDirectory() as folder:
        for name, ways in comparisons(Config, write_files(Path(folder))).items():
            plain, ours = best_seconds(ways)
            over = args.module == "eng_config" and ours / plain > LIMITS[name]
            kept = kept and not over
            told = (
                f"   limit {LIMITS[name]:.0f}x{'  OVER' if over else ''}"
                if args.module == "eng_config"
                else ""
            )
            print(f"  {name:24} {plain * 1e3:9.3f} {ours * 1e3:9.3f} {ours / plain:8.2f}x{told}")
    taken = import_milliseconds(args.module)
    if args.module == "eng_config":
        kept = kept and taken <= IMPORT_LIMIT_MS
    print(f"\nimport {args.module}: {taken:.1f} ms   limit {IMPORT_LIMIT_MS:.0f} ms")
    if args.reference:
        subprocess.run([args.reference, __file__, "--module", "mmengine.config"], check=True)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
