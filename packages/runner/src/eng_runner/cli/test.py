"""`eng test`, and what `eng val` shares with it."""

from __future__ import annotations

import argparse
from typing import Any

from .common import (
    add_checkpoint_argument,
    add_config_arguments,
    damage_told,
    load_config,
    load_weights_of,
    require_checkpoint,
    set_from_arguments,
    show_examples,
    told_plainly,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `eng test`."""
    add_evaluation_arguments(parser, "test")


def add_evaluation_arguments(parser: argparse.ArgumentParser, mode: str) -> None:
    """The arguments of a command that evaluates a checkpoint."""
    add_config_arguments(parser)
    add_checkpoint_argument(parser, "are evaluated")
    show_examples(
        parser,
        f"eng {mode} config.py work_dirs/config/epoch_12.pth",
        f"eng {mode} config.py work_dirs/config/epoch_12.pth --cfg-options {mode}_dataloader.batch_size=8",
    )
    parser.set_defaults(run=run, mode=mode)


def run(options: argparse.Namespace) -> int:
    """Evaluate and print the metrics."""
    from eng_dist import destroy, is_main_process

    from ..engine.summary import number
    from ..plan.check import report_problems
    from ..runner import Runner

    config = load_config(options)
    set_from_arguments(config, load_from=options.checkpoint, resume=False)
    mode: str = options.mode
    with told_plainly():
        if config.get(f"{mode}_cfg") is None:
            _require(config, mode)
        require_checkpoint(options.checkpoint)
        report_problems(config)
        runner = Runner.from_cfg(config)
        runner.prepare(mode)
    load_weights_of(runner, options)
    with damage_told():
        metrics: dict[str, Any] = runner.val() if mode == "val" else runner.test()
    if is_main_process():
        for name, value in metrics.items():
            runner.print(f"{name}: {number(value)}")
    destroy()
    return 0


def _require(config: Any, mode: str) -> None:
    from eng_config import ConfigError

    given = [name for name in ("train_cfg", "val_cfg", "test_cfg") if config.get(name) is not None]
    raise ConfigError(
        f"{config.filename}: `{mode}_cfg` is missing, so there is nothing to {mode}; "
        f"the file has {', '.join(given) or 'no loop at all'}; add `{mode}_cfg = dict()`, a loader and an evaluator"
    )
