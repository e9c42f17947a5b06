import contextlib
import os
import random
import re
import resource
import signal
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
import xxhash

import eng_fileio
from eng_checkpoint import (
    CheckpointError,
    CorruptCheckpointError,
    PlainDataError,
    UnsafeCheckpointError,
    commit,
    entries,
    file,
    find_newest_valid,
    load_checkpoint,
    load_file,
    save_file,
)
from eng_checkpoint.verify import digest
from eng_fileio import WriteError


def state(size=1000):
    generator = torch.Generator().manual_seed(1)
    return {"weight": torch.rand(size, generator=generator), "step": 3}


def test_what_is_saved_is_loaded(tmp_path):
    """And the size and the digest are those of the file."""
    info = save_file(state(), tmp_path / "deep" / "file.pth")
    loaded = load_file(tmp_path / "deep" / "file.pth")
    assert loaded["weight"].equal(state()["weight"])
    assert info.bytes == (tmp_path / "deep" / "file.pth").stat().st_size
    content = (tmp_path / "deep" / "file.pth").read_bytes()
    assert info.xxh128 == xxhash.xxh3_128_hexdigest(content) == digest(tmp_path / "deep" / "file.pth").xxh128


def test_shared_memory_is_written_once(tmp_path):
    """Tied weights are one in the file and after loading."""
    weight = torch.rand(10_000)
    info = save_file({"a": weight, "b": weight.view(100, 100)}, tmp_path / "file")
    assert info.bytes < 1.1 * 40_000
    loaded = load_file(tmp_path / "file")
    assert loaded["a"].data_ptr() == loaded["b"].data_ptr()


@pytest.mark.parametrize("manifest", [True, False])
def test_a_flipped_bit_anywhere_is_found(tmp_path, flip, manifest):
    """By the digest in the manifest, or in the tensors by the checksums inside the file."""
    commit(tmp_path, "one.pth", state(), epoch=0, iter=0, step=0)
    path = tmp_path / "one.pth"
    whole = path.read_bytes()
    begin = whole.index(bytes(state()["weight"].untyped_storage()))
    end = begin + 4000
    if not manifest:
        (tmp_path / "manifest.json").unlink()
    places = random.Random(0).sample(range(0 if manifest else begin, len(whole) if manifest else end), 40)
    for place in places:
        path.write_bytes(whole)
        flip(path, place, place % 8)
        with pytest.raises(CheckpointError, match=r"one\.pth"):
            load_file(path)
    path.write_bytes(whole)
    assert load_file(path)["step"] == 3


@pytest.mark.parametrize("manifest", [True, False])
def test_a_file_cut_anywhere_is_found(tmp_path, manifest):
    """An empty one as well as one whose last byte is missing."""
    commit(tmp_path, "one.pth", state(), epoch=0, iter=0, step=0)
    path = tmp_path / "one.pth"
    whole = path.read_bytes()
    if not manifest:
        (tmp_path / "manifest.json").unlink()
    for length in [0, 1, 50, len(whole) // 2, len(whole) - 100, len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(CorruptCheckpointError):
            load_file(path)


def test_how_closely_a_file_is_looked_at(tmp_path, flip):
    """`size` sees a cut, `off` nothing, and torch what it cannot read."""
    commit(tmp_path, "one.pth", state(), epoch=0, iter=0, step=0)
    path = tmp_path / "one.pth"
    flip(path, path.read_bytes().index(bytes(state()["weight"].untyped_storage())) + 5, 7)
    assert not load_file(path, verify="size")["weight"].equal(state()["weight"])
    assert not load_file(path, verify="off")["weight"].equal(state()["weight"])
    with pytest.raises(CorruptCheckpointError, match="another digest"):
        load_file(path)


def resumed(folder):
    """As a loop resumes: the newest of a folder, read."""
    return load_file(find_newest_valid(folder).path)


def test_code_never_runs(unsafe_files, payload, model):
    """Not from any form of file, not by any door; the error names what the file asks for."""
    bare = unsafe_files[2]
    with pytest.raises(eng_fileio.UnsafePickleError, match=r"_?io\.open"):
        eng_fileio.load(bare, file_format="pkl")
    for path in unsafe_files:
        doors = (load_file, lambda path: load_checkpoint(model, path), lambda path: resumed(path.parent))
        for load in doors:
            with pytest.raises(UnsafeCheckpointError, match="trust=True") as raised:
                load(path)
            assert raised.value.name in {"io.open", "_io.open"}
    assert not payload[1].exists()


def test_trust_is_explicit_logged_and_for_one_call(unsafe_files, payload, caplog):
    """It works, it is seen in the log, and the next call is as careful as the one before."""
    allowed = set(torch.serialization.get_safe_globals())
    load_file(unsafe_files[0], trust=True)["state_dict"]["weight"].close()
    assert payload[1].exists()
    assert "is loaded with trust" in caplog.text
    with pytest.raises(UnsafeCheckpointError):
        load_file(unsafe_files[0])
    assert set(torch.serialization.get_safe_globals()) == allowed


def test_threads_load_side_by_side(tmp_path, unsafe_files):
    """The stand-ins for one thread's file open no door for another one's."""
    reference = os.path.join(os.path.dirname(__file__), "data", "reference_0.10.7.pth")

    allowed = set(torch.serialization.get_safe_globals())

    def unsafe():
        with pytest.raises(UnsafeCheckpointError):
            load_file(unsafe_files[0])

    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(load_file, reference) if n % 2 else pool.submit(unsafe) for n in range(20)]
        for job in jobs:
            job.result()
    assert set(torch.serialization.get_safe_globals()) == allowed


def test_a_file_that_is_no_checkpoint(tmp_path):
    """Whatever it is, the error is this package's and names it."""
    torch.save([1, 2], tmp_path / "list.pth")
    (tmp_path / "text.pth").write_text("hello, this is text")
    for name, kind in {"list.pth": CheckpointError, "text.pth": CorruptCheckpointError}.items():
        with pytest.raises(kind, match=name):
            load_file(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        load_file(tmp_path / "none.pth")


def test_what_is_not_plain_leaves_nothing(tmp_path):
    """It is refused before a file is begun."""
    with pytest.raises(PlainDataError, match=r"`hook.fn`"):
        save_file({"weight": torch.ones(3), "hook": {"fn": print}}, tmp_path / "file")
    assert os.listdir(tmp_path) == []


@contextlib.contextmanager
def file_limit(size):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("limit", [0, 10, 1000, 100_000, 399_000, 400_500])
def test_a_write_that_fails_at_any_byte(tmp_path, limit):
    """One error with path and numbers, what was committed before stays the newest, and later all is well."""
    commit(tmp_path, "old.pth", {"n": 1}, epoch=0, iter=1, step=1)
    with file_limit(limit), pytest.raises(WriteError, match=r"File too large .*new\.pth") as raised:
        save_file(state(100_000), tmp_path / "new.pth")
    assert (raised.value.needed, raised.value.filename) == (400_000, str(tmp_path / "new.pth"))
    assert sorted(os.listdir(tmp_path)) == ["last_checkpoint", "manifest.json", "old.pth"]
    save_file(state(100_000), tmp_path / "new.pth")


@pytest.fixture
def small_disk(tmp_path):
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("this process may not mount")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_full_disk(small_disk):
    """Said before the first byte where the size tells, at the byte that did not fit otherwise; then it goes on."""
    commit(small_disk, "one.pth", state(100_000), epoch=0, iter=1, step=1)
    with pytest.raises(WriteError, match=r"after 0 of 800,000 bytes, [\d,]+ bytes free there") as raised:
        commit(small_disk, "two.pth", state(200_000), epoch=0, iter=2, step=2)
    assert raised.value.free < raised.value.needed == 800_000
    with pytest.raises(WriteError, match=r"No space left"):
        commit(small_disk, "two.pth", {"text": "x" * 900_000}, epoch=0, iter=2, step=2)
    assert sorted(os.listdir(small_disk)) == ["last_checkpoint", "manifest.json", "one.pth"]
    (small_disk / "one.pth").unlink()
    commit(small_disk, "two.pth", state(200_000), epoch=0, iter=2, step=2)
    assert load_file(small_disk / "two.pth")["step"] == 3


def test_a_disk_that_becomes_read_only(small_disk):
    """One error with the path; what is there can be read; writable again, the run goes on."""
    commit(small_disk, "one.pth", state(), epoch=0, iter=1, step=1)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    try:
        with pytest.raises(WriteError, match=r"Read-only file system .*two\.pth"):
            commit(small_disk, "two.pth", state(), epoch=0, iter=2, step=2)
        assert find_newest_valid(small_disk).entry.name == "one.pth"
    finally:
        subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
    commit(small_disk, "two.pth", state(), epoch=0, iter=2, step=2)
    assert find_newest_valid(small_disk).entry.name == "two.pth"


def test_a_slow_save_is_warned_of(tmp_path, monkeypatch, caplog):
    """With the path and the speed, for somebody to look at the storage."""
    monkeypatch.setattr("eng_checkpoint.slow_save._SLOW_SECONDS", 0.0)
    monkeypatch.setattr("eng_checkpoint.slow_save._SLOW_BYTES_PER_SECOND", 1e15)
    save_file(state(), tmp_path / "one.pth")
    assert re.search(r"one\.pth took \d+\.\d s to be written: \d+\.\d MB/s", caplog.text)


def test_a_read_only_folder(tmp_path):
    """Is named; what is in it stays."""
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(WriteError, match=r"file/one\.pth"):
        save_file(state(), tmp_path / "file" / "one.pth")


def interrupt(limit):
    """A file to write to that is interrupted after so many bytes."""

    class Interrupting(file._HashingFile):
        def write(self, data):
            if self.bytes > limit:
                raise KeyboardInterrupt
            return super().write(data)

    return Interrupting


@pytest.mark.parametrize("limit", [-1, 100, 10_000])
def test_an_interruption_leaves_nothing(tmp_path, monkeypatch, limit):
    """Ctrl-C in the middle of the bytes comes out as it is, though torch has more to say: no name, no leftover."""
    monkeypatch.setattr("eng_checkpoint.file._HashingFile", interrupt(limit))
    with pytest.raises(KeyboardInterrupt):
        save_file({"a": torch.ones(10_000), "b": torch.ones(10_000)}, tmp_path / "file.pth")
    assert os.listdir(tmp_path) == []


def test_an_error_that_is_handled_meanwhile_is_not_raised_again(tmp_path, monkeypatch):
    """Saving in an `except` block is common; its own failure is what comes out."""

    def broken(state, file, **options):
        raise RuntimeError("mine")

    monkeypatch.setattr(torch, "save", broken)
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt:
        with pytest.raises(RuntimeError, match="mine"):
            save_file(state(), tmp_path / "file.pth")


@pytest.mark.parametrize("name", ["ü ñ", 'a"b', "a'b", "50%", "a#b?c", "{step}", "a::b", "$HOME"])
def test_folders_of_any_name(tmp_path, name):
    """Odd characters in a path need no care of the caller."""
    commit(tmp_path / name, f"{name}.pth", state(), epoch=0, iter=1, step=1)
    assert load_file(tmp_path / name / f"{name}.pth")["step"] == 3
    assert [entry.name for entry in entries(tmp_path / name)] == [f"{name}.pth"]


def test_a_hundred_saves_leave_nothing_open(tmp_path):
    """Neither files nor threads."""
    commit(tmp_path, "one.pth", state(), epoch=0, iter=0, step=0)
    before = len(os.listdir("/proc/self/fd")), threading.active_count()
    for n in range(100):
        commit(tmp_path, "one.pth", {"n": n}, epoch=0, iter=n, step=n)
        load_file(tmp_path / "one.pth")
    assert (len(os.listdir("/proc/self/fd")), threading.active_count()) == before


@pytest.mark.parametrize("state", [[torch.ones(1)], None, torch.ones(1)])
def test_what_is_no_dict_is_refused_at_save(tmp_path, state):
    """And not by the loading, when it is too late."""
    with pytest.raises(PlainDataError, match="no dict"):
        save_file(state, tmp_path / "state.pth")
    assert os.listdir(tmp_path) == []


def test_a_slip_in_verify_is_an_error(tmp_path):
    """It must not mean a weaker look."""
    save_file({"a": 1}, tmp_path / "one.pth")
    with pytest.raises(ValueError, match="'full', 'size' or 'off', not 'ful'"):
        load_file(tmp_path / "one.pth", verify="ful")


def test_a_folder_of_checkpoints_is_no_checkpoint(tmp_path):
    """The error says what reads its newest."""
    commit(tmp_path, "one.pth", {}, epoch=0, iter=1, step=1)
    with pytest.raises(CheckpointError, match=r"Checkpoints\(.*\)\.load\(\)"):
        load_file(tmp_path)


@pytest.mark.parametrize("content", [b"", b"x", b"some text"])
def test_what_is_no_checkpoint_is_told_in_words(tmp_path, content):
    """Where torch has nothing to say, too."""
    (tmp_path / "one.pth").write_bytes(content)
    with pytest.raises(CorruptCheckpointError, match=r"is damaged: \w+ \w+"):
        load_file(tmp_path / "one.pth")


def test_the_digest_is_of_the_file(tmp_path):
    """Tensors in place, copies that torch frees, pieces of every size, and a table of contents of more than one."""
    saved = {
        "history": list(range(100_000)),
        "large": torch.rand(700_001),
        "sparse": torch.eye(500).to_sparse(),
        **{f"w{n}": torch.rand(10**n) for n in range(6)},
    }
    info = save_file(saved, tmp_path / "one.pth")
    assert info == digest(tmp_path / "one.pth")
    assert load_file(tmp_path / "one.pth")["large"].equal(saved["large"])


def test_a_pipe_is_no_checkpoint(tmp_path):
    """Nobody waits for what will never come out of it."""
    os.mkfifo(tmp_path / "one.pth")
    with pytest.raises(CheckpointError, match="a device, a pipe or a socket"):
        load_file(tmp_path / "one.pth")
