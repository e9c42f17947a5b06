"""Real ranks for the tests: forked processes that talk gloo over this machine."""

import multiprocessing
import os
import socket
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

import pytest

with warnings.catch_warnings():
    warnings.filterwarnings(
        "ignore", "Failed to initialize NumPy"
    )  # eng-dist does without; torch says so once
    from eng_dist import destroy, init_dist

SECONDS = 60.0


@dataclass
class Ranks:
    """Processes that each run one function; `results` waits for what they return or raise."""

    environ: dict[str, str]
    processes: list[Any] = field(default_factory=list)
    pipes: list[Connection] = field(default_factory=list)

    def start(self, body: Callable[[], Any], rank: int, launcher: str, options: dict[str, Any]) -> None:
        """Fork the process of `rank`."""
        context = multiprocessing.get_context("fork")
        here, there = context.Pipe(duplex=False)
        environ = self.environ | {"RANK": str(rank), "LOCAL_RANK": str(rank)}
        process = context.Process(target=_be_rank, args=(body, environ, launcher, options, there))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # threads of a former test have ended by now
            process.start()
        there.close()
        self.processes.append(process)
        self.pipes.append(here)

    def results(self) -> list[Any]:
        """What each rank returned, or the exception that it raised, or -signal where it was killed."""
        return [self._result(rank) for rank in range(len(self.processes))]

    def _result(self, rank: int) -> Any:
        try:
            assert self.pipes[rank].poll(SECONDS), f"rank {rank} hangs"
            result = self.pipes[rank].recv()
        except EOFError:
            result = None
        self.processes[rank].join(SECONDS)
        code = self.processes[rank].exitcode
        return result if code == 0 else code

    def end(self) -> None:
        """No process outlives its test."""
        for process, pipe in zip(self.processes, self.pipes, strict=True):
            process.kill()
            process.join()
            process.close()
            pipe.close()


def _be_rank(
    body: Callable[[], Any], environ: dict[str, str], launcher: str, options: dict[str, Any], pipe: Connection
) -> None:
    os.environ.update(environ)
    try:
        init_dist(launcher, **options)
        result = body()
        destroy()
    except Exception as error:
        traceback.print_exc()
        result = error
    pipe.send(result)


@pytest.fixture
def environ() -> dict[str, str]:
    """The variables of a job of two ranks that meet at a free port of this machine."""
    with socket.create_server(("localhost", 0)) as probe:
        port = probe.getsockname()[1]
    return {
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "localhost",
        "MASTER_PORT": str(port),
    }


@pytest.fixture
def start(environ: dict[str, str]) -> Iterator[Callable[..., Ranks]]:
    """``start(body, world_size=2, **options_of_init_dist)`` starts ranks that run `body`."""
    ranks = Ranks(environ)

    def start_ranks(body: Callable[[], Any], world_size: int = 2, **options: Any) -> Ranks:
        ranks.environ["WORLD_SIZE"] = str(world_size)
        for rank in range(world_size):
            ranks.start(body, rank, "pytorch", options)
        return ranks

    yield start_ranks
    ranks.end()


@pytest.fixture
def run(start: Callable[..., Ranks]) -> Callable[..., list[Any]]:
    """``run(body, world_size=2, **options_of_init_dist)``: what each rank's `body` returned or raised."""
    return lambda *args, **options: start(*args, **options).results()
