import fcntl
import logging
import os
import threading
from contextlib import contextmanager

import pytest
import torch

from eng_checkpoint import Checkpoints, entries


@contextmanager
def stuck(folder):
    """Nobody gets further than to the list of a folder, as on a storage that hangs."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def test_a_save_that_waits_for_the_storage_says_so(tmp_path, caplog, monkeypatch):
    """While it waits, more and more seldom, with path and MB/s; once the storage answers, it is safe."""
    monkeypatch.setattr("eng_checkpoint.slow_save._FIRST_SECONDS", 0.05)
    said = threading.Event()

    class Heard(logging.Handler):
        def emit(self, record):
            said.set()

    heard = Heard()
    logging.getLogger("eng_checkpoint.slow_save").addHandler(heard)
    checkpoints = Checkpoints(tmp_path)
    saving = threading.Thread(
        target=checkpoints.save, args=({"w": torch.ones(1000)},), kwargs={"step": 1}, name="training"
    )
    with stuck(tmp_path):
        saving.start()
        assert said.wait(10)
        assert entries(tmp_path) == ()
    saving.join(10)
    logging.getLogger("eng_checkpoint.slow_save").removeHandler(heard)
    assert "step_1.pth is still being written after 0." in caplog.text
    assert "MB/s; the storage is slow, or stuck" in caplog.text
    assert checkpoints.load()["w"].sum() == 1000
    assert not [thread for thread in threading.enumerate() if thread.name == "checkpoint-watch"]


def test_a_storage_that_hangs_is_named_at_the_time_out(tmp_path):
    """The training has gone on; the save is safe when the storage answers after all."""
    checkpoints = Checkpoints(tmp_path, background=True)
    with stuck(tmp_path):
        checkpoints.save({"w": torch.ones(1)}, step=1)
        checkpoints.check()
        with pytest.raises(TimeoutError, match=r"step_1\.pth is still being written"):
            checkpoints.wait(0.05)
    checkpoints.close(10)
    assert checkpoints.load()["w"].item() == 1
