"""Two real processes on the CPU: they train together, and report the metric that one process reports."""

import subprocess
import sys

from road import DIGITS, environment


def torchrun(tmp_path, *arguments):
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        "2",
        "-m",
        "eng_runner",
    ]
    done = subprocess.run(
        [*command, *map(str, arguments)],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-5000:]
    return done


def test_two_processes_train_and_agree_with_one(eng, tmp_path):
    """gloo is chosen by itself; the same weights give the same metric, to the last digit, with one process or two."""
    options = ["--cfg-options", "train_cfg.max_epochs=4"]
    torchrun(tmp_path, "train", DIGITS, "--work-dir", "run", "--launcher", "pytorch", *options)
    checkpoint = tmp_path / "run" / "epoch_4.pth"
    two = torchrun(tmp_path, "test", DIGITS, checkpoint, "--work-dir", "test2", "--launcher", "pytorch")
    one = eng("test", DIGITS, checkpoint, "--work-dir", "test1")
    metric = [line for line in one.stdout.splitlines() if line.startswith("accuracy: ")]
    assert metric
    assert [line for line in two.stdout.splitlines() if line.startswith("accuracy: ")] == metric
