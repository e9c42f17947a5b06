"""Paths of this machine."""

import os
from pathlib import Path

import pytest
from mmengine.utils import (
    check_file_exist,
    fopen,
    is_abs,
    is_filepath,
    mkdir_or_exist,
    scandir,
    symlink,
)
from mmengine.utils.path import find_vcs_root


@pytest.fixture
def folder(tmp_path):
    """Files above and below, hidden ones, links."""
    for name in ("a.TXT", "b.txt", ".h.txt", "sub/c.json", "sub/.d.json", ".hidden/x.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "link").symlink_to(tmp_path / "sub")
    (tmp_path / "broken.txt").symlink_to(tmp_path / "nothing")
    return tmp_path


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["a.TXT", "b.txt"]),
        ({"recursive": True}, [".hidden/x.txt", "a.TXT", "b.txt", "link/c.json", "sub/c.json"]),
        ({"suffix": ".txt"}, ["b.txt"]),
        ({"suffix": ".TXT", "case_sensitive": False}, ["a.TXT", "b.txt"]),
        ({"suffix": (".TXT", ".json"), "recursive": True}, ["a.TXT", "link/c.json", "sub/c.json"]),
    ],
)
def test_the_files_in_a_folder(folder, options, expected):
    """What MMEngine 0.10.7 lists: no hidden files, no links to nowhere, but what is in hidden folders."""
    assert sorted(scandir(folder, **options)) == expected
    assert sorted(scandir(str(folder), **options)) == expected


def test_what_cannot_be_listed(tmp_path):
    """Wrong arguments fail at the call, a missing folder at the first file."""
    with pytest.raises(TypeError, match='"dir_path" must be a string or Path object'):
        scandir(123)
    with pytest.raises(TypeError, match='"suffix" must be a string or tuple of strings'):
        scandir(tmp_path, 111)
    with pytest.raises(FileNotFoundError):
        next(scandir(tmp_path / "nothing"))


def test_what_names_a_file():
    """Texts and paths, and only they are opened."""
    assert [is_filepath("a"), is_filepath(Path("a")), is_filepath(0)] == [True, True, False]
    with pytest.raises(ValueError, match="`filepath` should be a string or a Path"):
        fopen(3)


def test_a_file_is_opened(tmp_path):
    """With any arguments of `open`."""
    with fopen(tmp_path / "a", "w", encoding="utf-8") as file:
        file.write("ä")
    with fopen(str(tmp_path / "a"), encoding="utf-8") as file:
        assert file.read() == "ä"


def test_a_file_must_be_there(tmp_path):
    """A folder is no file."""
    check_file_exist(__file__)
    with pytest.raises(FileNotFoundError, match=r'file ".*" does not exist'):
        check_file_exist(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"^no x$"):
        check_file_exist("x", "no {}")


def test_folders_are_made(tmp_path, monkeypatch):
    """Those above too, in the home directory, twice without complaint; nothing for nothing."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for _ in range(2):
        mkdir_or_exist("~/a/b")
        mkdir_or_exist("")
    assert (tmp_path / "a/b").is_dir()


def test_a_link_replaces_what_was_there(tmp_path):
    """Unless it must not."""
    for name in ("one", "two"):
        (tmp_path / name).write_text(name)
    symlink(tmp_path / "one", tmp_path / "link")
    symlink(tmp_path / "two", tmp_path / "link")
    assert (tmp_path / "link").read_text() == "two"
    with pytest.raises(FileExistsError):
        symlink(tmp_path / "one", tmp_path / "link", overwrite=False)


def test_where_a_path_begins():
    """At a root of this machine, of the web, or of S3."""
    paths = ["/a", "a", "http://x", "https://x", "s3://b", Path("/a")]
    assert [is_abs(path) for path in paths] == [True, False, True, True, True, True]


def test_the_root_of_a_repository(folder):
    """Found from a folder or a file in it, and by other marks."""
    os.mkdir(folder / ".git")
    assert [find_vcs_root(str(folder / path)) for path in ("", "sub", "b.txt")] == [str(folder)] * 3
    assert find_vcs_root(folder / "sub", markers=("c.json",)) == str(folder / "sub")
    assert find_vcs_root(folder, markers=("no such mark",)) is None
