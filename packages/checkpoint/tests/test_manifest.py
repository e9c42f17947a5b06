import json
import subprocess
import sys

import pytest
import torch

from eng_checkpoint import (
    ManifestError,
    NoValidCheckpoint,
    commit,
    entries,
    find_newest_valid,
    load_file,
    prune,
)


@pytest.fixture
def folder(tmp_path):
    commit(tmp_path, "a.pth", {"n": 1}, epoch=0, iter=1, step=1)
    return tmp_path


def edit(folder, **changes):
    content = json.loads((folder / "manifest.json").read_text())
    content["entries"][0].update(changes)
    (folder / "manifest.json").write_text(json.dumps(content))


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "../../etc/x"},
        {"name": "/etc/passwd"},
        {"bytes": -1},
        {"bytes": "many"},
        {"xxh128": "zz"},
        {"kind": "other"},
        {"next": {"name": "../x", "bytes": 1, "xxh128": "0" * 32}},
        {"epoch": None},
    ],
    ids=str,
)
def test_a_list_that_lies_is_refused(folder, changes):
    """Nothing outside the folder is looked at; the error names the file."""
    edit(folder, **changes)
    with pytest.raises(ManifestError, match=r"manifest\.json"):
        entries(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 99}', '{"entries": []}', "[" * 100_000, "\xff"])
def test_a_list_that_cannot_be_read(folder, text):
    """Damaged, of a later format, or made to break the reader."""
    (folder / "manifest.json").write_text(text, encoding="latin1")
    with pytest.raises(ManifestError):
        entries(folder)


def test_a_list_of_a_million_is_not_read(folder):
    """Its size alone tells that it is none of ours."""
    with open(folder / "manifest.json", "r+b") as file:
        file.truncate(65 << 20)
    with pytest.raises(ManifestError, match="larger than"):
        entries(folder)


def test_a_changed_digest_or_size_is_noticed(folder):
    """The file is not what its entry says."""
    edit(folder, xxh128="0" * 32)
    with pytest.raises(Exception, match="another digest"):
        load_file(folder / "a.pth")
    edit(folder, bytes=7)
    with pytest.raises(Exception, match="too long"):
        load_file(folder / "a.pth")


def test_a_damaged_list_does_not_lose_the_checkpoints(folder, caplog):
    """They are found by their names and their own checksums, with a warning."""
    (folder / "manifest.json").write_text("{")
    found = find_newest_valid(folder)
    assert (found.path, found.entry) == (folder / "a.pth", None)
    assert [item.name for item in found.skipped] == ["manifest.json"]
    assert "was not verified" in caplog.text


@pytest.mark.parametrize("text", ["", "{", '{"format": 99, "entries": []}'])
def test_a_damaged_list_does_not_end_a_run(folder, caplog, text):
    """It steps aside, nothing of it is lost, and what is saved from here on is in a new one."""
    (folder / "manifest.json").write_text(text)
    assert prune(folder, keep=1) == []
    commit(folder, "b.pth", {"n": 2}, epoch=0, iter=2, step=2)
    assert [entry.name for entry in entries(folder)] == ["b.pth"]
    (aside,) = folder.glob("manifest.json.corrupt-*")
    assert aside.read_text() == text
    assert aside.name in caplog.text
    assert load_file(folder / "a.pth") == {"n": 1}
    (folder / "b.pth").write_bytes(b"half")
    found = find_newest_valid(folder)
    assert (found.path, found.skipped[0].name) == (folder / "a.pth", "b.pth")


def test_what_is_not_in_a_whole_list_is_not_resumed_from(folder):
    """A list that was never damaged has all there is; other files are somebody else's."""
    torch.save({"n": 5}, folder / "pretrained_5.pth")
    (folder / "a.pth").write_bytes(b"half")
    with pytest.raises(NoValidCheckpoint):
        find_newest_valid(folder)


SAVING = """
import sys
from eng_checkpoint import commit
for n in range(10):
    commit(sys.argv[1], f"{sys.argv[2]}_{n}.pth", {}, epoch=0, iter=n, step=n)
"""


def test_two_processes_and_one_list(tmp_path):
    """Each entry of both is in it."""
    both = [subprocess.Popen([sys.executable, "-c", SAVING, str(tmp_path), name]) for name in ("a", "b")]
    assert [process.wait(60) for process in both] == [0, 0]
    assert len(entries(tmp_path)) == 20
