import subprocess
import sys
import threading
import time
from functools import partial

import pytest
import torch

from eng_checkpoint import BackgroundSaver, PlainDataError, commit, find_newest_valid, load_file


class Slow:
    """A writer that waits until it is told to go on."""

    def __init__(self):
        self.go, self.began, self.written = threading.Event(), threading.Event(), []

    def __call__(self, state):
        self.began.set()
        assert self.go.wait(10)
        self.written.append(state["n"])


def test_the_training_goes_on_while_it_writes(tmp_path):
    """The file holds what the state was at the submit."""
    weight = torch.ones(1000)
    with BackgroundSaver() as saver:
        for n in range(3):
            saver.submit(
                partial(commit, tmp_path, f"{n}.pth", epoch=0, iter=n, step=n), {"w": weight, "n": [n]}
            )
            weight += 1
    assert [load_file(tmp_path / f"{n}.pth")["w"][0].item() for n in range(3)] == [1, 2, 3]


def test_one_is_in_flight():
    """The second submit waits for the first, and `wait` for the second."""
    slow = Slow()
    saver = BackgroundSaver()
    saver.submit(slow, {"n": 1})
    assert slow.began.wait(10)
    assert saver.busy
    saver.check()
    threading.Timer(0.05, slow.go.set).start()
    saver.submit(slow, {"n": 2})
    assert slow.written[0] == 1
    saver.wait()
    assert (slow.written, saver.busy) == ([1, 2], False)


def test_waiting_has_an_end():
    """When the storage hangs, the error names what is stuck; the save goes on, and can be waited for again."""
    slow = Slow()
    saver = BackgroundSaver()
    saver.submit(slow, {"n": 1}, name="run/iter_1.pth")
    for ask in (saver.wait, saver.close):
        with pytest.raises(TimeoutError, match=r"run/iter_1\.pth is still being written after 0\.01 s"):
            ask(timeout_seconds=0.01)
    slow.go.set()
    saver.close()
    assert slow.written == [1]


def failing(state):
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("ask", ["check", "wait", "close", "submit"])
def test_an_error_surfaces_at_the_next_question(ask, caplog):
    """Once, and it is in the log before."""
    saver = BackgroundSaver()
    saver.submit(failing, {})
    while saver.busy:
        time.sleep(0.001)
    assert "could not be saved" in caplog.text
    with pytest.raises(OSError, match="No space left"):
        saver.submit(print, {}) if ask == "submit" else getattr(saver, ask)()
    saver.check()
    saver.submit(lambda state: None, {})
    saver.close()


def test_an_error_of_the_block_is_not_hidden():
    """What the training raised comes out, with a note of what the writer raised."""

    def train():
        with BackgroundSaver() as saver:
            saver.submit(failing, {})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as raised:
        train()
    assert "No space left" in raised.value.__notes__[0]


def test_what_is_not_plain_is_refused_at_once():
    """On the thread that asks."""
    with BackgroundSaver() as saver, pytest.raises(PlainDataError, match="`f`"):
        saver.submit(print, {"f": print})


SCRIPT = """
import sys, time, torch
from functools import partial
from eng_checkpoint import BackgroundSaver, commit
saver = BackgroundSaver()
def write(state, n):
    time.sleep(0.3)
    commit(sys.argv[1], f"{n}.pth", state, epoch=0, iter=n, step=n)
saver.submit(partial(write, n=1), {"w": torch.ones(100_000)})
saver.submit(partial(write, n=2), {"w": torch.ones(100_000)})
%s
"""


@pytest.mark.parametrize(
    ("end", "newest"), [("", 2), ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", 1)]
)
def test_the_end_of_the_process(tmp_path, end, newest):
    """A normal one waits for the save in flight; a kill leaves the one before."""
    subprocess.run([sys.executable, "-c", SCRIPT % end, str(tmp_path)], timeout=60, check=not end)
    assert find_newest_valid(tmp_path).entry.step == newest
