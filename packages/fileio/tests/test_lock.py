import os
import signal
import subprocess
import sys

import pytest

from eng_fileio import exclusive

WAITING = """
import sys
from eng_fileio import exclusive
print("asks", flush=True)
with exclusive(sys.argv[1]):
    print("has it")
"""


def test_another_process_waits(tmp_path):
    """Until the block ends."""
    with exclusive(tmp_path):
        command = [sys.executable, "-c", WAITING, str(tmp_path)]
        other = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert other.stdout.readline() == "asks\n"
        with pytest.raises(subprocess.TimeoutExpired):
            other.wait(1)
    assert other.communicate(timeout=60)[0] == "has it\n"


def test_a_worker_forked_meanwhile_keeps_nobody_out(tmp_path):
    """A thread may be downloading or saving while the loader forks its workers."""
    lock = tmp_path / "file.lock"
    lock.touch()
    with exclusive(lock):
        worker = os.fork()
        if worker == 0:
            signal.pause()
    try:
        subprocess.run([sys.executable, "-c", WAITING, str(lock)], timeout=60, check=True)
    finally:
        os.kill(worker, signal.SIGKILL)
        os.waitpid(worker, 0)


def test_what_cannot_be_locked_keeps_nobody_out(tmp_path):
    """As on a file system without locks."""
    with exclusive(tmp_path / "nowhere"):
        assert list(tmp_path.iterdir()) == []
