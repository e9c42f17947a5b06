"""Real ranks for the tests: forked processes that talk gloo over this machine."""

import multiprocessing
import os
import socket
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from types import SimpleNamespace
from typing import Any

import pytest

with warnings.catch_warnings():
    warnings.filterwarnings(
        "ignore", "Failed to initialize NumPy"
    )  # eng-dist does without; torch says so once
    import torch
    from torch import distributed as torch_dist
    from torch._C._distributed_c10d import ProcessGroupGloo  # torch.distributed's, which mypy does not see

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
        options.pop("prepare", lambda: None)()
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
    """``start(body, world_size=2, **options_of_init_dist)`` starts ranks that run `body`.

    Each rank calls the option ``prepare`` before it joins the group.
    """
    ranks = Ranks(environ)

    def start_ranks(body: Callable[[], Any], world_size: int = 2, **options: Any) -> Ranks:
        ranks.environ["WORLD_SIZE"] = str(world_size)
        for rank in range(world_size):
            ranks.start(body, rank, "pytorch", dict(options))
        return ranks

    yield start_ranks
    ranks.end()


@pytest.fixture
def run(start: Callable[..., Ranks]) -> Callable[..., list[Any]]:
    """``run(body, world_size=2, **options_of_init_dist)``: what each rank's `body` returned or raised."""
    return lambda *args, **options: start(*args, **options).results()


class StandInCuda:
    """Takes the place of torch.cuda and of the questions of torch.accelerator: `devices`, of which one is `current`.

    Its generators are real ones, and its calls are counted.
    """

    __name__ = "torch.cuda"

    def __init__(self, devices: int = 1, current: int = 0, uuids: list[str] | None = None) -> None:
        self.generators = [torch.Generator().manual_seed(100 + number) for number in range(devices)]
        self.current = current
        self.uuids = uuids or [f"GPU-{number}" for number in range(devices)]
        self.calls: Counter[str] = Counter()

    def install(self, patch: Any = setattr) -> "StandInCuda":
        """Answer in the place of torch; `patch` sets an attribute of torch (for good, or for a test)."""
        device = torch.device("cuda")
        for name, answer in {
            "is_available": lambda: True,
            "current_accelerator": lambda check_available=False: device,
            "device_count": lambda: len(self.generators),
            "current_device_index": lambda: self.current,
            "set_device_index": lambda index: setattr(self, "current", index),
        }.items():
            patch(torch.accelerator, name, answer)
        patch(torch, "get_device_module", lambda device=None: self)
        return self

    def draw(self) -> float:
        """A random number of the current device."""
        return float(torch.rand((), generator=self.generators[self.current]))

    def get_rng_state_all(self) -> list[torch.Tensor]:
        """As torch.cuda's."""
        self.calls["get_rng_state_all"] += 1
        return [generator.get_state() for generator in self.generators]

    def set_rng_state(self, state: torch.Tensor, device: int) -> None:
        """As torch.cuda's."""
        self.calls["set_rng_state"] += 1
        self.generators[device].set_state(state)

    def get_device_properties(self, device: torch.device) -> Any:
        """As torch.cuda's, of which one is asked for."""
        return SimpleNamespace(uuid=self.uuids[device.index])


def _let_there_be_cuda_only() -> None:
    """A process-group backend for the device type ``cuda`` and no other, as NCCL is one."""
    torch_dist.Backend.register_backend(
        "cudaonly",
        lambda store, rank, size, timeout: ProcessGroupGloo(store, rank, size, timeout),
        devices=["cuda"],
    )


@pytest.fixture
def Cuda() -> type[StandInCuda]:
    """What stands in for torch.cuda."""
    return StandInCuda


@pytest.fixture
def cuda_only() -> Callable[[], None]:
    """A function that registers the backend 'cudaonly' in its process."""
    return _let_there_be_cuda_only


@pytest.fixture
def on_a_node() -> Callable[..., Callable[[], None]]:
    """``on_a_node(devices, uuid)``: what a rank does before it joins: it sees so many devices, named by `uuid`."""

    def node(devices: int, uuid: str = "") -> Callable[[], None]:
        def prepare() -> None:
            _let_there_be_cuda_only()
            own = uuid or f"GPU-of-{os.environ['RANK']}"
            StandInCuda(devices, uuids=[f"{own}.{number}" for number in range(devices)]).install()

        return prepare

    return node
