"""Files that somebody else made: what is refused before it is read, and what any damage is called."""

import contextlib
import io
import subprocess
import sys
import zipfile

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from eng_checkpoint import (
    CheckpointError,
    CorruptCheckpointError,
    commit_sharded,
    find_newest_valid,
    load_checkpoint,
    load_file,
    load_sharded,
    load_weights,
    read_sharded,
    save_file,
)
from eng_checkpoint.untrusted import typed_errors


def packed_anew(
    content, compression=zipfile.ZIP_STORED, edit=lambda item: None, change=lambda content: content
):
    """The archive with the same members, written in another way."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(made, "w", compression) as new:
        for name in old.namelist():
            new.writestr(name, change(old.read(name)))
        for item in new.infolist():
            edit(item)
    return made.getvalue()


@pytest.fixture
def whole():
    """The bytes of a small checkpoint."""
    file = io.BytesIO()
    torch.save({"w": torch.zeros(10_000), "n": 1}, file)
    return file.getvalue()


def test_a_compressed_archive_is_refused_with_the_way_out(tmp_path, whole):
    """Reading it could take a thousand times its size; the advice makes a file that is read."""
    path = tmp_path / "model_1.pth"
    path.write_bytes(packed_anew(whole, zipfile.ZIP_DEFLATED))
    refusal = r"`archive/data.pkl` is compressed.* torch\.save\(torch\.load\(OLD, weights_only=True\), NEW\)"
    for load in (load_file, lambda path: load_weights(torch.nn.Linear(1, 1), path)):
        with pytest.raises(CheckpointError, match=refusal):
            load(path)
    (tmp_path / "model_0.pth").write_bytes(whole)
    found = find_newest_valid(tmp_path)
    assert (found.path.name, found.skipped[0].name) == ("model_0.pth", "model_1.pth")
    assert "is compressed" in found.skipped[0].reason
    torch.save(torch.load(path, weights_only=True), tmp_path / "new.pth")
    assert load_file(tmp_path / "new.pth")["n"] == 1


PEAK = """
import sys, resource
from eng_checkpoint import load_file, CheckpointError
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
before = peak()
try:
    load_file(sys.argv[1])
except CheckpointError:
    print(peak() - before)
"""


def test_nothing_is_inflated_before_it_is_refused(tmp_path):
    """A file of 200 KB that would be 200 MB."""
    file = io.BytesIO()
    torch.save({"w": torch.zeros(50_000_000)}, file)
    (tmp_path / "bomb.pth").write_bytes(packed_anew(file.getvalue(), zipfile.ZIP_DEFLATED))
    out = subprocess.run(
        [sys.executable, "-c", PEAK, tmp_path / "bomb.pth"], capture_output=True, text=True, check=True
    )
    assert int(out.stdout) < 50


def test_members_that_are_larger_than_the_file_are_refused(tmp_path, whole):
    """Many that lie on the same bytes are as much as their sum."""

    def lie(item):
        if item.filename.endswith("data/0"):
            item.file_size = item.compress_size = 10**9

    (tmp_path / "one.pth").write_bytes(packed_anew(whole, edit=lie))
    with pytest.raises(CheckpointError, match="its members are larger than itself"):
        load_file(tmp_path / "one.pth")


def test_a_value_of_a_sharded_checkpoint_is_refused_like_a_file(tmp_path):
    """Each tensor of a shard is an archive of its own."""
    commit_sharded(tmp_path, "one", {"w": torch.zeros(10_000), "n": 1}, epoch=0, iter=1, step=1)
    (tmp_path / "manifest.json").unlink()
    shard = tmp_path / "one" / "__0_0.distcp"
    content = shard.read_bytes()
    begins = [
        at
        for at in range(len(content))
        if content[at : at + 4] == b"PK\x03\x04" and content[at + 30 : at + 46] == b"archive/data.pkl"
    ]
    parts = [content[a:b] for a, b in zip(begins, [*begins[1:], len(content)], strict=True)]
    # the same length, since the metadata has the place of each
    packed = [packed_anew(part, zipfile.ZIP_DEFLATED) for part in parts]
    filled = [
        b"PK\x03\x04" + b"\0" * (len(part) - len(new) - 4) + new
        for part, new in zip(parts, packed, strict=True)
    ]
    shard.write_bytes(b"".join(filled))
    mine = {"w": torch.zeros(10_000), "n": 0}
    for load in (load_file, read_sharded, lambda path: load_sharded(mine, path)):
        with pytest.raises(CheckpointError, match="is compressed"):
            load(tmp_path / "one")


def test_a_mapped_file_is_the_same_state(tmp_path):
    """With what is tied; older forms of files, which cannot be mapped, are read."""
    weight = torch.rand(1000)
    state = {"a": weight, "b": weight.view(10, 100), "n": 3}
    save_file(state, tmp_path / "new.pth")
    torch.save(state, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    for name in ("new.pth", "old.pth"):
        loaded = load_file(tmp_path / name, mmap=True)
        assert loaded["a"].equal(weight)
        assert loaded["a"].data_ptr() == loaded["b"].data_ptr()
        loaded["a"].zero_()
        assert load_file(tmp_path / name)["a"].equal(weight)


RESIDENT = """
import os, sys
import torch
from eng_checkpoint import load_file, load_weights
def resident(): return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 2**20
model = torch.nn.Linear(1, 1)
before = resident()
if sys.argv[2] == "weights":
    load_weights(model, sys.argv[1])
else:
    state = load_file(sys.argv[1], mmap=sys.argv[2] == "mapped", verify="off")
print(resident() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is looked up in /proc")
def test_what_is_not_looked_at_takes_no_memory(tmp_path):
    """The optimizer's state in a file of which the weights are wanted; nothing of the file stays after that."""
    model = torch.nn.Linear(1, 1).state_dict()
    save_file({"state_dict": model, "optimizer": torch.ones(40_000_000)}, tmp_path / "one.pth")
    took = {}
    for how in ("read", "mapped", "weights"):
        command = [sys.executable, "-c", RESIDENT, str(tmp_path / "one.pth"), how]
        took[how] = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert took["read"] > 140
    assert took["mapped"] < 40
    assert took["weights"] < 40


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_tensors_of_a_device_that_is_not_here_are_no_damage(tmp_path, whole):
    """The error says how to read the file."""
    file = io.BytesIO()
    torch.save({"w": torch.ones(1)}, file)
    as_of_cuda = [b"X\x03\0\0\0cpu", b"X\x06\0\0\0cuda:0"]
    made = packed_anew(file.getvalue(), change=lambda content: content.replace(*as_of_cuda))
    (tmp_path / "one.pth").write_bytes(made)
    with pytest.raises(
        CheckpointError, match="device that this machine does not have: map_location='cpu'"
    ) as raised:
        load_checkpoint(torch.nn.Linear(1, 1), tmp_path / "one.pth")
    assert not isinstance(raised.value, CorruptCheckpointError)
    assert load_file(tmp_path / "one.pth")["w"].equal(torch.ones(1))


def test_a_full_device_is_no_damage(tmp_path):
    """A run must not fall back to older checkpoints since this one does not fit on the accelerator."""
    save_file({"w": torch.ones(1)}, tmp_path / "one.pth")

    def full(storage, place):
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(torch.OutOfMemoryError):
        load_file(tmp_path / "one.pth", map_location=full)


@pytest.mark.parametrize(
    "error", [OverflowError, MemoryError, AttributeError, KeyError, zipfile.BadZipFile, UnicodeError]
)
def test_whatever_a_reader_raises_is_damage(error):
    """Of this package, with the path."""
    with pytest.raises(CorruptCheckpointError, match=r"a\.pth is damaged: \w+"), typed_errors("a.pth"):
        raise error


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    """A file to write to, and the bytes of a checkpoint of each kind."""
    folder = tmp_path_factory.mktemp("fuzz")
    kinds = {}
    state = {"w": torch.arange(6.0), "deep": {"list": [torch.ones(2, 2), 1.5, "text"]}}
    for suffix in ("pth", "safetensors"):
        save_file(state if suffix == "pth" else {"w": state["w"]}, folder / f"a.{suffix}")
        kinds[suffix] = (folder / f"a.{suffix}").read_bytes()
    return folder, kinds


@settings(max_examples=150, deadline=5000)
@given(st.data())
def test_any_bytes_are_read_or_refused(target, data):
    """Changed, cut, put twice: a state comes out, or an error of this package, soon."""
    folder, kinds = target
    suffix = data.draw(st.sampled_from(sorted(kinds)))
    content = bytearray(kinds[suffix])
    for _ in range(data.draw(st.integers(0, 6))):
        at = data.draw(st.integers(0, max(0, len(content) - 1)))
        size = data.draw(st.integers(0, 8))
        content[at : at + size] = data.draw(st.binary(max_size=8))
    content = content[: data.draw(st.integers(0, len(content))) if data.draw(st.booleans()) else None]
    path = folder / f"b.{suffix}"
    path.write_bytes(content)
    for options in ({"verify": "off"}, {"mmap": True, "verify": "off"}, {}):
        with contextlib.suppress(CheckpointError):
            assert isinstance(load_file(path, **options), dict)
