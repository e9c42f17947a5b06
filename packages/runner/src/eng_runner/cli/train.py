"""`eng train`."""

from __future__ import annotations

import argparse

from eng_config import Config

from .common import (
    add_config_arguments,
    damage_told,
    load_config,
    set_from_arguments,
    show_examples,
    told_plainly,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `eng train`."""
    add_config_arguments(parser)
    parser.add_argument(
        "--resume",
        nargs="?",
        const="auto",
        metavar="CHECKPOINT",
        help="continue from a checkpoint, or from the newest valid one of the work folder",
    )
    parser.add_argument("--amp", action="store_true", help="train with automatic mixed precision")
    parser.add_argument("--no-check", action="store_true", help="do not check the configuration first")
    show_examples(
        parser,
        "eng train config.py",
        "eng train config.py --work-dir runs/a --cfg-options optim_wrapper.optimizer.lr=0.01",
        "eng train config.py --resume",
        "torchrun --nproc-per-node 2 -m eng_runner train config.py --launcher pytorch",
    )
    parser.set_defaults(run=run)


def _resume_if_possible(config: Config) -> None:
    """Continue from the newest valid checkpoint of the work folder, or begin as the configuration says.

    With `resume=True` the Runner takes `load_from` for the checkpoint to continue, so it is left out only where there
    is another one; otherwise it stays what it is, the weights to begin with.
    """
    from eng_checkpoint import find_newest_valid

    if config.get("load_from") is None or find_newest_valid(config["work_dir"]).path is not None:
        set_from_arguments(config, resume=True, load_from=None)
        return
    print(f"nothing to resume from in {config['work_dir']}: the run begins with {config['load_from']}")


def run(options: argparse.Namespace) -> int:
    """Check, train, and say where everything is."""
    from eng_dist import destroy, is_main_process

    from ..engine.summary import render, summarize
    from ..plan.check import report_problems
    from ..runner import Runner

    config = load_config(options)
    if options.amp:
        config["optim_wrapper"]["type"] = "AmpOptimWrapper"
    if options.resume == "auto":
        _resume_if_possible(config)
    elif options.resume is not None:
        set_from_arguments(config, resume=True, load_from=options.resume)
    if not options.no_check:
        report_problems(config)
    with told_plainly():
        runner = Runner.from_cfg(config)
        runner.prepare()
    with damage_told():
        runner.train()
    if is_main_process():
        again = ["--trust"] if options.trust else []
        again += ["--cfg-options", *options.cfg_options] if options.cfg_options else []
        runner.print(
            render(
                summarize(runner),
                config_file=options.config,
                options=again,
                train_options=["--amp"] if options.amp else [],
            )
        )
    destroy()
    return 0
