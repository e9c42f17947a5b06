"""The main job: from a configuration file to a trained, evaluated model on real data."""

import json
import re

from road import DIGITS


def test_the_demo_reaches_98_percent_and_says_where_everything_is(eng, tmp_path):
    """`eng train` on the shipped configuration, then `eng test` on the checkpoint that it names."""
    done = eng("train", DIGITS, "--work-dir", "run")
    summary = done.stdout[done.stdout.rindex("\nDone\n") :]
    best = float(re.search(r"best +accuracy = ([0-9.]+)", summary)[1])
    assert best >= 98.0
    checkpoint = re.search(r"best checkpoint +(\S+)", summary)[1]
    for name in ("last checkpoint", "log", "tensorboard"):
        path = re.search(rf"{name} +(\S+)", summary)[1]
        assert (tmp_path / path).exists(), name
    assert f"eng test {DIGITS} {checkpoint}" in summary
    assert "--resume" in summary
    assert "tensorboard --logdir" in summary

    tested = eng("test", DIGITS, checkpoint, "--work-dir", "test")
    assert f"accuracy: {best!r}" in tested.stdout.splitlines()


def test_scalars_are_json_lines_with_ascending_steps(eng, tmp_path):
    """The local log holds each training step once, in order."""
    eng("train", DIGITS, "--work-dir", "run", "--cfg-options", "train_cfg.max_epochs=2")
    (path,) = tmp_path.glob("run/*/vis_data/scalars.json")
    steps = [line["step"] for line in map(json.loads, path.read_text().splitlines()) if "loss" in line]
    assert steps
    assert steps == sorted(set(steps))
