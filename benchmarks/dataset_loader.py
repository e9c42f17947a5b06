"""What exactness costs a loader: randomness per sample, starting in the middle, starting workers.

    python benchmarks/dataset_loader.py

Ratios are within this run. The exit status is 1 if randomness costs more than 25 us a sample, or if starting at
iteration 100,000 takes more than 5 s.
"""

import sys
import time
import warnings
from functools import partial
from timeit import timeit

from eng_dataset import build_dataloader

SAMPLES = 20_000
ENTRIES = 1_000_000


class Slow:
    """Samples of which each takes 5 ms."""

    def __len__(self):
        return 1_000_000

    def __getitem__(self, index):
        time.sleep(0.005)
        return index


def loader(dataset, **options):
    """In order, unless said otherwise."""
    cfg = {
        "dataset": dataset,
        "batch_size": 8,
        "sampler": {"type": "DefaultSampler"},
        "collate_fn": len,
        **options,
    }
    return build_dataloader(cfg, seed=0)


def microseconds_of_randomness():
    """CPU time per sample, for each way of seeding, above the way that seeds nothing."""
    ways = {way: loader(range(SAMPLES), batch_size=64, seeding=way) for way in ("off", "batch", "sample")}
    best = dict.fromkeys(ways, float("inf"))
    for way in [*ways] * 7:  # in turns
        best[way] = min(best[way], timeit(partial(list, ways[way]), number=1, timer=time.process_time))
    return {way: (best[way] - best["off"]) / SAMPLES * 1e6 for way in ("batch", "sample")}


def seconds_to_first_batch(iteration):
    """Of a resumed loader whose samples take 5 ms."""
    resumed = loader(Slow())
    resumed.set_position(0, iteration)
    start = time.perf_counter()
    next(iter(resumed))
    return time.perf_counter() - start


def seconds_to_start(entries, method):
    """Until two workers have given a first batch."""
    from dataset_records import Records

    batches = loader(Records(entries), num_workers=2, multiprocessing_context=method)
    start = time.perf_counter()
    next(iter(batches))
    return time.perf_counter() - start


def main():
    """Print one line per measurement."""
    warnings.filterwarnings("ignore", "This DataLoader will create")
    randomness = microseconds_of_randomness()
    for way, cost in randomness.items():
        print(f"randomness of each {way}: {cost:.1f} us a sample")
    waits = {iteration: seconds_to_first_batch(iteration) for iteration in (0, 1_000, 100_000)}
    for iteration, seconds in waits.items():
        print(f"first batch from iteration {iteration:,}: {seconds:.2f} s")
    for method in ("fork", "spawn"):
        few, many = (min(seconds_to_start(n, method) for _ in range(2)) for n in (10, ENTRIES))
        print(
            f"{method}: first batch of two workers after {few:.2f} s with 10 records, {many:.2f} s with {ENTRIES:,}"
        )
    sys.exit(randomness["sample"] > 25 or waits[100_000] > 5)


if __name__ == "__main__":
    main()
