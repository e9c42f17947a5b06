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
import os
import pprint
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Any, NamedTuple

LIMIT = 2.0
IMPORT_LIMIT_MS = 40.0
TURNS = 60


class Way(NamedTuple):
    """Something to time, and what makes the argument of each call beforehand."""

    run: Callable[[Any], object]
    prepare: Callable[[], Any] = lambda: None


def write_files(folder: Path) -> Path:
    """The four files; the last one inherits from all others, and every file changes 100 values of those before it."""
    for level in range(4):
        lines = [f"_base_ = './level{level - 1}.py'"] if level else []
        for stage in range(5 * level, 5 * level + 5):
            lines.append(f"stage{stage} = dict(")
            for block in range(5):
                lines.append(f"    block{block}=dict(")
                for layer in range(4):
                    numbers = f"width={16 * layer}, rate=0.{block}1, bias={layer > 1}, stride=(1, 2)"
                    lines.append(f"        layer{layer}=dict(type='Conv', {numbers}),")
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


def override_all(values: dict[str, Any], options: dict[str, Any]) -> None:
    """The same, all or none: through lists too, to where nothing is yet, and taken back when one is impossible."""
    done: list[tuple[Any, Any, bool, Any]] = []
    try:
        for path, value in options.items():
            *outer, last = path.split(".")
            inner: Any = values
            for step in outer:
                key = int(step) if isinstance(inner, list) else step
                if isinstance(inner, dict) and key not in inner:
                    inner[key] = {}
                    done.append((inner, key, False, None))
                inner = inner[key]
            key = int(last) if isinstance(inner, list) else last
            there = isinstance(inner, list) or key in inner
            done.append((inner, key, there, inner[key] if there else None))
            inner[key] = value
    except Exception:
        for inner, key, there, old in reversed(done):
            if there:
                inner[key] = old
            else:
                del inner[key]
        raise


def comparisons(config_class: Any, file: Path) -> dict[str, tuple[Way, Way]]:
    """By name: plain Python, and the same with a configuration."""
    plain = by_hand(file)
    cfg = config_class.fromfile(str(file))
    assert cfg.to_dict() == plain
    assert leaves(plain) == 2000
    options = {f"stage{i}.block{j}.layer2.width": i for i in range(10) for j in range(5)}
    node, plain_node = cfg.stage3.block1.layer2, plain["stage3"]["block1"]["layer2"]

    def read_items(_: None) -> None:
        for _turn in range(1000):
            plain_node["width"]  # reading is what is timed

    def read_attributes(_: None) -> None:
        for _turn in range(1000):
            node.width  # noqa: B018  # as above

    def load_and_override(_: None) -> None:
        config_class.fromfile(str(file)).merge_from_dict(options)

    return {
        "load": (Way(lambda _: by_hand(file)), Way(lambda _: config_class.fromfile(str(file)))),
        "pretty_text over pprint": (Way(lambda _: pprint.pformat(plain)), Way(lambda _: cfg.pretty_text)),
        "deepcopy": (Way(lambda _: copy.deepcopy(plain)), Way(lambda _: copy.deepcopy(cfg))),
        "read 1,000 attributes": (Way(read_items), Way(read_attributes)),
        "load, then 50 overrides": (
            Way(lambda _: override(by_hand(file), options)),
            Way(load_and_override),
        ),
        "50 overrides, all or none": (
            Way(lambda values: override_all(values, options), lambda: copy.deepcopy(plain)),
            Way(lambda loaded: loaded.merge_from_dict(options), lambda: copy.deepcopy(cfg)),
        ),
        "50 overrides, unchecked": (
            Way(lambda values: override(values, options), lambda: copy.deepcopy(plain)),
            Way(lambda loaded: loaded.merge_from_dict(options), lambda: copy.deepcopy(cfg)),
        ),
    }


def best_seconds(ways: tuple[Way, ...], turns: int = TURNS) -> list[float]:
    """The shortest processor time of one call of each way."""
    best = [float("inf")] * len(ways)
    for _ in range(turns):
        for i, way in enumerate(ways):
            argument = way.prepare()
            start = process_time()
            way.run(argument)
            best[i] = min(best[i], process_time() - start)
    return best


def import_milliseconds(module: str, turns: int = 25) -> float:
    """The processor time that an import, compiled before, adds to a bare interpreter: the best of several starts."""
    code = f"import time; t = time.process_time(); import {module}; print((time.process_time() - t) * 1e3)"
    command = [sys.executable, "-c", code]
    with tempfile.TemporaryDirectory() as cache:
        env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": cache}
        return min(
            float(subprocess.run(command, capture_output=True, check=True, env=env).stdout)
            for _ in range(turns)
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reference", metavar="PYTHON", help="an interpreter that has mmengine")
    parser.add_argument("--module", default="eng_config", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.module == "eng_config":
        from eng_config import Config
    else:
        from mmengine.config import Config

    is_ours = args.module == "eng_config"
    print(f"\n{args.module}: milliseconds of plain Python, of a configuration, and how many times as long\n")
    kept = True
    with tempfile.TemporaryDirectory() as folder:
        for name, ways in comparisons(Config, write_files(Path(folder))).items():
            plain, taken = best_seconds(ways, TURNS if is_ours else 2)
            kept = kept and taken <= LIMIT * plain
            over = f"   over {LIMIT:.0f}x" if is_ours and taken > LIMIT * plain else ""
            print(f"  {name:26} {plain * 1e3:9.3f} {taken * 1e3:9.3f} {taken / plain:8.2f}x{over}")
    milliseconds = import_milliseconds(args.module)
    kept = kept and milliseconds <= IMPORT_LIMIT_MS
    print(
        f"\nimport {args.module}: {milliseconds:.1f} ms over a bare interpreter (limit {IMPORT_LIMIT_MS:.0f} ms)"
    )
    if args.reference:
        subprocess.run([args.reference, __file__, "--module", "mmengine.config"], check=False)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
