"""Saved by two processes, loaded by one, two and four; each test of several processes starts them itself."""

import json
import os
import pickle
import subprocess
import sys

import pytest
import torch

from eng_checkpoint import (
    CheckpointError,
    CorruptCheckpointError,
    NoValidCheckpoint,
    PlainDataError,
    StateMismatchError,
    UnsafeCheckpointError,
    commit_sharded,
    entries,
    find_newest_valid,
    load_file,
    load_sharded,
    prune,
)
from eng_checkpoint.testing import broken, changes
from eng_fileio import WriteError

PROGRAM = """
import os, signal, sys
import torch
from torch import distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Replicate, Shard, distribute_tensor
from eng_checkpoint import *
rank, world, port, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=world)
mesh = init_device_mesh("cpu", (world,))
def state(value, step):
    whole = torch.arange(24.0).reshape(8, 3) + value
    return {
        "model": {"w": distribute_tensor(whole, mesh, [Shard(0)]), "b": torch.full((5,), value)},
        "optimizer": {"m": [distribute_tensor(whole * 2, mesh, [Replicate()])], "groups": [{"lr": 0.1}]},
        "step": step,
    }
def save(value, step, **kwargs):
    return commit_sharded(folder, f"step_{step}", state(value, step), epoch=0, iter=step, step=step, **kwargs)
%s
dist.destroy_process_group()
sys.stderr.flush()
os._exit(0)  # torch's caches of meshes keep threads of gloo, which rarely outlive the end of the interpreter well
"""


def free_port():
    import socket

    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def run(world, folder, body, check=True):
    """The return codes and the error output of `world` processes."""
    port = str(free_port())
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM % body, str(rank), str(world), port, str(folder)],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        for rank in range(world)
    ]
    try:
        errors = [process.communicate(timeout=90)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
    codes = [process.returncode for process in processes]
    assert not check or codes == [0] * world, errors
    return codes, errors


LOAD = """
mine = state(-1.0, 0)
load_sharded(mine, folder + "/step_1")
expected = torch.arange(24.0).reshape(8, 3) + 7
assert mine["model"]["w"].full_tensor().equal(expected)
assert mine["model"]["w"].to_local().shape[0] == 8 // world
assert mine["optimizer"]["m"][0].full_tensor().equal(expected * 2)
assert mine["model"]["b"].eq(7).all() and mine["step"] == 1 and mine["optimizer"]["groups"] == [{"lr": 0.1}]
"""


WITHOUT_NUMPY = """
sys.modules["numpy"] = None
for act in (lambda: save(7.0, 1), lambda: load_sharded(state(1.0, 0), folder + "/step_1")):
    try:
        act()
    except CheckpointError as error:
        assert "pip install \\"eng-checkpoint[sharded]\\"" in str(error), error
    else:
        raise AssertionError("it went on")
"""


def test_numpy_is_asked_for_before_anybody_waits(tmp_path):
    """torch gathers the plan of several ranks through it."""
    run(1, tmp_path, WITHOUT_NUMPY)
    assert not list(tmp_path.iterdir())


def test_what_two_processes_saved(tmp_path):
    """Loads into two, and into one that knows nothing of the state; it stands in the same list as files."""
    run(2, tmp_path, "save(7.0, 1)\n" + LOAD)
    (entry,) = entries(tmp_path)
    assert sorted(os.listdir(tmp_path / "step_1")) == [".metadata", "__0_0.distcp", "__1_0.distcp"]
    assert find_newest_valid(tmp_path).path == tmp_path / "step_1"
    state = load_file(tmp_path / "step_1")
    assert state["model"]["w"].equal(torch.arange(24.0).reshape(8, 3) + 7)
    assert (state["step"], state["optimizer"]["groups"]) == (1, [{"lr": 0.1}])
    assert entry.bytes == sum(
        (tmp_path / "step_1" / f).stat().st_size for f in os.listdir(tmp_path / "step_1")
    )


@pytest.mark.slow
@pytest.mark.sweep
def test_four_processes_load_what_two_saved(tmp_path):
    """Each its own part, of another size than when it was saved."""
    run(2, tmp_path, "save(7.0, 1)")
    run(4, tmp_path, LOAD)


KILLED = """
save(7.0, 1)
from eng_checkpoint import shards
write = shards.write_shards
def killed(*args, **kwargs):
    write(*args, **kwargs)
    if rank == 1:
        os.kill(os.getpid(), signal.SIGKILL)
shards.write_shards = killed
save(8.0, 2)
"""


@pytest.mark.slow
@pytest.mark.sweep
def test_a_rank_that_dies_between_its_part_and_the_name(tmp_path):
    """The directory never gets its name, the checkpoint before stays the newest, and what is left is removed."""
    codes, _ = run(2, tmp_path, KILLED, check=False)
    assert codes[1] == -9
    assert codes[0] != 0
    assert find_newest_valid(tmp_path).path == tmp_path / "step_1"
    commit_sharded(tmp_path, "step_2", {"n": 2}, epoch=0, iter=2, step=2)
    assert sorted(os.listdir(tmp_path)) == ["last_checkpoint", "manifest.json", "step_1", "step_2"]


FAILING = """
from eng_checkpoint import shards
write = shards.write_shards
def full(*args, **kwargs):
    write(*args, **kwargs)
    if rank == 1:
        raise OSError(28, "No space left on device")
shards.write_shards = full
try:
    save(8.0, 2)
except CheckpointError as error:
    assert rank == 0 and "rank 1 could not save its part: OSError" in str(error), error
except OSError as error:
    assert rank == 1 and error.errno == 28
else:
    raise AssertionError("it was saved")
"""


@pytest.mark.slow
@pytest.mark.sweep
def test_an_error_on_one_rank_is_raised_on_all(tmp_path):
    """Named, and nothing is left in the folder."""
    run(2, tmp_path, FAILING)
    assert os.listdir(tmp_path) == []


@pytest.fixture
def single(tmp_path):
    """A directory that this process wrote alone."""
    state = {"w": torch.arange(6.0), "deep": {"list": [torch.ones(2), {"x": "text"}]}, "step": 3}
    commit_sharded(tmp_path, "one", state, epoch=0, iter=1, step=1)
    return tmp_path / "one"


def test_one_process_alone(single):
    """Needs no process group; plain loading and filling give the same."""
    loaded = load_file(single)
    assert loaded["w"].equal(torch.arange(6.0))
    assert loaded["deep"]["list"][1] == {"x": "text"}
    mine = {"w": torch.zeros(6), "deep": {"list": [torch.zeros(2), {"x": ""}]}, "step": 0}
    load_sharded(mine, single)
    assert mine["w"].equal(torch.arange(6.0))
    assert (mine["step"], mine["deep"]["list"][1]["x"]) == (3, "text")
    for other in ({"w": torch.zeros(7)}, {"none": torch.zeros(1)}):
        with pytest.raises(StateMismatchError, match="does not fit"):
            load_sharded(other, single)
    with pytest.raises(PlainDataError, match="`f`"):
        commit_sharded(single.parent, "two", {"f": print}, epoch=0, iter=1, step=1)


def test_the_same_name_again(single):
    """The new content takes the place of the old, and nothing else stays."""
    commit_sharded(single.parent, "one", {"w": torch.zeros(1)}, epoch=0, iter=2, step=2)
    assert load_file(single)["w"].numel() == 1
    assert sorted(os.listdir(single.parent)) == ["last_checkpoint", "manifest.json", "one"]


REPLACING = """
import sys
from eng_checkpoint import commit_sharded
for n in (1, 2):
    commit_sharded(sys.argv[1], "one", {"n": n}, epoch=0, iter=n, step=n)
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", ["exchange", "two renames"])
def test_a_kill_at_any_moment_of_a_replacement_leaves_one_that_is_whole(tmp_path, how):
    """Before each change of names that the second save makes, also where they cannot be exchanged."""
    program = (
        REPLACING
        if how == "exchange"
        else "from eng_fileio import exchange\nexchange._system_call = lambda: None" + REPLACING
    )
    command = [sys.executable, "-c", program]
    try:
        done = changes([*command, str(tmp_path / "listed")], tmp_path / "listed")
    except (RuntimeError, FileNotFoundError) as error:
        pytest.skip(f"a program cannot be traced here: {error}")
    calls = [one for one in done if one.call in {"rename", "renameat2", "rmdir"}]
    first = next(n for n, one in enumerate(calls) if "last_checkpoint" in one.target)
    second = calls[first + 1 :]
    assert ("renameat2" in {one.call for one in second}) == (how == "exchange")
    for number, at in enumerate(second):
        folder = tmp_path / f"{number}"
        broken([*command, str(folder)], at)
        found = find_newest_valid(folder)
        assert found.path == folder / "one", at
        assert load_file(found.path)["n"] in (1, 2)
        commit_sharded(folder, "one", {"n": 3}, epoch=0, iter=3, step=3)
        assert sorted(os.listdir(folder)) == ["last_checkpoint", "manifest.json", "one"]


def test_a_directory_that_has_lost_its_name_is_found_by_its_content(single, caplog):
    """The listed one, or the announced replacement; one that is neither stays what it is."""
    left = single.parent / ".one.tmp-00000000-1-00000000"
    single.rename(left)
    assert find_newest_valid(single.parent).path == single
    assert f"was found as {left.name}" in caplog.text
    single.rename(left)
    (left / "more").write_text("")
    with pytest.raises(NoValidCheckpoint, match="one: missing"):
        find_newest_valid(single.parent)
    (left / "more").unlink()
    commit_sharded(single.parent, "two", {"n": 2}, epoch=0, iter=2, step=2)
    assert [entry.name for entry in entries(single.parent) if (single.parent / entry.name).is_dir()] == [
        "one",
        "two",
    ]


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_a_directory_has_the_rights_of_the_files_in_it(tmp_path, umask):
    """Those that the umask leaves, so that colleagues can read what they may."""
    before = os.umask(umask)
    try:
        commit_sharded(tmp_path, "one", {"n": 1}, epoch=0, iter=1, step=1)
    finally:
        os.umask(before)
    assert (tmp_path / "one").stat().st_mode & 0o777 == 0o777 & ~umask
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "one").iterdir()} == {0o666 & ~umask}


@pytest.fixture
def small_disk(tmp_path):
    """A file system of a megabyte."""
    place = tmp_path / "small"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("this process may not mount")
    yield place
    subprocess.run(["umount", place], check=True)


@pytest.mark.parametrize("state", [{"w": torch.ones(1_000_000)}, {"text": "x" * 2_000_000}])
def test_a_full_disk_is_named(small_disk, state):
    """As for a file, with its numbers, and not by what torch complains of afterwards; what was saved before stays."""
    commit_sharded(small_disk, "one", {"n": 1}, epoch=0, iter=1, step=1)
    with pytest.raises(
        WriteError, match=r"No space left on device \(after [\d,]+ bytes, [\d,]+ bytes free there\)"
    ):
        commit_sharded(small_disk, "two", state, epoch=0, iter=2, step=2)
    assert sorted(os.listdir(small_disk)) == ["last_checkpoint", "manifest.json", "one"]
    assert load_file(small_disk / "one") == {"n": 1}


def test_old_directories_go_like_files(single):
    """Whole, and out of the list."""
    commit_sharded(single.parent, "two", {"n": 1}, epoch=0, iter=2, step=2)
    assert prune(single.parent, keep=1) == ["one"]
    assert not single.exists()
    assert sorted(os.listdir(single.parent)) == ["last_checkpoint", "manifest.json", "two"]


def test_damage_in_any_file_is_found(single, flip):
    """One bit, a missing or an additional file."""
    for path in sorted(single.iterdir()):
        whole = path.read_bytes()
        flip(path, len(whole) // 2)
        for load in (load_file, lambda where: load_sharded({}, where)):
            with pytest.raises(CorruptCheckpointError, match="another digest"):
                load(single)
        path.write_bytes(whole)
    (single / "more").write_text("")
    with pytest.raises(CorruptCheckpointError, match="another digest"):
        load_file(single)
    (single / "more").unlink()
    (single / ".metadata").unlink()
    with pytest.raises(CorruptCheckpointError, match="truncated"):
        load_file(single)
    with pytest.raises(CorruptCheckpointError, match="missing"):
        load_sharded({}, single.parent / "none")


def unlist(folder):
    """As a directory from elsewhere: no list vouches for its bytes."""
    (folder / "manifest.json").unlink()


def test_code_in_the_metadata_never_runs(single, payload):
    """It is built from the classes of the format alone, and must stay in its directory."""
    unlist(single.parent)
    metadata = pickle.loads((single / ".metadata").read_bytes())
    for field in ("planner_data", "storage_data"):
        changed = pickle.loads(pickle.dumps(metadata))
        setattr(changed, field, payload[0])
        (single / ".metadata").write_bytes(pickle.dumps(changed))
        for load in (load_file, lambda where: load_sharded({"w": torch.zeros(6)}, where)):
            with pytest.raises(UnsafeCheckpointError, match=r"io\.open"):
                load(single)
    next(iter(metadata.storage_data.values())).relative_path = "../../etc/passwd"
    (single / ".metadata").write_bytes(pickle.dumps(metadata))
    with pytest.raises(CorruptCheckpointError, match=r"points to '\.\./\.\./etc/passwd'"):
        load_file(single)
    for content in (b"", pickle.dumps([1]), b"nonsense"):
        (single / ".metadata").write_bytes(content)
        with pytest.raises(CorruptCheckpointError):
            load_file(single)
    assert not payload[1].exists()


def test_code_in_a_value_never_runs(tmp_path, payload):
    """Values are read as any other plain data."""
    import torch.distributed.checkpoint as dcp

    with pytest.warns(UserWarning, match="single process"):
        dcp.save({"w": torch.ones(2), "asks": payload[0]}, checkpoint_id=tmp_path / "one", no_dist=True)
    for load in (load_file, lambda where: load_sharded({"w": torch.ones(2), "asks": 0}, where)):
        with pytest.raises(UnsafeCheckpointError, match=r"`asks` .*io\.open"):
            load(tmp_path / "one")
    assert not payload[1].exists()


def test_a_list_that_lies_about_a_directory(single):
    """Its size and its digest are compared like those of a file."""
    manifest = single.parent / "manifest.json"
    content = json.loads(manifest.read_text())
    content["entries"][0]["bytes"] += 1
    manifest.write_text(json.dumps(content))
    with pytest.raises(CheckpointError, match="truncated"):
        load_file(single)
