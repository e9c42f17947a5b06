import os
import resource
import signal
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from eng_fileio import WriteError, atomic_write, atomic_write_text, remove_leftovers, temporary_directory


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def test_a_new_file_is_whole_when_it_appears(tmp_path):
    """Nothing stands under the name before the block ends, everything after."""
    with atomic_write(tmp_path / "deep" / "file") as file:
        file.write(b"one")
        assert not (tmp_path / "deep" / "file").exists()
        file.write(b"two")
    assert (tmp_path / "deep" / "file").read_bytes() == b"onetwo"
    assert names(tmp_path / "deep") == ["file"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, OSError])
def test_an_exception_leaves_the_old_file_and_nothing_else(tmp_path, error):
    """Whatever the caller's block raises comes out as it is, and the old content stays."""
    atomic_write_text(tmp_path / "file", "old")

    def write() -> None:
        with atomic_write(tmp_path / "file") as file:
            file.write(b"new")
            raise error("mine")

    with pytest.raises(error) as raised:
        write()
    assert type(raised.value) is error
    assert (tmp_path / "file").read_text() == "old"
    assert names(tmp_path) == ["file"]


def test_permissions_are_handed_on(tmp_path):
    """A replaced file keeps its mode; a new one gets what the umask leaves."""
    path = tmp_path / "file"
    atomic_write_text(path, "old")
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask
    path.chmod(0o640)
    atomic_write_text(path, "new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.parametrize("name", ["ü ñ", 'a"b', "50%#?{}::", "x" * 250, "é" * 127])
def test_any_name_that_the_disk_takes(tmp_path, name):
    """Odd and long names need no care of the caller."""
    atomic_write_text(tmp_path / name, "text")
    assert names(tmp_path) == [name]


def test_a_symbolic_link_is_replaced_and_not_followed(tmp_path):
    """What a link points to, perhaps out of the folder, is never written."""
    (tmp_path / "outside").write_text("untouched")
    (tmp_path / "link").symlink_to(tmp_path / "outside")
    atomic_write_text(tmp_path / "link", "new")
    assert (tmp_path / "outside").read_text() == "untouched"
    assert (tmp_path / "link").read_text() == "new"


def test_a_read_only_file_system_or_folder_is_named(tmp_path):
    """The error tells the final path, and stays an OSError with the number of the system."""
    (tmp_path / "file").write_text("a file, not a folder")
    with pytest.raises(WriteError, match="file/below") as raised, atomic_write(tmp_path / "file" / "below"):
        pass
    assert raised.value.errno is not None
    assert raised.value.free is not None


def test_a_file_size_limit_raises_one_clear_error(tmp_path):
    """Stopped by a limit half-way, the error counts the bytes, and nothing stays behind."""

    def write() -> None:
        with atomic_write(tmp_path / "file") as file:
            file.write(b"x" * 100_000)

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(
            WriteError, match=r"File too large \(after 50,000 bytes, [\d,]+ bytes free there\)"
        ):
            write()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert names(tmp_path) == []
    write()
    assert names(tmp_path) == ["file"]


@pytest.fixture
def few_inodes(tmp_path):
    """A file system with room for bytes and for hardly any file."""
    place = tmp_path / "small"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m,nr_inodes=3", "tmpfs", place]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("this process may not mount")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_file_system_without_inodes_is_not_called_full_of_bytes(few_inodes):
    """There are many bytes left, and the error says what is missing, for a file and for a folder."""
    atomic_write_text(few_inodes / "a", "text")
    atomic_write_text(few_inodes / "b", "text")
    for write in (
        lambda: atomic_write_text(few_inodes / "c", "text"),
        lambda: atomic_write_text(few_inodes / "deep" / "c", "text"),
        lambda: temporary_directory(few_inodes / "c").__enter__(),
    ):
        with pytest.raises(
            WriteError, match=r"No inode left.*: delete files there .*bytes free there"
        ) as raised:
            write()
        assert raised.value.free_inodes == 0
        assert raised.value.free > 500_000
    assert names(few_inodes) == ["a", "b"]


def test_a_file_that_cannot_fit_is_not_begun(tmp_path):
    """With the size known beforehand, a full disk is said before the first byte, with both numbers."""
    needed = 1 << 60
    with (
        pytest.raises(
            WriteError, match=r"No space left on device \(after 0 of 1,152,921,[\d,]+ bytes"
        ) as raised,
        atomic_write(tmp_path / "file", needed=needed),
    ):
        pass
    assert raised.value.needed == needed
    assert raised.value.free < needed
    assert names(tmp_path) == []


def test_threads_that_write_one_name_do_not_mix(tmp_path):
    """Each writer has its own temporary file; the last rename wins whole."""
    texts = [str(number) * 50_000 for number in range(8)]
    threads = [threading.Thread(target=atomic_write_text, args=(tmp_path / "file", text)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "file").read_text() in texts
    assert names(tmp_path) == ["file"]


def test_who_looks_for_leftovers_lets_other_threads_write(tmp_path):
    """From the moment in which their temporary files are there."""

    def write(number):
        for round in range(100):
            atomic_write_text(tmp_path / f"{number}", f"{round}")

    with ThreadPoolExecutor(2) as pool:
        writers = [pool.submit(write, number) for number in range(2)]
        while not all(writer.done() for writer in writers):
            remove_leftovers(tmp_path)
        for writer in writers:
            writer.result()
    assert sorted(os.listdir(tmp_path)) == ["0", "1"]


def test_a_directory_under_way_is_no_leftover(tmp_path):
    """Until its block ends; then what has no name yet is deleted."""
    with temporary_directory(tmp_path / "a") as temporary:
        (temporary / "part").write_bytes(b"1")
        assert remove_leftovers(tmp_path) == []
        assert (temporary / "part").exists()
    assert list(tmp_path.iterdir()) == []


def test_leftovers_of_a_dead_writer_are_removed(tmp_path):
    """A killed process leaves its temporary file; that of a living writer, and files of others, stay."""
    script = (
        "import os, signal, sys\nfrom eng_fileio import atomic_write\n"
        "with atomic_write(sys.argv[1]) as file:\n    file.write(b'half')\n    file.flush()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "file")], check=False)
    (left,) = names(tmp_path)
    (tmp_path / ".hidden.tmp-of-somebody").touch()
    with atomic_write(tmp_path / "other"):
        living = set(names(tmp_path)) - {left}
        assert remove_leftovers(tmp_path) == [left]
        assert set(names(tmp_path)) == living


def test_the_bytes_reach_the_disk_before_the_name(tmp_path):
    """The system calls come in the order that survives a power cut: flush, rename, flush the folder."""
    strace = "/usr/bin/strace"
    if not os.path.exists(strace):
        pytest.skip("strace is not installed")
    trace = tmp_path / "trace"
    script = "import sys, eng_fileio; eng_fileio.atomic_write_text(sys.argv[1], 'text')"
    target = tmp_path / "folder" / "file"
    command = [strace, "-f", "-y", "-e", "trace=fsync,rename,renameat,renameat2", "-o", str(trace)]
    done = subprocess.run(
        [*command, sys.executable, "-c", script, str(target)], capture_output=True, check=False
    )
    if done.returncode != 0 and "ptrace" in done.stderr.decode():
        pytest.skip("this machine does not let a process be traced")
    calls = [
        line.split(maxsplit=1)[1] for line in trace.read_text().splitlines() if str(target.parent) in line
    ]
    assert [call.split("(")[0] for call in calls] == ["fsync", "rename", "fsync"]
    assert ".file.tmp-" in calls[0]
    assert f"<{target.parent}>" in calls[2]
    assert f"<{target.parent.parent}>)" in trace.read_text().splitlines()[0]


def test_a_pipe_or_a_device_is_not_replaced(tmp_path):
    """Also not through a link, as /dev/stdout is one: what everybody writes to would be a file from then on."""
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    for path in (pipe, link):
        with pytest.raises(WriteError, match="a device, a pipe or a socket"):
            atomic_write_text(path, "text")
    assert names(tmp_path) == ["link", "pipe"]
    assert pipe.is_fifo()
    assert link.is_symlink()
