"""The folder of a run: where its logs go, what it is called, and what an earlier run has left there."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from eng_checkpoint import entries
from eng_config import Config
from eng_dist import barrier, broadcast_object_list, is_main_process
from eng_logging import MessageHub

_log = logging.getLogger(__name__)


def agreed(value: str) -> str:
    """Return rank 0's value, on every rank."""
    values = [value]
    broadcast_object_list(values, src=0)
    return values[0]


def make_log_dir(work_dir: str, timestamp: str) -> str:
    """Create a folder of its own for the logs of a run, the same on every rank; returns its name."""
    name, count = timestamp, 1
    if is_main_process():
        while True:
            try:
                os.makedirs(os.path.join(work_dir, name))
                break
            except FileExistsError:
                count += 1
                name = f"{timestamp}_{count}"
    name = agreed(name)
    barrier()
    return name


def name_experiment(given: str | None, config_file: str | None, timestamp: str) -> str:
    """Return a name that no other run of this process has, made of the given name or that of the configuration."""
    stem = given or (Path(config_file).stem if config_file else None)
    name = f"{stem}_{timestamp}" if stem else timestamp
    count = 1
    while MessageHub.check_instance_created(name):
        count += 1
        name = f"{stem or timestamp}_{timestamp}_{count}"
    return name


def dump_config(cfg: Config, work_dir: str, timestamp: str) -> None:
    """Write the configuration into the folder, under its own name; the main process does it."""
    if cfg and is_main_process():
        name = f"{Path(cfg.filename).stem if cfg.filename else timestamp}.py"
        cfg.dump(os.path.join(work_dir, name))


def archive_previous(work_dir: str, timestamp: str) -> None:
    """Move the checkpoints of an earlier run into a folder of their own; nothing is overwritten, nothing is lost."""
    if not is_main_process():
        return
    folder = Path(work_dir)
    listed = [entry.name for entry in entries(folder)]
    earlier = [*listed, *sorted({path.name for path in folder.glob("*.pth")} - {*listed})]
    if not earlier:
        return
    target = folder / f"earlier_{timestamp}"
    target.mkdir()
    for name in [*earlier, "manifest.json", "last_checkpoint"]:
        if (folder / name).exists():
            (folder / name).rename(target / name)
    _log.warning(
        "%s held %d checkpoints of an earlier run; they are in %s now (resume instead with resume=True)",
        work_dir, len(earlier), target,
    )  # fmt: skip
