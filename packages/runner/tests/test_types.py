"""What a type checker finds in code that uses a run: typos are errors, documented uses are not."""

import importlib.util
import subprocess
import sys
import textwrap

import pytest

WRONG = """
from eng_runner import Runner

def look(runner: Runner) -> None:
    runner.train_loop.dataloadr
    runner.optim_wrapper.stepp()
"""

RIGHT = """
from typing import Any, cast

import torch

from eng_dataset import Loader
from eng_optim import OptimWrapper
from eng_runner import BaseLoop, EpochBasedTrainLoop, Hook, Run, Runner

class OwnLoop(EpochBasedTrainLoop):
    answer = 42

class Watch(Hook):
    def after_train_iter(
        self, runner: Run, batch_idx: int, data_batch: Any = None, outputs: dict[str, Any] | None = None
    ) -> None:
        runner.train_loop.stop_training = True
        runner.logger.info("%d of %d", runner.iter, runner.max_iters)
        runner.message_hub.update_scalar("train/x", 1.0)

def gan(runner: Runner) -> None:
    generator: OptimWrapper = runner.optim_wrapper["gen"]
    generator.update_params(torch.zeros(()))
    for name, wrapper in runner.optim_wrapper.items():
        wrapper.zero_grad()

def ordinary(runner: Runner) -> None:
    loader: Loader = runner.train_loop.dataloader
    rate: float = runner.optim_wrapper.get_lr()["lr"][0]
    groups = runner.optim_wrapper.param_groups
    own = cast(OwnLoop, runner.train_loop)
    own.answer
    if runner.val_loop is not None:
        runner.val_loop.run()
    metrics: dict[str, Any] = runner.val()
    runner.train()
    runner.save_checkpoint(runner.work_dir, "x.pth")
    runner.register_hook(Watch(), priority="LOW")
"""


def errors(tmp_path, text):
    if importlib.util.find_spec("mypy") is None:
        pytest.skip("mypy is not installed")
    file = tmp_path / "uses.py"
    file.write_text(textwrap.dedent(text))
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--no-error-summary",
        "--disable-error-code=import-untyped",
    ]
    done = subprocess.run([*command, str(file)], capture_output=True, text=True, cwd=tmp_path)
    return [line for line in done.stdout.splitlines() if line.startswith("uses.py") and "error" in line]


@pytest.mark.slow
def test_typos_are_errors(tmp_path):
    """An attribute of a loop and a method of an optimizer wrapper that do not exist."""
    found = errors(tmp_path, WRONG)
    assert len(found) == 2
    assert '"AnyTrainLoop" has no attribute "dataloadr"' in found[0]
    assert '"AnyOptimWrapper" has no attribute "stepp"' in found[1]


@pytest.mark.slow
def test_documented_uses_are_right(tmp_path):
    """A hook, the wrappers of a GAN, a loop of one's own by a cast, loaders, rates, metrics."""
    assert errors(tmp_path, RIGHT) == []
