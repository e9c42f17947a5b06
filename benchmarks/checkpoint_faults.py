"""Kill savers at random instants and flip bits, and count what can be resumed: the figures of a few minutes.

    python benchmarks/checkpoint_faults.py [trials] [MB] [policy ...]

Each trial forks a process that resumes from what is there and saves after every iteration, and kills it (-9) at a
random instant. `resumable`: something whole was found; `nothing lost`: at least the last save that had returned;
`bit-equal`: its weights are those of that iteration. With `best`, the file that the list names as the best is whole,
too.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from eng_checkpoint import CheckpointError, commit, entries, find_newest_valid, load_file, prune
from eng_checkpoint.testing import killed

POLICIES = ("all", "keep 1", "keep 3", "best")
FLIPS = 300


def state(n: int, megabytes: float) -> dict[str, object]:
    """Weights that tell their iteration."""
    return {"w": torch.full((int(megabytes * 250_000),), float(n)), "n": n}


def train(folder: Path, policy: str, megabytes: float, say: Callable[[object], None]) -> None:
    """Go on from the newest, and save for ever."""
    found = find_newest_valid(folder)
    n = 0 if found.path is None else load_file(found.path)["n"]
    while True:
        n += 1
        commit(folder, f"iter_{n}.pth", state(n, megabytes), epoch=0, iter=n, step=n)
        say(n)
        if policy.startswith("keep"):
            prune(folder, keep=int(policy[-1]))
        if policy == "best":
            commit(folder, f"best_{n}.pth", state(n, megabytes), kind="best", epoch=0, iter=n, step=n)
            prune(folder, kind="best", keep=1)
            prune(folder, keep=2)


def kills(policy: str, trials: int, megabytes: float) -> str:
    """One row of the table."""
    chance = random.Random(policy)
    resumable = kept = equal = best = acknowledged = 0
    last = 0
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "run")
        for _ in range(trials):
            said = killed(
                partial(train, folder, policy, megabytes), chance.uniform(0.005, 0.25 + megabytes / 40)
            )
            acknowledged += len(said)
            last = int(said[-1]) if said else last
            found = find_newest_valid(folder)
            resumable += found.path is not None or last == 0
            loaded = load_file(found.path) if found.path is not None else {"n": 0, "w": torch.zeros(0)}
            kept += loaded["n"] >= last
            equal += loaded["w"].eq(loaded["n"]).all().item()
            bests = [entry for entry in entries(folder) if entry.kind == "best"]
            # an older one may be in the middle of its deletion: its file is gone, and its entry goes next
            there = [e for e in bests if e is bests[-1] or (folder / e.name).exists()]
            best += all(load_file(folder / entry.name)["n"] == entry.step for entry in there)
            if policy == "all":
                for entry in entries(folder)[:-3]:  # the disk of this machine is not for ever
                    (folder / entry.name).unlink(missing_ok=True)
    counts = " | ".join(f"{count}/{trials}" for count in (resumable, kept, equal, best))
    return f"| {policy} | {counts} | {acknowledged} |"


def flips() -> tuple[int, int]:
    """Of so many single flipped bits, how many loaded without a word: with a list, and by the file's own checksums."""
    chance = random.Random(0)
    silent = [0, 0]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        commit(folder, "a.pth", state(1, 0.1), epoch=0, iter=1, step=1)
        path = folder / "a.pth"
        whole = path.read_bytes()
        weights = whole.index(torch.ones(9).numpy().tobytes())
        for listed in (0, 1):
            if listed:
                (folder / "manifest.json").unlink()
            for _ in range(FLIPS):
                place_of_bit = (
                    chance.randrange(weights, weights + 100_000) if listed else chance.randrange(len(whole))
                )
                content = bytearray(whole)
                content[place_of_bit] ^= 1 << chance.randrange(8)
                path.write_bytes(content)
                try:
                    load_file(path)
                except CheckpointError:
                    continue
                silent[listed] += 1
    return silent[0], silent[1]


def main() -> None:
    """Print the tables."""
    torch.set_num_threads(1)
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    megabytes = float(sys.argv[2]) if len(sys.argv) > 2 else 30
    print(f"{trials} kills for each policy, {megabytes} MB per checkpoint, torch {torch.__version__}\n")
    print("| policy | resumable | nothing lost | bit-equal | best whole | saves |\n|---|---|---|---|---|---|")
    for policy in sys.argv[3:] or POLICIES:
        start = time.perf_counter()
        print(kills(policy, trials, megabytes), flush=True)
        print(f"{policy}: {time.perf_counter() - start:.0f} s", file=sys.stderr)
    listed, unlisted = flips()
    print(
        f"\nsilent loads of {FLIPS} flipped bits: {listed} with a list, {unlisted} in the weights without one"
    )


if __name__ == "__main__":
    main()
