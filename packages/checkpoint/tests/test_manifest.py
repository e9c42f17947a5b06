import contextlib
import json
import os
import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from eng_checkpoint import (
    CheckpointError,
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
        {"epoch": float("inf")},
        {"iter": float("nan")},
        {"step": "10" * 3000},
        {"step": True},
        {"metrics": {"accuracy": "good"}},
        {"metrics": {"accuracy": None}},
        {"metrics": {"accuracy": 10**400}},
        {"metrics": [["a", 1]]},
        {"name": ["a.pth"]},
        {"name": "\ud800.pth"},
        {"xxh128": 7},
        {"kind": []},
        {"next": 3},
    ],
    ids=str,
)
def test_a_list_that_lies_is_refused(folder, changes):
    """Nothing outside the folder is looked at; the error names the file."""
    edit(folder, **changes)
    with pytest.raises(ManifestError, match=r"manifest\.json"):
        entries(folder)
    assert find_newest_valid(folder).path == folder / "a.pth"


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


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_a_list_that_is_no_file(folder, make):
    """Nobody waits for what will never come out of a pipe."""
    (folder / "manifest.json").unlink()
    make(folder / "manifest.json")
    with pytest.raises(ManifestError, match="is not a file"):
        entries(folder)
    assert find_newest_valid(folder).path == folder / "a.pth"
    commit(folder, "b.pth", {"n": 2}, epoch=0, iter=2, step=2)
    assert [entry.name for entry in entries(folder)] == ["b.pth"]


def test_metrics_that_are_not_finite_are_numbers(folder):
    """A loss that exploded is recorded as what it was."""
    commit(
        folder, "b.pth", {}, epoch=0, iter=2, step=2, metrics={"loss": float("inf"), "psnr": float("-inf")}
    )
    assert entries(folder)[-1].metrics == {"loss": float("inf"), "psnr": float("-inf")}


def json_values():
    leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=8,
    )


KEYS = ("name", "kind", "epoch", "iter", "step", "bytes", "xxh128", "metrics", "next")


@settings(max_examples=300, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(KEYS), json_values()), min_size=1, max_size=3), json_values())
def test_any_list_is_read_or_refused(folders, changes, other):
    """Whatever stands in it, the error is this package's, and the checkpoint beside it is found."""
    folder = folders()
    content = json.loads((folder / "manifest.json").read_text())
    (entry,) = content["entries"]
    for text in (
        json.dumps(content | {"entries": [entry | change for change in changes]}),
        json.dumps(content | {"entries": other}),
        json.dumps(other),
    ):
        (folder / "manifest.json").write_text(text, encoding="utf-8", errors="surrogatepass")
        with contextlib.suppress(ManifestError):
            entries(folder)
        with contextlib.suppress(CheckpointError):
            assert find_newest_valid(folder).path in (folder / "a.pth", None)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A function that gives a folder with one checkpoint, as it was when it was new."""
    folder = tmp_path_factory.mktemp("run")
    commit(folder, "a.pth", {"n": 1}, epoch=0, iter=1, step=1)
    whole = (folder / "manifest.json").read_bytes()

    def fresh():
        (folder / "manifest.json").write_bytes(whole)
        return folder

    return fresh


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
