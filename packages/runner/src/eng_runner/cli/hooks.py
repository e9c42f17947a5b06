"""`eng hooks`: what stands at the points of a run, in which order, and why."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from eng_config import Config, ConfigDict

from .common import add_config_arguments, load_config, show_examples, told_plainly
from .table import print_table, short_path

if TYPE_CHECKING:
    from ..engine.hook import Hook

ITERATIONS = 50


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `eng hooks`."""
    add_config_arguments(parser)
    parser.add_argument("--points", action="store_true", help="list the points, each with the hooks it calls")
    parser.add_argument(
        "--cost",
        nargs="?",
        type=int,
        const=ITERATIONS,
        metavar="N",
        help=f"train N iterations (default: {ITERATIONS}) in a temporary folder and time each hook call",
    )
    show_examples(
        parser,
        "eng hooks config.py",
        "eng hooks config.py --points",
        "eng hooks config.py --cost",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the hooks in the order in which a point calls them; with `--cost` what they cost."""
    config = load_config(options)
    if options.cost is not None:
        return _measure(config, iterations=options.cost)
    from ..engine.hook import get_priority
    from ..engine.hook_list import Hooks

    hooks, origins = Hooks(), {}
    with told_plainly(), _building(config):
        for hook, priority, origin in _built(config):
            hooks.register(hook, priority)
            origins[id(hook)] = origin
    if options.points:
        print(hooks.table())
        return 0
    rows = [
        [
            _priority(get_priority(hook.priority)),
            name,
            _where(hook.get_triggered_stages()),
            origins[id(hook)],
        ]
        for name, hook in hooks.named().items()
    ]
    print_table(["priority", "hook", "acts in", "from"], rows)
    for name in _removed(config):
        print(f"removed: default_hooks.{name}{_place(config.get('default_hooks'), name)}")
    return 0


def _built(config: Config) -> Iterator[tuple[Hook, Any, str]]:
    """Every hook as the runner builds it, the priority that its mapping gives, and where it comes from."""
    from ..plan.assembly import build_hook
    from ..plan.default_hooks import DEFAULT_HOOKS, merge_default_hooks

    given = config.get("default_hooks") or {}
    for name, spec in merge_default_hooks(given).items():
        if name not in given:
            origin = "default"
        elif name in DEFAULT_HOOKS:
            origin = f"default, changed{_place(given, name)}"
        else:
            origin = f"default_hooks.{name}{_place(given, name)}"
        yield *build_hook(spec), origin
    for number, spec in enumerate(config.get("custom_hooks") or []):
        yield *build_hook(spec), f"custom_hooks.{number}{_place(spec)}"


def _removed(config: Config) -> list[str]:
    return [name for name, spec in (config.get("default_hooks") or {}).items() if spec is None]


def _place(mapping: Any, key: str | None = None) -> str:
    """` (config.py:12)` where it is known who set a value, or nothing."""
    origin = mapping.__origin__(key) if isinstance(mapping, ConfigDict) else None
    return "" if origin is None else f" ({short_path(origin.file)}:{origin.line})"


def _where(points: Sequence[str]) -> str:
    """The stages that points stand around, without saying at which end; `--points` does.

    >>> _where(["before_run", "before_train_iter", "after_train_iter", "on_exception"])
    'run, train_iter, exception'
    """
    return ", ".join(dict.fromkeys(point.partition("_")[2] for point in points))


def _priority(number: int) -> str:
    from ..engine.hook import Priority

    names = {priority.value: priority.name for priority in Priority}
    return f"{number} {names[number]}" if number in names else str(number)


def _building(config: Config) -> Any:
    """The scope and the trust that the runner builds its parts with."""
    from contextlib import ExitStack

    from eng_registry import DefaultScope, allow_import

    stack = ExitStack()
    stack.enter_context(DefaultScope.overwrite_default_scope(config.get("default_scope", "eng")))
    stack.enter_context(allow_import(*(["*"] if config.trusted else [])))
    return stack


def _measure(config: Config, *, iterations: int) -> int:
    from ..plan.check import report_problems
    from .hook_costs import measure_hooks

    if iterations < 2:
        print("error: --cost needs at least 2 iterations, to tell one from the next", file=sys.stderr)
        return 2
    report_problems(config)
    with told_plainly():
        costs = measure_hooks(config, iterations=iterations)
    rows = [
        [cost.hook, cost.point, str(cost.calls), f"{cost.median * 1e6:,.0f}", f"{cost.total * 1e3:,.2f}"]
        for cost in costs.calls
    ]
    print_table(
        ["hook", "point", "calls", "µs per call", "ms in all"],
        rows,
        numbers=["calls", "µs per call", "ms in all"],
    )
    share = costs.hooks_per_iteration / costs.iteration
    print(
        f"\nan iteration takes {costs.iteration * 1e3:.3g} ms (mean of {costs.iterations}), "
        f"{costs.hooks_per_iteration * 1e3:.3g} ms of it in hooks ({share:.1%})"
    )
    return 0
