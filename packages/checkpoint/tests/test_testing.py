"""The fault kit on the package itself: every place to be stopped at, and every power cut, in a run of saves."""

import inspect
import shutil
import subprocess
import sys
import textwrap
import time

import pytest

from eng_checkpoint import NoValidCheckpoint, commit, entries, find_newest_valid, load_file
from eng_checkpoint.testing import Change, PowerCut, broken, changes, power_cuts, violations

RUN = """
import sys
from eng_checkpoint import commit, prune, find_newest_valid
folder = sys.argv[1]
entry = find_newest_valid(folder).entry
first = 1 if entry is None else entry.step + 1
for n in range(first, first + 3):
    commit(folder, f"{n}.pth", {"n": [n] * 10}, epoch=0, iter=n, step=n)
    print(n, flush=True)
    commit(folder, "best.pth", {"n": [n]}, kind="best", epoch=0, iter=n, step=n)
    prune(folder, keep=1)
"""

SWEEP = [pytest.mark.slow, pytest.mark.sweep]

traced = pytest.mark.skipif(
    shutil.which("strace") is None
    or subprocess.run(["strace", "--seccomp-bpf", "-f", "true"], capture_output=True, check=False).returncode
    != 0,
    reason="this machine does not let a process be traced",
)


def command(folder):
    return [sys.executable, "-c", RUN, str(folder)]


def assert_nothing_is_lost(folder, said):
    """What was said to be saved is there, whole, or something newer."""
    last = max(map(int, said.split()), default=0)
    found = find_newest_valid(folder)
    if last:
        assert found.path is not None
    if found.path is not None:
        n = load_file(found.path)["n"][0]
        assert n >= last
        assert load_file(found.path)["n"] == [n] * 10
    for entry in entries(folder):
        if entry.kind == "best":
            assert load_file(folder / entry.name)["n"]


@pytest.fixture(scope="module")
def listed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("listed") / "run"
    return changes(command(folder), folder), folder


@traced
def test_every_power_cut_leaves_what_was_acknowledged(listed, tmp_path):
    """Dozens of states, each with the newest acknowledged checkpoint or a newer one, whole."""
    done, folder = listed
    cuts = list(power_cuts(done, folder))
    assert len(cuts) > 60
    for number, cut in enumerate(cuts):
        cut.write_to(place := tmp_path / str(number))
        place.mkdir(exist_ok=True)
        assert_nothing_is_lost(place, cut.said)
        shutil.rmtree(place)


def careless(folder):
    """As many programs save: in place, without a flush, the old one deleted first."""
    code = (
        "import os, sys\n"
        "for n in '12':\n"
        "    with open(f'{sys.argv[1]}/{n}', 'w') as file: file.write(n)\n"
        "    if n == '2': os.unlink(f'{sys.argv[1]}/1')\n"
        "    print(n, flush=True)\n"
    )
    return [sys.executable, "-c", code, str(folder)]


@traced
def test_the_kit_sees_what_is_wrong(tmp_path):
    """A program without a flush may lose everything that it said was saved."""
    cuts = list(power_cuts(changes(careless(tmp_path), tmp_path), tmp_path))
    assert PowerCut({}, "1\n2\n") in cuts
    assert PowerCut({"1": b""}, "1\n") in cuts
    assert PowerCut({"2": b"2"}, "1\n2\n") in cuts


HASTY = """
import os, sys
for name in ("old", "new"):
    with open(f"{sys.argv[1]}/.{name}", "w") as file: file.write(name)
    os.rename(f"{sys.argv[1]}/.{name}", f"{sys.argv[1]}/{name}")
print("saved", flush=True)
os.unlink(f"{sys.argv[1]}/old")
os.write(os.open(f"{sys.argv[1]}/new", os.O_WRONLY), b"more")
"""


@traced
def test_the_rules_of_durability(listed, tmp_path):
    """Saves of ours break none; a program that renames without a flush is told what it does wrong."""
    assert violations(listed[0]) == []
    assert violations(changes([sys.executable, "-c", HASTY, str(tmp_path)], tmp_path)) == [
        f"{tmp_path}/.old was renamed before it was flushed",
        f"{tmp_path}/.new was renamed before it was flushed",
        f"something was said before the folder of {tmp_path}/new was flushed",
        f"{tmp_path}/new was written to under its final name",
    ]


@traced
def test_a_slow_disk(listed, tmp_path):
    """A call that waits does what it should afterwards, and the run is as it would be."""
    at = next(one for one in listed[0] if one.call == "fsync")
    begin = time.monotonic()
    result = broken(command(tmp_path), at, delay_seconds=1.5)
    assert (result.returncode, result.stdout.split()) == (0, ["1", "2", "3"])
    assert time.monotonic() - begin > 1.5


def sample(done, calls, number):
    """A few of these calls, spread over the whole run."""
    wanted = [one for one in done if one.call in calls and not one.said]
    return [wanted[len(wanted) * k // number] for k in range(number)]


@traced
@pytest.mark.parametrize("number", [2, pytest.param(40, marks=SWEEP)])
def test_killed_at_a_system_call(listed, tmp_path, number):
    """Resumed, the run goes on from the last acknowledged checkpoint."""
    done, _ = listed
    for k, at in enumerate(sample(done, {"write", "fsync", "rename", "unlink"}, number)):
        result = broken(command(tmp_path / str(k)), at)
        assert result.returncode == -9, at
        assert_nothing_is_lost(tmp_path / str(k), result.stdout)


@traced
@pytest.mark.parametrize(
    ("number", "error"),
    [
        (2, "ENOSPC"),
        *(pytest.param(20, error, marks=SWEEP) for error in ("EIO", "EDQUOT", "EROFS")),
    ],
)
def test_an_error_of_a_system_call(listed, tmp_path, number, error):
    """One clear error with the path, nothing lost, and nothing half under a final name."""
    done, _ = listed
    for k, at in enumerate(sample(done, {"write", "fsync", "rename"}, number)):
        folder = tmp_path / f"{k}"
        result = broken(command(folder), at, error=error)
        assert result.returncode == 1, at
        assert "WriteError: [Errno" in result.stderr.splitlines()[-1]
        assert str(folder) in result.stderr.splitlines()[-1]
        assert_nothing_is_lost(folder, result.stdout)
        assert not list(folder.glob(".*"))


KILLS = """
import random, sys, torch
from pathlib import Path
from eng_checkpoint import commit, find_newest_valid, load_file, prune
from eng_checkpoint.testing import killed
torch.set_num_threads(1)
folder, keep, trials = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
chance = random.Random(keep)
state = lambda n: {"w": torch.full((100_000,), float(n)), "n": n}
def work(say):
    found = find_newest_valid(folder)
    n = 0 if found.path is None else load_file(found.path)["n"]
    while True:
        n += 1
        commit(folder, f"{n}.pth", state(n), epoch=0, iter=n, step=n)
        say(n)
        if keep:
            prune(folder, keep=keep)
last = 0
for _ in range(trials):
    said = killed(work, chance.uniform(0.01, 0.2))
    last = int(said[-1]) if said else last
    found = find_newest_valid(folder)
    if found.path is None:
        assert last == 0
        continue
    loaded = load_file(found.path)
    assert loaded["n"] >= last and loaded["w"].equal(state(loaded["n"])["w"]), (loaded["n"], last)
print(last)
"""


@pytest.mark.parametrize("keep", [1, *(pytest.param(keep, marks=SWEEP) for keep in (0, 3))])
def test_killed_at_any_moment(tmp_path, keep):
    """Twenty kills in a row, each resumed: bit-equal, and never behind what was acknowledged."""
    result = subprocess.run(
        [sys.executable, "-c", KILLS, str(tmp_path), str(keep), "20"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert int(result.stdout) >= 1


def test_an_exchange_of_two_names_happens_at_once(tmp_path):
    """Whatever survives the power cut, the name has one of both contents, and both are somewhere."""
    folder = str(tmp_path)

    def made(where, content):
        file = f"{folder}/{where}/x"
        yield Change(call="openat", nth=1, path=file, new=True)
        yield Change(call="write", nth=1, path=file, data=content)
        yield Change(call="fsync", nth=1, path=file)
        yield Change(call="fsync", nth=1, path=f"{folder}/{where}")

    begin = [*made("a", b"old"), *made(".b", b"new")]
    swap = [
        Change(call="renameat2", nth=1, path=f"{folder}/.b", target=f"{folder}/a"),
        Change(call="fsync", nth=1, path=folder),
    ]
    cuts = [cut.files for cut in power_cuts([*begin, *swap], folder)]
    both = [{"a/x": b"old", ".b/x": b"new"}, {"a/x": b"new", ".b/x": b"old"}]
    assert [files for files in cuts if len(files) == 2 and all(files.values())] == both
    assert violations([*begin, *swap]) == []


def test_what_a_killed_function_said():
    """Until it was killed; one that ends by itself is no problem."""

    def work(say):
        say(1)
        time.sleep(60)
        say(2)

    program = "import time, random\nfrom eng_checkpoint.testing import killed\n"

    program += (
        textwrap.dedent(inspect.getsource(work))
        + "print(killed(work, 0.3), killed(lambda say: say('x'), 0.1))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "['1'] ['x']\n"


def test_all_invalid_is_never_a_new_start(tmp_path):
    """After any damage: an error that names each, not an empty beginning."""
    commit(tmp_path, "1.pth", {}, epoch=0, iter=1, step=1)
    (tmp_path / "1.pth").write_bytes(b"")
    with pytest.raises(NoValidCheckpoint, match=r"1\.pth: truncated"):
        find_newest_valid(tmp_path)
