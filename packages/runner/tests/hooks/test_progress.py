"""The live view: seen on a real terminal, and nowhere else."""

import os
import pty
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

HERE = Path(__file__).parents[1]
SCRIPT = """
import time
from toy_training import toy_runner
from eng_runner import Hook

class Slowly(Hook):
    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        time.sleep(0.02)

runner = toy_runner("run", log_level="INFO", default_hooks={"logger": {"interval": 2}}, custom_hooks=[Slowly()])
runner.train()
"""
MOVES = re.compile(r"\x1b\[\d*[AKGJ]|\r(?!\n)")
COLORS = re.compile(r"\x1b\[(?:\d+;)*3\d")


def environment(**more):
    removed = ("CI", "NO_COLOR", "FORCE_COLOR", "TERM", "COLUMNS")
    kept = {name: value for name, value in os.environ.items() if name not in removed}
    return {
        **kept,
        "PYTHONPATH": f"{HERE}:{os.environ.get('PYTHONPATH', '')}",
        "TERM": "xterm-256color",
        **more,
    }


def on_a_terminal(folder, **more):
    """What a real pseudo-terminal of 100 columns was sent."""
    outer, inner = pty.openpty()
    received = []

    def listen():
        try:
            while part := os.read(outer, 65536):
                received.append(part)
        except OSError:  # how Linux says that the other end is closed
            pass

    listener = threading.Thread(target=listen)
    listener.start()
    try:
        subprocess.run(
            [sys.executable, "-c", SCRIPT], cwd=folder, env=environment(COLUMNS="100", **more), check=True,
            stdin=inner, stdout=inner, stderr=inner, timeout=120,
        )  # fmt: skip
    finally:
        os.close(inner)
        listener.join()
        os.close(outer)
    return b"".join(received).decode()


def test_on_a_terminal(tmp_path):
    """Bar, time left, loss, rate, throughput and the last validation; gone when the training is over."""
    seen = on_a_terminal(tmp_path)
    plain = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", seen)
    assert re.search(r"epoch 2/3 ━+.*\d+/24 0:00:\d\d (0:00:\d\d|-:--:--)", plain)
    assert re.search(r"loss \d+\.\d{4}  lr \d\.\d{4}e-\d\d  [\d,]+ samples/s", plain)
    assert re.search(r"validated at epoch 1: line/error [\d.]+  line/count 10", plain)
    assert MOVES.search(seen)
    assert COLORS.search(seen)
    assert "\x1b[?25h" in seen[-200:]  # the cursor is back
    (log,) = tmp_path.glob("run/*/*.log")
    assert "Epoch(train) [1][2/8]" in log.read_text()
    assert "\x1b" not in log.read_text()
    assert "\r" not in log.read_text()


@pytest.mark.parametrize("setting", [{"CI": "true"}, pytest.param({"TERM": "dumb"}, marks=pytest.mark.slow)])
def test_where_nobody_watches(setting, tmp_path):
    """Only lines, even on what looks like a terminal."""
    seen = on_a_terminal(tmp_path, **setting)
    assert "━" not in seen
    assert not MOVES.search(seen)
    assert "Epoch(train) [1][2/8]" in seen


def test_no_color(tmp_path):
    """The view without colours."""
    seen = on_a_terminal(tmp_path, NO_COLOR="1")
    assert "samples/s" in seen
    assert not COLORS.search(seen)


def test_in_a_file(tmp_path):
    """No carriage return, no escape, whatever is written."""
    with open(tmp_path / "out.txt", "wb") as file:
        subprocess.run(
            [sys.executable, "-c", SCRIPT], cwd=tmp_path, env=environment(), check=True, stdout=file,
            stderr=file, timeout=120,
        )  # fmt: skip
    written = (tmp_path / "out.txt").read_bytes()
    assert b"Epoch(val) [3][3/3]" in written
    assert b"\r" not in written
    assert b"\x1b" not in written
