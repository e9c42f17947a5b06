import json
import os
from pathlib import Path

import pytest

from eng_checkpoint import ManifestError, commit, entries, find_latest_checkpoint, load_file


def names(folder):
    return [entry.name for entry in entries(folder)]


def test_the_list_tells_what_was_saved(tmp_path):
    """Position, size, digest and metrics, in the order of the commits; the hint names the newest regular one."""
    first = commit(tmp_path / "run", "a.pth", {"n": 1}, epoch=1, iter=10, step=5, metrics={"acc": 0.5})
    best = commit(tmp_path / "run", "best.pth", {"n": 1}, kind="best", epoch=1, iter=10, step=5)
    assert entries(tmp_path / "run") == (first, best)
    assert (first.epoch, first.iter, first.step, first.metrics, first.kind) == (
        1,
        10,
        5,
        {"acc": 0.5},
        "regular",
    )
    assert first.bytes == (tmp_path / "run" / "a.pth").stat().st_size
    assert find_latest_checkpoint(tmp_path / "run") == str(tmp_path / "run" / "a.pth")
    assert find_latest_checkpoint(tmp_path) is None


def test_a_name_that_is_used_again_moves_to_the_end(tmp_path):
    """It is listed once, with its new content."""
    for n, name in enumerate(["a.pth", "b.pth", "a.pth"]):
        commit(tmp_path, name, {"n": n}, epoch=0, iter=n, step=n)
    assert names(tmp_path) == ["b.pth", "a.pth"]
    assert load_file(tmp_path / "a.pth") == {"n": 2}
    assert entries(tmp_path)[1].next is None


def test_between_the_rename_and_the_list_both_contents_are_right(tmp_path):
    """A replacement is announced first, so a kill at any moment leaves a file that its entry accepts."""
    old = commit(tmp_path, "a.pth", {"n": 1}, epoch=0, iter=1, step=1)
    content = (tmp_path / "a.pth").read_bytes()
    new = commit(tmp_path, "a.pth", {"n": 2}, epoch=0, iter=2, step=2)
    listed = json.loads((tmp_path / "manifest.json").read_text())
    replacement = {"name": "a.pth", "bytes": new.bytes, "xxh128": new.xxh128}
    listed["entries"] = [
        {**listed["entries"][0], "bytes": old.bytes, "xxh128": old.xxh128, "next": replacement}
    ]
    (tmp_path / "manifest.json").write_text(json.dumps(listed))
    assert load_file(tmp_path / "a.pth") == {"n": 2}
    (tmp_path / "a.pth").write_bytes(content)
    assert load_file(tmp_path / "a.pth") == {"n": 1}


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../a",
        "/a",
        "a/b",
        "a\\b",
        "a\0b",
        "a\nb",
        ".hidden",
        "x" * 300,
        "manifest.json",
        "last_checkpoint",
    ],
)
def test_names_that_would_leave_the_folder(tmp_path, name):
    """Or break its list: refused, and nothing is written anywhere."""
    with pytest.raises(ManifestError):
        commit(tmp_path / "run", name, {}, epoch=0, iter=0, step=0)
    assert os.listdir(tmp_path) == []


def test_leftovers_of_killed_writers_go_with_the_next_save(tmp_path):
    """Those of this machine whose process is gone."""
    commit(tmp_path, "a.pth", {}, epoch=0, iter=0, step=0)
    from eng_fileio import temporary_name

    (left := Path(temporary_name(tmp_path / "b.pth"))).write_bytes(b"half")
    commit(tmp_path, "b.pth", {}, epoch=0, iter=0, step=0)
    assert not left.exists()
