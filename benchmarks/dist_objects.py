"""What Python objects cost on their way between ranks, as ratios to torch's own object collectives in one run.

    python benchmarks/dist_objects.py

Two real processes talk gloo over this machine; both ways take turns, and the best turn of each counts. The exit status
is 1 if a ratio is over its limit.
"""

from __future__ import annotations

import multiprocessing
import os
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import distributed as torch_dist

from eng_dist import (
    all_gather_object,
    barrier,
    broadcast_object_list,
    collect_results,
    destroy,
    gather_object,
    get_rank,
    init_dist,
)

TURNS = 9
LIMIT = 1.5


def torchs_all_gather(data: Any) -> list[Any]:
    gathered = [None] * 2
    torch_dist.all_gather_object(gathered, data)
    return gathered


def torchs_gather(data: Any) -> list[Any] | None:
    gathered = [None] * 2 if get_rank() == 0 else None
    torch_dist.gather_object(data, gathered)
    return gathered


CONTENTS: dict[str, Callable[[], Any]] = {
    "25,000 plain dicts": lambda: [
        {"label": i % 10, "score": i / 7, "name": f"sample_{i}"} for i in range(25_000)
    ],
    "16 MiB of one tensor": lambda: torch.zeros(2**22),
    "a short text": lambda: "epoch_12.pth",
}
PAIRS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "all_gather_object": (all_gather_object, torchs_all_gather),
    "gather_object": (gather_object, torchs_gather),
    "broadcast_object_list": (
        lambda data: broadcast_object_list([data]),
        lambda data: torch_dist.broadcast_object_list([data]),
    ),
    "collect_results": (lambda data: collect_results([data], 2), lambda data: torchs_gather([data])),
}


def best_seconds(way: Callable[[Any], Any], data: Any, calls: int) -> float:
    barrier()
    began = time.perf_counter()
    for _ in range(calls):
        way(data)
    return (time.perf_counter() - began) / calls


def be_rank(rank: int, port: int, over: Any) -> None:
    """Time every pair on every content; rank 0 prints."""
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2"}
    os.environ |= {"MASTER_ADDR": "localhost", "MASTER_PORT": str(port)}
    init_dist("pytorch")
    for content, make in CONTENTS.items():
        data = make()
        calls = 300 if isinstance(data, str) else 1
        for name, (ours, torchs) in PAIRS.items():
            times = [
                (best_seconds(ours, data, calls), best_seconds(torchs, data, calls)) for _ in range(TURNS)
            ]
            mine, its = (min(column) for column in zip(*times, strict=True))
            if rank == 0:
                print(
                    f"{content}, {name}: {mine * 1e3:.2f} ms, {mine / its:.2f} of torch's {its * 1e3:.2f} ms"
                )
                over.value += mine > LIMIT * its
    destroy()


def main() -> int:
    with socket.create_server(("localhost", 0)) as probe:
        port = probe.getsockname()[1]
    context = multiprocessing.get_context("spawn")
    over = context.Value("i", 0)
    ranks = [context.Process(target=be_rank, args=(rank, port, over)) for rank in range(2)]
    for rank in ranks:
        rank.start()
    for rank in ranks:
        rank.join()
    return int(over.value > 0 or any(rank.exitcode for rank in ranks))


if __name__ == "__main__":
    sys.exit(main())
