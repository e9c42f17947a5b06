"""Several real processes for the tests: forked, joined by gloo over this machine."""

from __future__ import annotations

import gc
import multiprocessing
import os
import socket
import sys
import traceback
import warnings

import pytest
import torch

from eng_dist import destroy, init_dist

SECONDS = 120.0


def _be_rank(body, rank, world_size, port, pipe):
    gc.freeze()  # what the parent has left is not for the child to tidy up
    torch.set_num_threads(1)  # a fork has none of its parent's threads
    os.environ.update(
        RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(world_size), LOCAL_WORLD_SIZE=str(world_size),
        MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port), GLOO_SOCKET_IFNAME="lo", MKL_NUM_THREADS="1",
    )  # fmt: skip
    try:
        init_dist("pytorch")
        result = body()
        destroy()
    except BaseException as error:
        traceback.print_exc(file=sys.__stderr__)
        result = f"{type(error).__name__}: {error}"
    pipe.send(result)


@pytest.fixture
def ranks(monkeypatch):
    """`ranks(2, body)`: what `body` returned in each of two processes of one group, or the text of what it raised."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    context = multiprocessing.get_context("fork")
    processes = []

    def run(world_size, body):
        gc.collect()  # workers of an earlier test end before there is a fork of them
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        pipes = []
        for rank in range(world_size):
            here, there = context.Pipe(duplex=False)
            process = context.Process(target=_be_rank, args=(body, rank, world_size, port, there))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # that this process has threads
                process.start()
            there.close()
            processes.append(process)
            pipes.append(here)
        results = []
        for pipe in pipes:
            assert pipe.poll(SECONDS), "a rank hangs"
            results.append(pipe.recv())
        return results

    yield run
    for process in processes:
        process.kill()
        process.join()
