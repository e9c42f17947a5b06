"""`eng predict`: what a model says of every sample of a data set, in a file."""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import Any, cast

from .common import (
    WrongInput,
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

SUFFIXES = (".pth", ".jsonl")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `eng predict`."""
    add_config_arguments(parser)
    add_checkpoint_argument(parser, "predict")
    parser.add_argument(
        "--out",
        metavar="FILE",
        help="where to: .pth keeps tensors, .jsonl writes one line a sample (default: predictions.pth in the work "
        "folder)",
    )
    parser.add_argument(
        "--loader", choices=["train", "val", "test"], default="test", help="whose samples (default: test)"
    )
    show_examples(
        parser,
        "eng predict config.py work_dirs/config/epoch_12.pth",
        "eng predict config.py work_dirs/config/epoch_12.pth --loader val --out val.jsonl",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Predict and write."""
    if options.out is not None and not options.out.endswith(SUFFIXES):
        print(f"error: --out ends with {' or '.join(SUFFIXES)}, not {options.out!r}", file=sys.stderr)
        raise WrongInput
    from eng_dist import destroy, is_main_process

    from ..engine.loops import PredictLoop
    from ..plan.check import report_problems
    from ..runner import Runner

    config = load_config(options)
    with told_plainly():
        _as_prediction(config, options.loader, options.checkpoint)
        require_checkpoint(options.checkpoint)
        report_problems(config)
        runner = Runner.from_cfg(config)
        runner.prepare("test")
    load_weights_of(runner, options)
    with damage_told():
        runner.test()
    if is_main_process():
        path = options.out or os.path.join(runner.work_dir, "predictions.pth")
        predictions = cast(PredictLoop, runner.test_loop).predictions
        write_predictions(
            predictions, path, meta={"config": options.config, "checkpoint": options.checkpoint}
        )
        runner.print(f"{len(predictions)} predictions: {path}")
    destroy()
    return 0


def _as_prediction(config: Any, loader: str, checkpoint: str) -> None:
    """Make the test of a configuration a prediction for the samples of one of its loaders."""
    from eng_config import ConfigError

    name = f"{loader}_dataloader"
    if config.get(name) is None:
        given = [key for key in ("train_dataloader", "val_dataloader", "test_dataloader") if config.get(key)]
        raise ConfigError(
            f"{config.filename}: `{name}` is missing, so there is nothing to predict for; "
            f"the file has {' and '.join(given) or 'no loader at all'}; choose with --loader"
        )
    config["test_dataloader"] = config[name]
    config["test_cfg"], config["test_evaluator"] = {"type": "PredictLoop"}, []
    set_from_arguments(config, load_from=checkpoint, resume=False)


def write_predictions(predictions: list[Any], path: str, *, meta: dict[str, str]) -> None:
    """One file, whole or not there: `.jsonl` has a line for each, `.pth` a dict with `predictions` and `meta`."""
    from eng_checkpoint import save_file
    from eng_fileio import atomic_write_text

    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    if path.endswith(".jsonl"):
        lines = (json.dumps(one, default=lambda tensor: tensor.tolist()) for one in predictions)
        atomic_write_text(path, "".join(f"{line}\n" for line in lines))
    else:
        save_file({"predictions": predictions, "meta": meta}, path)
