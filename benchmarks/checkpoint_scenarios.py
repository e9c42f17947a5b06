"""Break saving at every place that has a name, and count what survives: the figures besides those of random kills.

    python benchmarks/checkpoint_scenarios.py [name ...]

Each function prints one row: the number of the scenario, what is done, the figure. Needs Linux; `strace` for two rows.
"""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path

import torch

from eng_checkpoint import (
    BackgroundSaver,
    CheckpointError,
    commit,
    commit_sharded,
    entries,
    find_newest_valid,
    load_file,
    prune,
)
from eng_checkpoint.testing import broken, changes, killed, violations

MB = 250_000  # floats
FOUR_SAVES = """
import sys, torch
from eng_checkpoint import commit, prune
policy, folder = sys.argv[1:]
for n in range(1, 5):
    commit(folder, f"iter_{n}.pth", {"w": torch.full((250_000,), float(n))}, epoch=0, iter=n, step=n)
    if policy == "best":
        commit(folder, f"best_{n}.pth", {"n": n}, kind="best", epoch=0, iter=n, step=n)
        prune(folder, kind="best", keep=1)
    if policy != "all":
        prune(folder, keep=3 if policy == "keep 3" else 1)
    print(n, flush=True)
"""
ONE_MORE = """
import sys
from eng_checkpoint import commit, find_newest_valid, prune
n = find_newest_valid(sys.argv[1]).entry.step + 1
commit(sys.argv[1], f"iter_{n}.pth", {"n": [n] * 100}, epoch=0, iter=n, step=n)
print(n, flush=True)
prune(sys.argv[1], keep=1)
"""


def state(n: int, megabytes: float = 1) -> dict[str, object]:
    """Weights that tell their iteration."""
    return {"w": torch.full((int(megabytes * MB),), float(n)), "n": n}


def save(folder: Path, n: int, megabytes: float = 1) -> None:
    """The iteration of that number."""
    commit(folder, f"iter_{n}.pth", state(n, megabytes), epoch=0, iter=n, step=n)


def is_right(folder: Path, at_least: int) -> bool:
    """Whether the newest is whole, of one iteration, and of that one or a later one."""
    found = find_newest_valid(folder)
    if found.path is None:
        return at_least == 0
    loaded = load_file(found.path)
    return loaded["n"] >= at_least and bool(loaded["w"].eq(loaded["n"]).all())


def durability() -> tuple[str, str, str]:
    """A4."""
    found = []
    with tempfile.TemporaryDirectory() as place:
        for number, policy in enumerate(("all", "keep 1", "keep 3", "best")):
            folder = Path(place, str(number))
            done = changes([sys.executable, "-c", FOUR_SAVES, policy, str(folder)], folder)
            found += violations(done)
    return "A4", "four saves traced under each of four policies: violations of the rules", str(len(found))


def first_save() -> tuple[str, str, str]:
    """A8."""
    chance, right, empty = random.Random(8), 0, 0
    for _ in range(20):
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place, "run")
            killed(lambda say, folder=folder: save(folder, 1, 30), chance.uniform(0.01, 0.5))
            empty += find_newest_valid(folder).path is None if folder.exists() else 1
            right += is_right(folder, 0)
            save(folder, 2)
            right -= bool(list(folder.glob(".*"))) or not is_right(folder, 2)
    text = f"killed in the first save (nothing saved yet: {empty}): the next start works, no leftovers"
    return "A8", text, f"{right}/20"


def pruning() -> tuple[str, str, str]:
    """A9."""
    chance, right, interrupted = random.Random(9), 0, 0
    for _ in range(50):
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            for n in range(1, 12):
                save(folder, n, 0.01)
            killed(lambda say, folder=folder: prune(folder, keep=1), chance.uniform(0.002, 0.02))
            interrupted += 1 < len(list(folder.glob("iter_*"))) < 11
            whole = is_right(folder, 11)
            save(folder, 12, 0.01)
            prune(folder, keep=1)
            right += whole and [path.name for path in folder.glob("*.pth")] == ["iter_12.pth"]
    text = f"killed while deleting ten files (in the middle: {interrupted}): the newest stays, it goes on"
    return "A9", text, f"{right}/50"


def background() -> tuple[str, str, str]:
    """A10."""
    chance, after_kill, after_end, raised = random.Random(10), 0, 0, 0

    def train(folder: Path, say: Callable[[object], None]) -> None:
        saver, written = BackgroundSaver(), [0]

        def write(content: dict, n: int) -> None:
            commit(folder, f"iter_{n}.pth", content, epoch=0, iter=n, step=n)
            say(n)

        for n in range(1, 1000):
            saver.submit(partial(write, n=n), state(n, 10))
            written.append(n)

    for _ in range(20):
        with tempfile.TemporaryDirectory() as place:
            said = killed(partial(train, Path(place)), chance.uniform(0.1, 0.4))
            after_kill += is_right(Path(place), int(said[-1]) if said else 0)
    program = (
        "import sys, torch\nfrom functools import partial\nfrom eng_checkpoint import BackgroundSaver, commit\n"
        "w = partial(commit, sys.argv[1], 'iter_1.pth', epoch=0, iter=1, step=1)\n"
        "BackgroundSaver().submit(w, {'w': torch.full((10_000_000,), 1.0), 'n': 1})\n"
    )
    for _ in range(20):
        with tempfile.TemporaryDirectory() as place:
            subprocess.run([sys.executable, "-c", program, place], check=True)
            after_end += is_right(Path(place), 1)

    def fail(_: object) -> None:
        raise OSError(5, "Input/output error")

    for _ in range(20):
        saver = BackgroundSaver()
        saver.submit(fail, {})
        while saver.busy:
            time.sleep(0.001)
        try:
            saver.check()
        except OSError:
            raised += 1
    figure = f"{after_kill}/20, {after_end}/20, {raised}/20"
    return (
        "A10",
        "in the background: killed in flight; normal end; error of the writer at the next step",
        figure,
    )


def sharded() -> tuple[str, str, str]:
    """A11."""
    from torch import distributed as dist
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor import Shard, distribute_tensor

    chance, torn, lost, saves = random.Random(11), 0, 0, 0

    def train(rank: int, folder: Path, meet: str, say: Callable[[object], None]) -> None:
        dist.init_process_group("gloo", init_method=f"file://{meet}", rank=rank, world_size=2)
        mesh = init_device_mesh("cpu", (2,))
        first = find_newest_valid(folder).entry
        for n in range(1 if first is None else first.step + 1, 10_000):
            content = {"w": distribute_tensor(torch.full((500_000,), float(n)), mesh, [Shard(0)]), "n": n}
            commit_sharded(folder, f"iter_{n}", content, epoch=0, iter=n, step=n)
            if rank == 0:
                say(n)
                if n > 3:
                    prune(folder, keep=2)

    with tempfile.TemporaryDirectory() as place:
        folder, last = Path(place, "run"), 0
        for trial in range(40):
            reading, writing = os.pipe()
            children = []
            for rank in range(2):
                child = os.fork()
                if child == 0:
                    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
                    try:
                        with open(writing, "w", buffering=1) as told:
                            train(rank, folder, f"{place}/{trial}", partial(print, file=told))
                    finally:
                        os._exit(1)
                children.append(child)
            os.close(writing)
            said = open(reading)  # noqa: SIM115 - closed below, after the processes
            words = [said.readline()]  # both are under way
            time.sleep(chance.uniform(0.0, 0.5))
            os.kill(children[1], signal.SIGKILL)
            os.waitpid(children[1], 0)
            late = threading.Timer(20, os.kill, (children[0], signal.SIGKILL))
            late.start()
            os.waitpid(children[0], 0)
            late.cancel()
            with said:
                words += said.read().split()
            saves += len(words)
            last = int(words[-1]) if words else last
            torn += any(
                not load_file(folder / entry.name)["w"].eq(load_file(folder / entry.name)["n"]).all()
                for entry in entries(folder)
            )
            lost += not is_right(folder, last)
    return (
        "A11",
        f"two ranks, one killed at a random instant ({saves} saves): torn, lost",
        f"{torn}/40, {lost}/40",
    )


def every_call() -> tuple[str, str, str]:
    """D3, and a kill at the same places."""
    rows, right = 0, 0
    with tempfile.TemporaryDirectory() as place:

        def fresh(name: str) -> Path:
            folder = Path(place, name)
            for n in (1, 2):
                commit(folder, f"iter_{n}.pth", {"n": [n] * 100}, epoch=0, iter=n, step=n)
            return folder

        folder = fresh("listed")
        done = [one for one in changes([sys.executable, "-c", ONE_MORE, str(folder)], folder) if not one.said]
        wanted = [one for one in done if one.call in {"write", "fsync", "rename", "unlink"}]
        errors = ("EIO", "EDQUOT", "EROFS", "ENOSPC")
        for index, at in enumerate(wanted):
            for error in (None, errors[index % 4]):
                folder = fresh(f"{index}-{error}")
                result = broken([sys.executable, "-c", ONE_MORE, str(folder)], at, error=error)
                last = int(result.stdout or 2)
                found = find_newest_valid(folder)
                value = load_file(found.path)["n"]
                whole = value == [value[0]] * 100 and value[0] >= last
                clear = (
                    error is None or result.returncode == 0 or str(folder) in result.stderr.splitlines()[-1]
                )
                rows += 1
                right += whole and clear
                if not (whole and clear):
                    print(at, error, result.returncode, result.stderr[-300:], file=sys.stderr)
    places = f"each of the {len(wanted)} changing calls of a save"
    text = (
        f"killed, and an error (EIO, EDQUOT, EROFS, ENOSPC in turn), at {places}: nothing lost, a clear error"
    )
    return "D3", text, f"{right}/{rows}"


def hundred_saves() -> tuple[str, str, str]:
    """D7."""

    def held() -> tuple[int, int, int, float]:
        with open("/proc/self/statm") as file:
            pages = int(file.read().split()[1])
        return (
            len(os.listdir("/proc/self/fd")),
            threading.active_count(),
            sum(str(os.getpid()) in name for name in os.listdir("/dev/shm")),
            pages * resource.getpagesize() / 1e6,
        )

    with tempfile.TemporaryDirectory() as place, BackgroundSaver() as saver:

        def once(n: int) -> None:
            save(Path(place), n, 10)
            write = partial(commit, place, f"other_{n}.pth", epoch=0, iter=n, step=n)
            saver.submit(write, state(n, 10))
            saver.wait()
            load_file(Path(place, f"iter_{n}.pth"))
            prune(place, keep=1)

        for n in range(10):
            once(n)
        seen = [held()]
        for n in range(10, 110):
            once(n)
            if n in (59, 109):
                seen.append(held())
    before, _, after = seen
    files, threads, shared, _ = (later - first for first, later in zip(before, after, strict=True))
    first_half, second_half = (later[3] - earlier[3] for earlier, later in pairwise(seen))
    text = (
        "100 saves of 10 MB, 100 in the background, 100 loads: more files, threads, /dev/shm; "
        "MB of RSS in the first and in the second fifty"
    )
    return "D7", text, f"{files}, {threads}, {shared}; {first_half:.1f}, {second_half:.1f}"


def interruptions() -> tuple[str, str, str]:
    """A12."""
    right = 0
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        save(folder, 1)

        class Refuses:
            def __reduce__(self) -> str:
                raise ZeroDivisionError

        for content in ({"w": torch.ones(1), "thing": Refuses()}, state(2, 100)):
            timer = threading.Timer(0.03, os.kill, (os.getpid(), signal.SIGINT))
            if "thing" not in content:
                timer.start()
            try:
                commit(folder, "iter_2.pth", content, epoch=0, iter=2, step=2)
            except (CheckpointError, KeyboardInterrupt):
                right += sorted(os.listdir(folder)) == ["iter_1.pth", "last_checkpoint", "manifest.json"]
    return (
        "A12",
        "an object that refuses to be pickled; Ctrl-C while writing: no file, no leftover",
        f"{right}/2",
    )


ALL = (durability, first_save, pruning, background, sharded, interruptions, every_call, hundred_saves)


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    print("| | what | figure |\n|---|---|---|", flush=True)
    for scenario in ALL:
        if len(sys.argv) == 1 or scenario.__name__ in sys.argv[1:]:
            start = time.perf_counter()
            print("| " + " | ".join(scenario()) + " |", flush=True)
            print(f"{scenario.__name__}: {time.perf_counter() - start:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
