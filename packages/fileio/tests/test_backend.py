"""What follows from the few verbs, on a backend that is a dict."""

from pathlib import Path

import pytest

from eng_fileio import BaseStorageBackend, FileIOError, UnsupportedVerbError


class Memory(BaseStorageBackend):
    def __init__(self):
        self.files = {}

    def get(self, filepath):
        return self.files[str(filepath)]

    def put(self, obj, filepath):
        self.files[str(filepath)] = bytes(obj)

    def isfile(self, filepath):
        return str(filepath) in self.files

    def isdir(self, filepath):
        return any(name.startswith(f"{filepath}/") for name in self.files)

    def scan(self, dir_path):
        rest = [n.removeprefix(f"{dir_path}/") for n in self.files if n.startswith(f"{dir_path}/")]
        for name in {r.partition("/")[0] for r in rest}:
            yield name, name not in rest


class ReadOnly(BaseStorageBackend):
    def get(self, filepath):
        return b"text"


@pytest.fixture
def memory():
    backend = Memory()
    for name in ["m/a.txt", "m/b/c.txt", "m/b/.d"]:
        backend.put_text(name, name)
    return backend


def test_text_and_local_path(memory):
    """A local path has the content and the ending, and is gone after the block."""
    assert memory.get_text("m/a.txt") == "m/a.txt"
    with memory.get_local_path("m/a.txt") as path:
        assert path.endswith(".txt")
        assert Path(path).read_text() == "m/a.txt"
    assert not Path(path).exists()


def test_copies_within(memory):
    """Files into names and directories, trees with all that is hidden in them."""
    assert memory.copyfile("m/a.txt", "m/b") == "m/b/a.txt"
    assert memory.copytree("m/b", "n") == "n"
    assert sorted(n for n in memory.files if n.startswith("n/")) == ["n/.d", "n/a.txt", "n/c.txt"]
    with pytest.raises(FileExistsError):
        memory.copytree("m/b", "n")
    assert memory.copy_if_symlink_fails("m/a.txt", "k") is False
    assert memory.copy_if_symlink_fails("m/b", "l") is False
    assert memory.isdir("l")


def test_to_and_from_the_local_disk(memory, tmp_path):
    """A tree goes out and comes back the same."""
    memory.copytree_to_local("m", tmp_path / "m")
    assert (tmp_path / "m" / "b" / ".d").read_text() == "m/b/.d"
    memory.copytree_from_local(tmp_path / "m", "back")
    assert memory.get("back/b/.d") == memory.get("m/b/.d")
    assert memory.copyfile_to_local("m/a.txt", tmp_path) == tmp_path / "a.txt"
    assert memory.copyfile_from_local(tmp_path / "a.txt", "m/b") == "m/b/a.txt"


def test_listing(memory):
    """The rules of listing are the same for every place."""
    assert list(memory.list_dir_or_file("m", recursive=True)) == ["a.txt", "b", "b/c.txt"]
    assert memory.join_path("m/", "/b", "c") == "m/b/c"


def test_a_verb_that_a_place_cannot_do_says_so(tmp_path):
    """By name, as an error of this package that is also a NotImplementedError."""
    backend = ReadOnly()
    assert backend.get_text("x") == "text"
    with pytest.raises(UnsupportedVerbError, match="ReadOnly cannot `put`"):
        backend.put_text("x", "y")
    for verb in (backend.isfile, backend.isdir, backend.remove, backend.rmtree, backend.exists):
        with pytest.raises(NotImplementedError):
            verb("x")
    with pytest.raises(FileIOError):
        backend.generate_presigned_url("x")
