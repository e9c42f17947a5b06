"""A folder as a run leaves it, for the tests of the report."""

import json
from pathlib import Path

import numpy as np
import pytest
import xxhash

from eng_visualization import LocalVisBackend

CONFIG = """
optimizer = dict(lr=0.1, type='SGD')
hooks = [dict(type='A', interval=2), dict(type='B')]
sizes = [1, 2]
empty = dict()
"""

LOG = """\
2026/01/01 12:00:00 - eng - INFO - begins
2026/01/01 12:00:01 - eng_dataset.loader - WARNING - the disk is <almost> full
  look at /data
2026/01/01 12:00:02 - eng - INFO - goes on
2026/01/01 12:00:03 - eng_dataset.loader - WARNING - the disk is <almost> full
  look at /data
2026/01/01 12:00:04 - eng - ERROR - /a/b.py - run - 3 - it broke
"""


def _train(start: Path, iterations: range, epoch_length: int = 50, scale: float = 1.0) -> None:
    """What a start from one iteration to another records: training every 10 iterations, validation each epoch."""
    local = LocalVisBackend(start / "vis_data")
    for iteration in iterations:
        if iteration % 10 == 0:
            scalars = {"loss": scale / iteration, "lr": 0.1, "time": 0.01}
            local.add_scalars(
                {**scalars, "epoch": 1 + (iteration - 1) // epoch_length, "iter": iteration}, iteration
            )
        if iteration % epoch_length == 0:
            epoch = iteration // epoch_length
            local.add_scalars({"accuracy": 1 - 0.5 / epoch, "loss": 2 * scale / iteration}, epoch)


def _make_run(folder: Path, iterations: int = 200, lr: float = 0.1, scale: float = 1.0) -> Path:
    """A run with everything that a report shows."""
    start = folder / "20260101_120000"
    _train(start, range(1, iterations + 1), scale=scale)
    local = LocalVisBackend(start / "vis_data")
    local.add_facts(
        {
            "command": "eng train config.py",
            "environment": {"Python": "3.12", "PyTorch": "2.13"},
            "confusion": {"labels": ["cat", "dog"], "matrix": [[9, 1], [2, 8]]},
        }
    )
    local.add_image("val/sample", np.full((8, 9, 3), 100, np.uint8), 200)
    (start / "vis_data" / "config.py").write_text(CONFIG.replace("lr=0.1", f"lr={lr}"))
    origins = {"optimizer.lr": "config.py:3", "hooks.0.type": "base.py:7", "sizes.0": "config.py:9"}
    (start / "vis_data" / "config.origins.json").write_text(json.dumps(origins))
    (start / "20260101_120000.log").write_text(LOG)
    _add_checkpoints(folder)
    return folder


def _add_checkpoints(folder: Path) -> None:
    """Two checkpoints with their manifest."""
    entries = []
    for number, (name, kind) in enumerate(
        [("epoch_4.pth", "regular"), ("best_accuracy_epoch_3.pth", "best")]
    ):
        content = bytes([number]) * 1000
        (folder / name).write_bytes(content)
        entries.append(
            {
                "name": name,
                "kind": kind,
                "epoch": 4 - number,
                "iter": 200 - 50 * number,
                "step": 200,
                "bytes": len(content),
                "xxh128": xxhash.xxh3_128_hexdigest(content),
                "metrics": {"accuracy": 0.875} if kind == "best" else {},
            }
        )
    (folder / "manifest.json").write_text(json.dumps({"format": 2, "entries": entries}))


@pytest.fixture(scope="session")
def make_run():
    """Makes a folder with everything that a report shows."""
    return _make_run


@pytest.fixture
def train():
    """Writes what a start from one iteration to another records."""
    return _train
