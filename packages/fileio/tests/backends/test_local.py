import errno
import os
import shutil
from pathlib import Path

import pytest

import eng_fileio as io


@pytest.fixture
def tree(tmp_path):
    for name in ["a.txt", "b.jpg", ".hidden", "dir1/c.txt", "dir2/d.jpg", "dir2/dir3/e.jpg", ".git/f.txt"]:
        io.put_text(name, tmp_path / "tree" / name)
    return tmp_path / "tree"


@pytest.mark.parametrize("kind", [str, Path])
def test_bytes_and_text(tmp_path, kind):
    """Put makes directories and replaces; get gives back the same."""
    path = kind(tmp_path / "new" / "file")
    io.put(b"1", path)
    io.put(memoryview(b"22"), path)
    assert io.get(path) == b"22"
    io.put_text("grün", path)
    assert io.get_text(path) == "grün"
    with io.get_local_path(path) as local:
        assert Path(local) == Path(path)
    assert io.isfile(path)


def test_questions(tree):
    """Files, directories and what is neither are told apart."""
    paths = [tree, tree / "a.txt", tree / "none"]
    assert [io.exists(p) for p in paths] == [True, True, False]
    assert [io.isdir(p) for p in paths] == [True, False, False]
    assert [io.isfile(p) for p in paths] == [False, True, False]
    assert io.join_path(tree, "x", "y") == str(tree / "x" / "y")


def test_copies(tree, tmp_path):
    """A file goes to a name or into a directory; a tree goes to a new name only."""
    assert io.copyfile(tree / "a.txt", tmp_path / "copy") == str(tmp_path / "copy")
    assert io.copyfile(tree / "a.txt", tmp_path) == str(tmp_path / "a.txt")
    with pytest.raises(shutil.SameFileError):
        io.copyfile(tree / "a.txt", tree / "a.txt")
    assert io.copytree(tree, tmp_path / "tree2") == str(tmp_path / "tree2")
    assert io.get_text(tmp_path / "tree2" / "dir2" / "dir3" / "e.jpg") == "dir2/dir3/e.jpg"
    with pytest.raises(FileExistsError):
        io.copytree(tree, tmp_path / "tree2")
    io.copyfile_from_local(tree / "a.txt", tmp_path / "f1")
    io.copyfile_to_local(tree / "a.txt", tmp_path / "f2")
    io.copytree_from_local(tree, tmp_path / "t1")
    io.copytree_to_local(tree, tmp_path / "t2")
    assert [io.exists(tmp_path / name) for name in ("f1", "f2", "t1", "t2")] == [True] * 4


def test_deleting(tree):
    """`remove` is for files and `rmtree` for directories."""
    io.remove(tree / "a.txt")
    with pytest.raises(FileNotFoundError):
        io.remove(tree / "a.txt")
    with pytest.raises(IsADirectoryError):
        io.remove(tree / "dir1")
    io.rmtree(tree)
    assert not io.exists(tree)


def test_links(tree, tmp_path):
    """True for a link, False for a copy where a link could not be made."""
    assert io.copy_if_symlink_fails(tree / "a.txt", tmp_path / "link") is True
    assert (tmp_path / "link").is_symlink()
    assert io.copy_if_symlink_fails(tree / "b.jpg", tmp_path / "link") is False
    assert io.get_text(tmp_path / "link") == "b.jpg"


def test_listing(tree):
    """Relative paths in order; hidden files are left out; directories, suffixes and depth as asked."""
    assert list(io.list_dir_or_file(tree)) == [".git", "a.txt", "b.jpg", "dir1", "dir2"]
    assert list(io.list_dir_or_file(tree, list_file=False)) == [".git", "dir1", "dir2"]
    assert list(io.list_dir_or_file(tree, list_dir=False)) == ["a.txt", "b.jpg"]
    assert list(io.list_dir_or_file(tree, list_dir=False, suffix=".jpg", recursive=True)) == [
        "b.jpg",
        "dir2/d.jpg",
        "dir2/dir3/e.jpg",
    ]
    everything = [
        ".git",
        ".git/f.txt",
        "a.txt",
        "b.jpg",
        "dir1",
        "dir1/c.txt",
        "dir2",
        "dir2/d.jpg",
        "dir2/dir3",
    ]
    assert list(io.list_dir_or_file(tree, recursive=True)) == [*everything, "dir2/dir3/e.jpg"]


def test_listing_refuses_at_the_call(tree):
    """Contradictions are raised before the first item is asked for."""
    with pytest.raises(TypeError, match="needs `list_dir=False`"):
        io.list_dir_or_file(tree, suffix=".jpg")
    with pytest.raises(TypeError, match="a str or a tuple"):
        io.list_dir_or_file(tree, list_dir=False, suffix=[".jpg"])


def test_a_copy_is_whole_or_not_there(tmp_path, monkeypatch):
    """When the disk is full half-way, what had the name before stays."""
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"new")
    target.write_bytes(b"old")

    def full(source, target, *rest):
        target.write(b"n")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", full)
    for copy in (io.copyfile, io.copyfile_from_local, io.copyfile_to_local):
        with pytest.raises(io.WriteError, match="target"):
            copy(source, target)
    assert target.read_bytes() == b"old"
    assert sorted(os.listdir(tmp_path)) == ["source", "target"]


def test_a_copy_has_the_permissions_of_the_original(tmp_path):
    """Also where it replaces a file; folders on the way are made."""
    source, target = tmp_path / "source", tmp_path / "new" / "target"
    source.write_bytes(b"#!/bin/sh")
    for mode in (0o755, 0o640):
        source.chmod(mode)
        io.copyfile(source, target)
        assert target.stat().st_mode & 0o777 == mode
