"""What a registry costs over the same thing written by hand, as ratios within one run.

    python benchmarks/registry_build.py

Each way is timed in short turns with the others, and its best turn counts, so a busy machine slows all of them alike.
The exit status is 1 if a ratio is over its limit.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from timeit import Timer

from eng_registry import DefaultScope, Registry

TURNS = 60
NAMES = 10_000
IMPORT_LIMIT_MS = 15.0


class Block:
    def __init__(self, width: int, depth: int = 1, norm: str | None = None) -> None:
        self.width = width
        self.depth = depth
        self.norm = norm


def best_seconds(
    ways: dict[str, Callable[[], object]], *, calls: int, turns: int = TURNS
) -> dict[str, float]:
    """The shortest time of one call of each way."""
    best = dict.fromkeys(ways, float("inf"))
    timers = {name: Timer(way) for name, way in ways.items()}
    for _ in range(turns):
        for name, timer in timers.items():
            best[name] = min(best[name], timer.timeit(calls) / calls)
    return best


def building() -> dict[str, Callable[[], object]]:
    """One small object from one mapping, which must survive."""
    root = Registry("block", scope="eng")
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


def import_milliseconds(turns: int = 15) -> float:
    """What `import eng_registry` adds to the start of an interpreter: the best difference of paired starts."""
    code = "import time; t = time.perf_counter(); {}; print((time.perf_counter() - t) * 1e3)"
    command = [sys.executable, "-c", code.format("import eng_registry")]
    return min(float(subprocess.run(command, capture_output=True, check=True).stdout) for _ in range(turns))


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
    kept = report(
        "build one small object (microseconds)",
        best_seconds(building(), calls=1000),
        1e6,
        {"build": 3, "scope prefix": 4, "scope switch (`_scope_`)": 8},
    )
    kept &= report(
        f"register {NAMES:,} classes (milliseconds)",
        best_seconds(registering(), calls=1, turns=20),
        1e3,
        {"register_module(module=cls)": 3, "register_module()(cls)": 3},
    )
    taken = import_milliseconds()
    kept &= taken <= IMPORT_LIMIT_MS
    print(f"\nimport eng_registry: {taken:.1f} ms   limit {IMPORT_LIMIT_MS:.0f} ms")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
