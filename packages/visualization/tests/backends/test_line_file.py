import os
import resource
import signal

import pytest

from eng_visualization.backends.line_file import LineFile


def test_each_line_can_be_read_at_once(tmp_path):
    """By another program, while the file is open."""
    file = LineFile(tmp_path / "a.json")
    file.append("one")
    assert file.path.read_text() == "one\n"
    file.append("zwölf")
    assert file.path.read_text() == "one\nzwölf\n"
    file.close()
    file.append("after it was closed")
    assert len(file.path.read_text().splitlines()) == 3


def test_a_file_that_was_deleted_is_made_again(tmp_path):
    """Nothing goes to where nobody can find it."""
    file = LineFile(tmp_path / "a.json")
    file.append("one")
    file.path.unlink()
    file.append("two")
    assert file.path.read_text() == "two\n"


def test_half_a_line_is_cut_off(tmp_path):
    """That of a writer that was killed."""
    (tmp_path / "a.json").write_text("one\ntw")
    file = LineFile(tmp_path / "a.json")
    file.append("three")
    assert file.path.read_text() == "one\nthree\n"


def test_a_full_disk_leaves_whole_lines(tmp_path):
    """What did not fit is raised, and the next line that fits does not hang on to a half one."""
    file = LineFile(tmp_path / "a.json")
    read, write = os.pipe()
    child = os.fork()
    if child == 0:  # the limit is for good
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20, 20))
        file.append("a" * 9)
        try:
            file.append("b" * 30)
        except OSError as error:
            os.write(write, str(error).encode())
        file.append("c" * 5)
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as said:
        assert "File too large" in said.read()
    assert os.waitpid(child, 0)[1] == 0
    assert file.path.read_text() == "aaaaaaaaa\nccccc\n"


def test_a_folder_that_is_none(tmp_path):
    """The error is that of the system, and it comes again."""
    file = LineFile(tmp_path / "nowhere" / "a.json")
    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            file.append("one")


def test_a_file_whose_closing_fails_is_opened_again(tmp_path):
    """As on a network, or over a quota: the error comes once."""
    file = LineFile(tmp_path / "a.json")
    file.append("one")
    os.close(file._file.fileno())  # closing it now fails
    with pytest.raises(OSError, match="Bad file descriptor"):
        file.close()
    file.append("two")
    assert file.path.read_text() == "one\ntwo\n"
