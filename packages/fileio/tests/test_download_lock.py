import os
import signal
import subprocess
import sys

from eng_fileio.download import _one_at_a_time

WAITING = """
import sys
from pathlib import Path
from eng_fileio.download import _one_at_a_time
with _one_at_a_time(Path(sys.argv[1])):
    pass
"""


def test_a_worker_forked_meanwhile_keeps_nobody_out(tmp_path):
    """A thread may be downloading while the loader forks its workers."""
    lock = tmp_path / "file.lock"
    with _one_at_a_time(lock):
        worker = os.fork()
        if worker == 0:
            signal.pause()
    try:
        subprocess.run([sys.executable, "-c", WAITING, str(lock)], timeout=60, check=True)
    finally:
        os.kill(worker, signal.SIGKILL)
        os.waitpid(worker, 0)
