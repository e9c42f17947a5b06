"""How long it takes until the last rank has heard of a failure, and what being ready for it costs.

    python benchmarks/dist_failure.py

Ranks are real processes that talk gloo over this machine. The exit status is 1 if a time is over ten seconds.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from timeit import Timer
from typing import Any

from eng_dist import RemoteRankError, abort_on_error, barrier, get_rank, init_dist

LIMIT_SECONDS = 10.0


def raise_error() -> None:
    raise ValueError("broken")


def raise_error_and_stay() -> None:
    try:
        raise ValueError("broken")
    finally:
        os.environ["STAY"] = "1"


WAYS: dict[str, Callable[[], None]] = {
    "an exception": raise_error,
    "an exception, the process lives on": raise_error_and_stay,
    "kill -9": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "kill -STOP": lambda: os.kill(os.getpid(), signal.SIGSTOP),
}


def be_rank(rank: int, world_size: int, port: int, way: str, heard: Any) -> None:
    """The last rank fails in this way; the others wait in a collective and tell when they have heard."""
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115  (the failure is meant)
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(world_size)}
    os.environ |= {"MASTER_ADDR": "localhost", "MASTER_PORT": str(port)}
    init_dist("pytorch")
    try:
        with abort_on_error():
            barrier()
            if get_rank() == world_size - 1:
                heard.put(("failed", time.time()))
                time.sleep(0.2)
                WAYS[way]()
            barrier()
    except RemoteRankError as error:
        heard.put((error.rank, time.time()))
    except ValueError:
        time.sleep(20.0 if "STAY" in os.environ else 0.0)


def seconds_to_hear(way: str, world_size: int) -> float:
    """From the failure until the last of the others has raised."""
    with socket.create_server(("localhost", 0)) as probe:
        port = probe.getsockname()[1]
    context = multiprocessing.get_context("spawn")
    heard = context.Queue()
    ranks = [
        context.Process(target=be_rank, args=(rank, world_size, port, way, heard), daemon=True)
        for rank in range(world_size)
    ]
    for rank in ranks:
        rank.start()
    try:
        events = [heard.get(timeout=120.0) for _ in range(world_size)]
    finally:
        for rank in ranks:
            rank.kill()
            rank.join()
    (failed,) = [at for what, at in events if what == "failed"]
    assert [what for what, _ in events if what != "failed"] == [world_size - 1] * (world_size - 1)
    return max(at for _, at in events) - failed - 0.2


def microseconds_of_a_step() -> float:
    """What it costs to say the step."""
    with abort_on_error() as scope:

        def step() -> None:
            scope.step = 7

        return min(Timer(step).repeat(20, 10_000)) / 10_000 * 1e6


def main() -> int:
    slowest = 0.0
    for world_size in (2, 4):
        for way in WAYS:
            seconds = seconds_to_hear(way, world_size)
            slowest = max(slowest, seconds)
            print(f"{world_size} ranks, {way}: all others have heard after {seconds:.2f} s")
    print(f"saying the step: {microseconds_of_a_step():.2f} us")
    return int(slowest > LIMIT_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
