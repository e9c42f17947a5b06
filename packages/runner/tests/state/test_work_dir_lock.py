"""One run at a time trains in a folder."""

import json
import os
import signal
import subprocess
import sys
import textwrap

import pytest
from toy_training import toy_runner

from eng_runner import Hook
from eng_runner.state.work_dir_lock import LOCK, WorkDirInUseError, locked

HOLD = """
import sys
from eng_runner.state.work_dir_lock import locked
with locked(sys.argv[1], name="the first run"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """A process that holds the folder until its input ends, or it is killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_the_second_process_is_refused_and_told_who_is_first(tmp_path, holder):
    """Name, process, host and time; nothing of the folder is touched."""
    toy_runner(tmp_path)  # looking at it is allowed
    with pytest.raises(WorkDirInUseError, match=rf"the first run, process {holder.pid} on .*since \d{{4}}"):
        toy_runner(tmp_path).train()
    assert not list(tmp_path.glob("*.pth"))


def test_a_killed_process_holds_nothing(tmp_path, holder):
    """There is no stale lock after SIGKILL, without anybody tidying up."""
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with locked(tmp_path, name="the second run"):
        assert json.loads((tmp_path / LOCK).read_text())["pid"] == os.getpid()
    assert (tmp_path / LOCK).read_text() == ""


def test_workers_of_a_killed_run_hold_nothing(tmp_path):
    """A forked child has the open file, but not the lock."""
    code = textwrap.dedent(
        """
        import os, sys, time
        from eng_runner.state.work_dir_lock import locked
        with locked(sys.argv[1], name="first"):
            child = os.fork()
            if child == 0:
                time.sleep(60)
            print(child, flush=True)
            os.kill(os.getpid(), 9)
        """
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    child = int(process.stdout.readline())
    process.wait()
    try:
        with locked(tmp_path, name="second"):
            pass
    finally:
        os.kill(child, signal.SIGKILL)
        process.stdout.close()


def test_two_runs_of_one_process(tmp_path):
    """The second is refused while the first trains, also if the same process starts it; afterwards it may."""
    refused = []

    class Start(Hook):
        def after_train_epoch(self, runner):
            with pytest.raises(WorkDirInUseError) as info:
                toy_runner(tmp_path, val=False).train()
            refused.append(runner.experiment_name in str(info.value))

    toy_runner(tmp_path, val=False, custom_hooks=[Start()]).train()
    assert refused == [True] * 3
    toy_runner(tmp_path, val=False, resume=True).train()
