import os
import signal
import subprocess
import sys

EDITING = """
import sys
from pathlib import Path
from eng_checkpoint.manifest import editing
with editing(Path(sys.argv[1])):
    pass
"""


def test_a_worker_forked_meanwhile_keeps_nobody_out(tmp_path):
    """A save behind the training may be listing its file while the next epoch forks its workers."""
    from eng_checkpoint.manifest import editing

    with editing(tmp_path):
        worker = os.fork()
        if worker == 0:
            signal.pause()
    try:
        subprocess.run([sys.executable, "-c", EDITING, str(tmp_path)], timeout=60, check=True)
    finally:
        os.kill(worker, signal.SIGKILL)
        os.waitpid(worker, 0)
