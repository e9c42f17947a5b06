"""The same verbs on file systems of fsspec: one in memory, one on the disk."""

import importlib.util
import uuid

import pytest

import eng_fileio as io

pytestmark = pytest.mark.skipif(importlib.util.find_spec("fsspec") is None, reason="the extra `remote`")


@pytest.fixture(params=["memory", "file"])
def root(request, tmp_path):
    return f"memory://{uuid.uuid4()}" if request.param == "memory" else f"file://{tmp_path}/root"


def test_the_verbs(root, tmp_path):
    """Writing, asking, listing, copying and deleting do what they do on the local disk."""
    io.put_text("grün", f"{root}/deep/a.txt")
    io.put(b"b", io.join_path(root, "deep", "b.bin"))
    assert io.get_text(f"{root}/deep/a.txt") == "grün"
    assert (io.isfile(f"{root}/deep"), io.isdir(f"{root}/deep"), io.exists(f"{root}/x")) == (
        False,
        True,
        False,
    )
    assert list(io.list_dir_or_file(root, recursive=True)) == ["deep", "deep/a.txt", "deep/b.bin"]
    assert list(io.list_dir_or_file(root, list_dir=False, suffix=".txt", recursive=True)) == ["deep/a.txt"]
    assert io.copyfile(f"{root}/deep/b.bin", f"{root}/c.bin") == f"{root}/c.bin"
    io.copytree_to_local(root, tmp_path / "out")
    assert (tmp_path / "out" / "deep" / "b.bin").read_bytes() == b"b"
    io.copytree_from_local(tmp_path / "out", f"{root}/back")
    assert io.get(f"{root}/back/c.bin") == b"b"
    io.remove(f"{root}/c.bin")
    with pytest.raises(FileNotFoundError):
        io.remove(f"{root}/c.bin")
    with pytest.raises(IsADirectoryError):
        io.remove(f"{root}/deep")
    io.rmtree(f"{root}/deep")
    assert not io.exists(f"{root}/deep/a.txt")


def test_formats_and_lists(root):
    """`load`, `dump` and the lists take the same URLs."""
    io.dump({"a": 1}, f"{root}/a.json")
    assert io.load(f"{root}/a.json") == {"a": 1}
    io.put_text("x\ny\n", f"{root}/names.txt")
    assert io.list_from_file(f"{root}/names.txt") == ["x", "y"]
    with io.get_local_path(f"{root}/a.json") as path:
        assert io.load(path) == {"a": 1}


def test_paths_are_mapped():
    """A part of every path may stand for another place."""
    backend = io.get_file_backend(
        "s3://data/x", backend_args={"backend": "petrel", "path_mapping": {"s3://": "memory://"}}
    )
    backend.put(b"1", "s3://data/x")
    assert io.get("memory://data/x") == b"1"


def test_what_the_place_cannot_do():
    """A signed URL of memory is nothing; an unknown prefix is not guessed."""
    with pytest.raises(io.UnsupportedVerbError, match="generate_presigned_url"):
        io.generate_presigned_url("memory://x")
    with pytest.raises(KeyError, match="fsspec does not know it either"):
        io.get("nosuchplace://x")
