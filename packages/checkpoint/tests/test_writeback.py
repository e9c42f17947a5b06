import shutil
import subprocess
import sys

import pytest

from eng_checkpoint.writeback import begin_writeback

SAVE = """
import sys, torch
from eng_checkpoint import save_file
save_file({"w": torch.ones(25_000_000 // 4), "v": torch.ones(1)}, sys.argv[1])
"""


def test_a_hint_that_cannot_be_taken(tmp_path):
    """Is no error: the flush at the end still does everything."""
    with open(tmp_path / "file", "wb") as file:
        file.write(b"x")
        begin_writeback(file.fileno(), 0, 1)
    begin_writeback(-1, 0, 1)


def test_the_disk_begins_before_the_flush(tmp_path):
    """A large save sends what has come together; the flush, the name and the folder follow."""
    trace = tmp_path / "trace"
    traced = ["strace", "-f", "-y", "-e", "trace=sync_file_range,fsync,rename", "-o", str(trace)]
    if shutil.which("strace") is None or subprocess.run([*traced, "true"], check=False).returncode != 0:
        pytest.skip("this machine does not let a process be traced")
    subprocess.run([*traced, sys.executable, "-c", SAVE, str(tmp_path / "file.pth")], check=True)
    calls = [line.split(maxsplit=1)[1].split("(")[0] for line in trace.read_text().splitlines()]
    ours = [call for call in calls if call in {"sync_file_range", "fsync", "rename"}]
    assert ours == [*["sync_file_range"] * 2, "fsync", "rename", "fsync"]  # 25 MB, 8 MiB each
