"""What a registry costs over the same thing written by hand, as ratios within one run.

    python benchmarks/registry_build.py
    python benchmarks/registry_build.py --reference /path/of/an/environment/with/mmengine/bin/python

Each way is timed in short turns with the others, in processor time, and its best turn counts, so a busy machine slows
all of them alike.
`--reference` runs the same with MMEngine in its own interpreter. The exit status is 1 if a
ratio is over its limit.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib import import_module
from time import process_time
from timeit import Timer

PACKAGE = "mmengine.registry" if "--mmengine" in sys.argv else "eng_registry"
DefaultScope, Registry = (getattr(import_module(PACKAGE), name) for name in ("DefaultScope", "Registry"))
NAMES = 10_000
IMPORT_LIMIT_MS = 15.0


class Block:
    def __init__(self, width: int, depth: int = 1, norm: str | None = None) -> None:
        self.width = width
        self.depth = depth
        self.norm = norm


def best_seconds(ways: dict[str, Callable[[], object]], *, calls: int, turns: int) -> dict[str, float]:
    """The shortest time of one call of each way."""
    best = dict.fromkeys(ways, float("inf"))
    timers = {name: Timer(way, timer=process_time) for name, way in ways.items()}
    for _ in range(turns):
        for name, timer in timers.items():
            best[name] = min(best[name], timer.timeit(calls) / calls)
    return best


def building() -> dict[str, Callable[[], object]]:
    """One small object from one mapping, which must survive."""
    root = Registry("block", scope="mmengine")
    child = Registry("block", parent=root, scope="child")
    root.register_module(module=Block)
    child.register_module("ChildBlock", module=Block)
    table = {"Block": Block}
    cfg = {"type": "Block", "width": 64, "depth": 2, "norm": "bn"}
    prefixed = {**cfg, "type": "mmengine.Block"}
    switched = {**cfg, "type": "ChildBlock", "_scope_": "child"}

    def by_hand() -> object:
        args = cfg.copy()
        return table[args.pop("type")](**args)

    def default_scope() -> object:
        with DefaultScope.overwrite_default_scope("child"):
            return root.build(cfg)

    return {
        "by hand": by_hand,
        "build": lambda: root.build(cfg),
        "from a parent": lambda: child.build(cfg),
        "scope prefix": lambda: child.build(prefixed),
        "scope switch (`_scope_`)": lambda: root.build(switched),
        "scope switch (a `with` of its own)": default_scope,
    }


def registering() -> dict[str, Callable[[], object]]:
    """Ten thousand classes."""
    classes = [type(f"Block{i}", (), {}) for i in range(NAMES)]

    def plain_dict() -> object:
        table: dict[str, type] = {}
        for cls in classes:
            table[cls.__name__] = cls
        return table

    def by_hand() -> object:
        table: dict[str, type] = {}

        def register(name: str | None = None) -> Callable[[type], type]:
            def enter(cls: type) -> type:
                key = name or cls.__name__
                if key in table:
                    raise KeyError(key)
                table[key] = cls
                return cls

            return enter

        for cls in classes:
            register()(cls)
        return table

    def direct() -> object:
        registry = Registry("block", scope="demo")
        for cls in classes:
            registry.register_module(module=cls)
        return registry

    def decorator() -> object:
        registry = Registry("block", scope="demo")
        for cls in classes:
            registry.register_module()(cls)
        return registry

    return {
        "by hand": by_hand,
        "a bare `table[cls.__name__] = cls`": plain_dict,
        "register_module(module=cls)": direct,
        "register_module()(cls)": decorator,
    }


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


def report(title: str, seconds: dict[str, float], unit: float, limits: dict[str, float]) -> bool:
    """Print one table; whether all ratios keep their limits."""
    base = seconds["by hand"]
    print(f"\n{title}\n")
    kept = True
    for name, taken in seconds.items():
        ratio, limit = taken / base, limits.get(name)
        over = limit is not None and ratio > limit
        kept = kept and not over
        told = f"   limit {limit:.0f}x{'  OVER' if over else ''}" if limit is not None else ""
        print(f"  {name:38} {taken * unit:8.3f}   {ratio:5.2f}x{told}")
    return kept


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reference", metavar="PYTHON", help="an interpreter that has mmengine")
    parser.add_argument("--mmengine", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    print(f"\n{PACKAGE}")
    kept = report(
        "build one small object (microseconds)",
        best_seconds(building(), calls=1000, turns=60 if not args.mmengine else 5),
        1e6,
        {"build": 3, "scope prefix": 4, "scope switch (`_scope_`)": 8},
    )
    kept &= report(
        f"register {NAMES:,} classes (milliseconds)",
        best_seconds(registering(), calls=1, turns=20),
        1e3,
        {"register_module(module=cls)": 3, "register_module()(cls)": 3},
    )
    taken = import_milliseconds(PACKAGE)
    kept &= taken <= IMPORT_LIMIT_MS
    print(f"\nimport {PACKAGE}: {taken:.1f} ms over a bare interpreter   limit {IMPORT_LIMIT_MS:.0f} ms")
    if args.reference:
        subprocess.run([args.reference, __file__, "--mmengine"], check=False)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
