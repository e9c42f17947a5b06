"""Killed in the middle and resumed, a run ends with bitwise the weights of an uninterrupted one."""

import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from road import DIGITS, environment

from eng_checkpoint import load_file


def same(left, right, path="state"):
    """Assert that two states are equal to the last bit."""
    assert type(left) is type(right), path
    if isinstance(left, torch.Tensor):
        assert torch.equal(left, right), path
    elif isinstance(left, dict):
        assert left.keys() == right.keys(), path
        for key in left:
            same(left[key], right[key], f"{path}.{key}")
    elif isinstance(left, (list, tuple)):
        assert len(left) == len(right), path
        for index, (a, b) in enumerate(zip(left, right, strict=True)):
            same(a, b, f"{path}[{index}]")
    else:
        assert left == right, path


def final_state(folder):
    """Everything that decides how a training would go on."""
    (newest,) = sorted(folder.glob("iter_69.pth"))
    state = load_file(newest)
    return {key: state[key] for key in ("state_dict", "optimizer", "param_schedulers", "clock", "rng")}


@pytest.mark.parametrize("workers", [0, 2])
def test_kill_9_in_the_middle_of_an_epoch(eng, tmp_path, workers):
    """kill -9 after some checkpoints, `--resume`: weights, optimizer, schedules, clock and RNG are bitwise the same."""
    options = [
        "train_dataloader.batch_size=64",
        "train_cfg.max_epochs=3",
        "default_hooks.checkpoint.interval=5",
        "default_hooks.checkpoint.by_epoch=False",
        f"train_dataloader.num_workers={workers}",
        f"train_dataloader.persistent_workers={workers > 0}",
    ]
    eng("train", DIGITS, "--work-dir", "whole", "--cfg-options", *options)

    command = [
        sys.executable,
        "-m",
        "eng_runner",
        "train",
        str(DIGITS),
        "--work-dir",
        "killed",
        "--cfg-options",
    ]
    process = subprocess.Popen(
        [*command, *options],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while not list((tmp_path / "killed").glob("iter_*.pth")):
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "killed" / "iter_69.pth").exists(), "the run was over before the kill"

    resumed = eng("train", DIGITS, "--work-dir", "killed", "--resume", "--cfg-options", *options)
    assert "Resumed from" in resumed.stdout
    same(final_state(tmp_path / "whole"), final_state(tmp_path / "killed"))
