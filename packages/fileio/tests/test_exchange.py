import os
import stat

import pytest

from eng_fileio import exchange, replace_directory, temporary_directory


def folder_with(path, text):
    path.mkdir()
    (path / "content").write_text(text)
    return path


@pytest.fixture(params=["exchange", "two renames"])
def system(request, monkeypatch):
    """A system that can exchange two names, and one that cannot."""
    if request.param == "two renames":
        monkeypatch.setattr(exchange, "_system_call", lambda: None)
    return request.param


def test_a_directory_takes_the_name_of_another(tmp_path, system):
    """And the old one is given back, under a temporary name."""
    old, new = folder_with(tmp_path / "a", "old"), folder_with(tmp_path / ".new", "new")
    left = replace_directory(new, old)
    assert (tmp_path / "a" / "content").read_text() == "new"
    assert (left / "content").read_text() == "old"
    assert sorted(os.listdir(tmp_path)) == sorted(["a", left.name])


def test_a_name_that_is_free_is_taken(tmp_path, system):
    """Nothing is left over."""
    assert replace_directory(folder_with(tmp_path / ".new", "new"), tmp_path / "a") is None
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize("make", ["file", "link", "dangling link"])
def test_a_file_or_a_link_is_replaced_and_not_followed(tmp_path, system, make):
    """What a link leads to stays as it is."""
    outside = folder_with(tmp_path / "outside", "precious")
    target = tmp_path / "a"
    if make == "file":
        target.write_text("file")
    else:
        target.symlink_to(outside if make == "link" else tmp_path / "none")
    replace_directory(folder_with(tmp_path / ".new", "new"), target)
    assert (target / "content").read_text() == "new"
    assert not target.is_symlink()
    assert (outside / "content").read_text() == "precious"


@pytest.mark.skipif(exchange._system_call() is None, reason="this system cannot exchange names")
def test_there_is_no_moment_without_the_name(tmp_path, monkeypatch):
    """Not one rename is asked for, between which the process could end."""
    old, new = folder_with(tmp_path / "a", "old"), folder_with(tmp_path / ".new", "new")
    monkeypatch.setattr(os, "rename", lambda *names: pytest.fail("a rename"))
    replace_directory(new, old)
    assert (tmp_path / "a" / "content").read_text() == "new"


def test_an_error_that_is_no_lack_of_the_system_is_raised(tmp_path, system):
    """With the number of the system."""
    folder_with(tmp_path / "a", "old")
    with pytest.raises(FileNotFoundError):
        replace_directory(tmp_path / "none", tmp_path / "a")
    if system == "exchange":
        assert (tmp_path / "a" / "content").read_text() == "old"


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_a_directory_has_the_rights_that_the_umask_leaves(tmp_path, umask):
    """As the files in it; one that takes the place of another has its rights."""
    before = os.umask(umask)
    try:
        with temporary_directory(tmp_path / "a") as temporary:
            assert stat.S_IMODE(temporary.stat().st_mode) == 0o777 & ~umask
        (tmp_path / "a").mkdir()
        (tmp_path / "a").chmod(0o750)
        with temporary_directory(tmp_path / "a") as temporary:
            assert stat.S_IMODE(temporary.stat().st_mode) == 0o750
    finally:
        os.umask(before)
