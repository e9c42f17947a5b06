"""What a million small records cost: to build, to read, and in the memory of all processes over three epochs.

    python benchmarks/dataset_records.py [fork|spawn|forkserver] [records]

Memory is the proportional set size (PSS) of the main process and its workers together, so that what they share
counts once. It is measured when every worker has read samples, at the end of each epoch; and before that with ten
records instead, which is what the processes themselves take (a spawned one imports torch anew: 150 MiB). The exit
status is 1 if it grows by more than 5 % after the first epoch.
"""

import os
import resource
import sys
import time
import warnings
from pathlib import Path

from eng_dataset import BaseDataset, build_dataloader

WORKERS = 4


class Records(BaseDataset):
    """Records as image data sets have them: a path, a size, a class."""

    def __init__(self, size, **options):
        self.size = size
        super().__init__(**options)

    def load_data_list(self):
        return [
            {"img_path": f"train/{i:09d}.jpg", "height": 480, "width": 640, "label": i % 1000}
            for i in range(self.size)
        ]


def pss_mib(pids):
    """The proportional set size of several processes together."""
    kib = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                kib += int(line.split()[1])
    return kib / 1024


def children():
    """The processes that this one has started and that still run."""
    return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]


def loader_of(dataset, method):
    """Four workers that stay, reading batches of which only the length comes back."""
    cfg = {
        "dataset": dataset,
        "batch_size": 2048,
        "num_workers": WORKERS,
        "persistent_workers": True,
        "multiprocessing_context": method,
        "sampler": {"type": "DefaultSampler"},
        "collate_fn": len,
        "seeding": "batch",
    }
    return build_dataloader(cfg, seed=0)


def main():
    """Print one line per measurement."""
    method = sys.argv[1] if len(sys.argv) > 1 else "fork"
    size = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
    warnings.filterwarnings("ignore", "This DataLoader will create")
    few = loader_of(Records(10), method)
    start = time.perf_counter()
    list(few)
    print(f"ten records: all {time.perf_counter() - start:.1f} s, ", end="")
    print(f"PSS {pss_mib([os.getpid(), *children()]):.0f} MiB")
    del few
    print(f"main process before: {pss_mib([os.getpid()]):.0f} MiB")
    start = time.process_time()
    dataset = Records(size)
    print(f"building: {time.process_time() - start:.1f} CPU-s, ", end="")
    print(f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")

    best = float("inf")
    for first in range(20):
        start = time.process_time()
        for index in range(first, size, 500):
            dataset[index]
        best = min(best, (time.process_time() - start) / (size / 500))
    print(f"dataset[i]: {best * 1e6:.1f} us")

    loader = loader_of(dataset, method)
    pss = []
    for epoch in range(3):
        start = time.perf_counter()
        batches = iter(loader)
        next(batches)
        first = time.perf_counter() - start
        seen = 2048 + sum(batches)
        seconds = time.perf_counter() - start
        pss.append(pss_mib([os.getpid(), *children()]))
        print(
            f"epoch {epoch}: {seen} samples, first batch {first:.1f} s, all {seconds:.0f} s, PSS {pss[-1]:.0f} MiB"
        )
    print(f"growth {pss[-1] / pss[0] - 1:+.1%}")
    sys.exit(pss[-1] > 1.05 * pss[0])


if __name__ == "__main__":
    main()
