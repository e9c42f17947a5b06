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


@pytest.fixture(params=["file", "folder"])
def place(request, tmp_path):
    """What is held: a file or a folder."""
    return tmp_path / "one.lock" if request.param == "file" else tmp_path


def test_a_worker_forked_meanwhile_keeps_nobody_out(place):
    """A thread may be downloading or saving while the loader forks its workers."""
    with exclusive(place):
        worker = os.fork()
        if worker == 0:
            signal.pause()
    try:
        subprocess.run([sys.executable, "-c", WAITING, str(place)], timeout=60, check=True)
    finally:
        os.kill(worker, signal.SIGKILL)
        os.waitpid(worker, 0)


KILLED = """
import os, signal, sys
from eng_fileio import exclusive
with exclusive(sys.argv[1]):
    worker = os.fork()
    if worker == 0:
        signal.pause()
    print(worker, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_process_lets_go_while_its_workers_live(place):
    """The workers of a loader outlive a kill -9 for a while."""
    killed = subprocess.Popen([sys.executable, "-c", KILLED, str(place)], stdout=subprocess.PIPE, text=True)
    worker = int(killed.stdout.readline())
    assert killed.wait(20) == -signal.SIGKILL
    try:
        subprocess.run([sys.executable, "-c", WAITING, str(place)], timeout=20, check=True)
    finally:
        os.kill(worker, signal.SIGKILL)
    killed.stdout.close()


def test_a_worker_that_leaves_the_block_takes_nothing_from_its_parent(place):
    """The lock is the parent's until the parent lets go."""
    with exclusive(place):
        worker = os.fork()
        if worker != 0:
            assert os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1]) == 0
            other = subprocess.Popen(
                [sys.executable, "-c", WAITING, str(place)], stdout=subprocess.PIPE, text=True
            )
            assert other.stdout.readline() == "asks\n"
            with pytest.raises(subprocess.TimeoutExpired):
                other.wait(1)
    if worker == 0:
        os._exit(0)
    assert other.communicate(timeout=60)[0] == "has it\n"


def test_a_link_is_not_followed(tmp_path):
    """The file that it leads to keeps its content; as on a file system without locks, nobody is kept out."""
    (tmp_path / "precious").write_text("content")
    (tmp_path / "one.lock").symlink_to(tmp_path / "precious")
    with exclusive(tmp_path / "one.lock"), exclusive(tmp_path / "one.lock"):
        assert (tmp_path / "precious").read_text() == "content"
