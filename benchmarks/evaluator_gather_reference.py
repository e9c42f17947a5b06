"""The same gather as `evaluator_gather.py`, by the reference, beside torch's all_gather_object in the same run.

    python benchmarks/evaluator_gather_reference.py

For an environment in which `mmengine` is the reference, not eng-compat. all_gather_object is the measure that both
scripts share: compare the ratios.
"""

import socket
import time

import torch
from mmengine.dist import collect_results
from torch import distributed, multiprocessing

PLAIN, WITH_TENSORS = 50_000, 5_000


def plain_results(rank):
    """As in `evaluator_gather.py`."""
    return [
        {"img_id": index, "score": index / 7, "label": index % 80, "path": f"val/{index:012d}.jpg"}
        for index in range(rank, PLAIN, 2)
    ]


def tensor_results(rank):
    """As in `evaluator_gather.py`."""
    return [
        {"img_id": index, "boxes": torch.rand(10, 4), "scores": torch.rand(10)}
        for index in range(rank, WITH_TENSORS, 2)
    ]


def in_files(results, size):
    """Its default: parts as files in a shared folder."""
    return collect_results(results, size, "cpu")


def through_the_group(results, size):
    """Its other way."""
    return collect_results(results, size, "gpu")


def all_gather_object(results, size):
    """What torch has."""
    parts = [None, None]
    distributed.all_gather_object(parts, results)
    return [result for row in zip(*parts, strict=True) for result in row][:size]


def run(rank, port):
    """One rank."""
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    for name, results, size in (
        ("plain", plain_results(rank), PLAIN),
        ("tensors", tensor_results(rank), WITH_TENSORS),
    ):
        best = {}
        for _ in range(15 if name == "plain" else 1):
            for gather in (in_files, through_the_group, all_gather_object):
                distributed.barrier()
                start = time.perf_counter()
                gather(results, size)
                distributed.barrier()
                took = time.perf_counter() - start
                best[gather.__name__] = min(took, best.get(gather.__name__, took))
        if rank == 0:
            print(size, name, {way: round(seconds, 3) for way, seconds in best.items()}, flush=True)
    distributed.destroy_process_group()


if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    ranks = [context.Process(target=run, args=(rank, port)) for rank in range(2)]
    for process in ranks:
        process.start()
    for process in ranks:
        process.join()
