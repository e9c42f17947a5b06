"""An optimizer's side for models to train with, and processes to train in."""

from __future__ import annotations

import gc
import multiprocessing
import socket
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, distributed, nn

sys.path.insert(0, str(Path(__file__).parent))  # for the helper `host_waits`

SECONDS = 30.0


class Sgd:
    """Plain gradient descent, a step after every `every` batches, in the shape that a model asks for."""

    def __init__(self, model: nn.Module, *, lr: float = 0.1, every: int = 1) -> None:
        self.optimizer = torch.optim.SGD(model.parameters(), lr=lr)
        self.every = every
        self.batches = 0
        self.weights: list[float] = []

    def optim_context(self, model: nn.Module) -> AbstractContextManager[Any]:
        """No reduction of gradients in all but the last batch before a step."""
        inside = (self.batches + 1) % self.every
        return model.no_sync() if inside and hasattr(model, "no_sync") else nullcontext()  # type: ignore[operator]

    def update_params(self, loss: Tensor, weight: Tensor | None = None) -> None:
        """Backward, and the step if it is time."""
        if weight is not None:
            self.weights.append(weight.item())
        (loss / self.every).backward()
        self.batches += 1
        if self.batches % self.every == 0:
            self.optimizer.step()
            self.optimizer.zero_grad()


@pytest.fixture
def sgd() -> type[Sgd]:
    """The class: `sgd(model, lr=0.1, every=1)`."""
    return Sgd


@pytest.fixture
def group_of_one() -> Iterator[None]:
    """A process group that only this process is in."""
    distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


def _be_rank(body: Callable[[], Any], rank: int, world_size: int, port: int, pipe: Connection) -> None:
    gc.freeze()  # what the parent's groups leave waits, when it is collected, for threads that only the parent has
    torch.set_num_threads(1)  # a fork has none of its parent's threads
    try:
        store = distributed.TCPStore("localhost", port, is_master=rank == 0, wait_for_workers=False)
        distributed.init_process_group("gloo", store=store, rank=rank, world_size=world_size)
        result = body()
        distributed.barrier()
        distributed.destroy_process_group()
    except Exception as error:
        traceback.print_exc()
        result = error
    pipe.send(result)


@pytest.fixture
def two_ranks(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Callable[[], Any]], list[Any]]]:
    """`two_ranks(body)`: what `body` returned or raised in each of two processes of one group."""
    context = multiprocessing.get_context("fork")
    processes: list[Any] = []
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "lo")

    def run(body: Callable[[], Any]) -> list[Any]:
        with socket.create_server(("localhost", 0)) as probe:
            port = probe.getsockname()[1]
        pipes = []
        for rank in range(2):
            here, there = context.Pipe(duplex=False)
            process = context.Process(target=_be_rank, args=(body, rank, 2, port, there))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # that this process has threads
                process.start()
            there.close()
            processes.append(process)
            pipes.append(here)
        results: dict[Connection, Any] = {}
        while len(results) < len(pipes):
            ready = wait([pipe for pipe in pipes if pipe not in results], SECONDS)
            assert ready, "all ranks that are left hang"
            for pipe in ready:
                results[pipe] = pipe.recv()
                if isinstance(results[pipe], Exception):
                    raise results[pipe]  # the others would wait for this one
        return [results[pipe] for pipe in pipes]

    yield run
    for process in processes:
        process.kill()
        process.join()
