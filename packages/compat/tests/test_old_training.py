"""A whole training of old code runs, resumes and tests, without a word of it changed."""

import re
from pathlib import Path

import old_training
import pytest
import torch
from mmengine.visualization import Visualizer

CONFIG = str(Path(__file__).with_name("config_old_training.py"))

LEARNING_RATES = [
    "4.9398e-02",
    "4.5301e-02",
    "3.7594e-02",
    "2.8054e-02",
    "1.8133e-02",
    "9.3413e-03",
    "3.0169e-03",
]
"""What MMEngine 0.10.7 prints for this script and configuration, every four iterations."""


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The runner and the folder of an uninterrupted training."""
    folder = tmp_path_factory.mktemp("whole")
    return old_training.main([CONFIG, "--work-dir", str(folder)]), folder


def test_it_learns(trained):
    """The metric of the script is measured by its hook, its evaluator and its test."""
    runner, _ = trained
    assert runner.test()["points/accuracy"] > 0.9
    assert runner.message_hub.get_info("watched_epoch") == 3
    assert len(runner.message_hub.get_scalar("train/watched").data[0]) == 8


def test_the_files_are_those_of_the_reference(trained):
    """MMEngine leaves these, and folders for the runs; beside them here are a manifest and a lock."""
    _, folder = trained
    files = {path.name for path in folder.iterdir() if path.is_file()}
    expected = {"config_old_training.py", "epoch_3.pth", "epoch_4.pth", "last_checkpoint"}
    best = {name for name in files if re.fullmatch(r"best_points_accuracy_epoch_\d\.pth", name)}
    assert files - best == {*expected, "manifest.json", ".lock"}
    assert len(best) == 1


def test_the_learning_rates_are_those_of_the_reference(trained):
    """A warm-up of its own, times a cosine, in the log."""
    _, folder = trained
    (log,) = folder.glob("*/*.log")
    rates = re.findall(r"  base_lr: (\S+)  ", log.read_text())
    assert rates[:7] == LEARNING_RATES


def test_a_resumed_training_ends_the_same(trained, tmp_path):
    """Two epochs, then `--resume`: the last weights are those of the uninterrupted training, to the last bit."""
    _, whole = trained
    Visualizer._instance_dict.clear()  # each of these trainings is a process of its own in life
    old_training.main([CONFIG, "--work-dir", str(tmp_path), "--cfg-options", "train_cfg.max_epochs=2"])
    Visualizer._instance_dict.clear()
    runner = old_training.main([CONFIG, "--work-dir", str(tmp_path), "--resume"])
    watch = next(hook for hook in runner.hooks if isinstance(hook, old_training.Watch))
    assert watch.began_at == 16
    resumed, uninterrupted = (old_training.weights_of(folder / "epoch_4.pth") for folder in (tmp_path, whole))
    assert resumed.keys() == uninterrupted.keys()
    assert all(torch.equal(resumed[name], uninterrupted[name]) for name in resumed)
