"""What gathering results over two processes costs, beside torch's all_gather_object, in turns within one run.

    python benchmarks/evaluator_gather.py

The exit status is 1 if a ratio is over its limit.
"""

import socket
import sys
import time

import torch
from torch import distributed, multiprocessing

from eng_dist import is_main_process
from eng_evaluator.gather import gather_parts
from eng_evaluator.ledger import Ledger, Part, merge

PLAIN, WITH_TENSORS, TURNS = 50_000, 5_000, 15
#: how much of the time of all_gather_object each may take
LIMITS = {"plain": 1.0, "tensors": 0.1}


def plain_results(rank):
    """What a metric stores of plain numbers and text."""
    return [
        {"img_id": index, "score": index / 7, "label": index % 80, "path": f"val/{index:012d}.jpg"}
        for index in range(rank, PLAIN, 2)
    ]


def tensor_results(rank):
    """What a detector's metric stores. Each tensor has memory of its own, the best case for torch's pickling."""
    return [
        {"img_id": index, "boxes": torch.rand(10, 4), "scores": torch.rand(10)}
        for index in range(rank, WITH_TENSORS, 2)
    ]


def ours(results, size):
    """As BaseMetric.evaluate gathers."""
    parts = gather_parts(Part(results, Ledger()))
    return None if parts is None else merge(parts, size, "benchmark")


def theirs(results, size):
    """The fastest way with what torch has."""
    parts = [None, None]
    distributed.all_gather_object(parts, results)
    return [result for row in zip(*parts, strict=True) for result in row][:size]


def seconds(gather, results, size):
    distributed.barrier()
    start = time.perf_counter()
    gathered = gather(results, size)
    distributed.barrier()
    assert gathered is None or [result["img_id"] for result in gathered] == list(range(size))
    return time.perf_counter() - start


def run(rank, port, queue):
    """One rank."""
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    for name, results, size in (
        ("plain", plain_results(rank), PLAIN),
        ("tensors", tensor_results(rank), WITH_TENSORS),
    ):
        best = {}
        for _ in range(TURNS if name == "plain" else 1):
            for gather in (ours, theirs):
                took = seconds(gather, results, size)
                best[gather.__name__] = min(took, best.get(gather.__name__, took))
        if is_main_process():
            queue.put((name, size, best["ours"], best["theirs"]))
    distributed.destroy_process_group()


def main():
    """Print a line for each kind of results."""
    context = multiprocessing.get_context("spawn")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    queue = context.Queue()
    ranks = [context.Process(target=run, args=(rank, port, queue)) for rank in range(2)]
    for process in ranks:
        process.start()
    over = False
    for name, size, ours_s, theirs_s in (queue.get() for _ in LIMITS):
        ratio = ours_s / theirs_s
        over |= ratio > LIMITS[name]
        print(f"{size} {name}: {ours_s:.3f} s, all_gather_object {theirs_s:.3f} s, ratio {ratio:.3f}")
    for process in ranks:
        process.join()
    sys.exit(over)


if __name__ == "__main__":
    main()
