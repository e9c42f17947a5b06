"""Small optimizers, the devices that this machine has, and two ranks that talk to each other."""

import multiprocessing
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

with warnings.catch_warnings():
    # This package does without NumPy; torch says once that it does too.
    warnings.filterwarnings("ignore", "Failed to initialize NumPy")
    import torch
from torch import distributed, nn
from torch.optim import SGD

sys.path.insert(0, str(Path(__file__).parent))  # for the helper `host_waits`

SECONDS = 60.0

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


@pytest.fixture(params=DEVICES)
def device(request: pytest.FixtureRequest) -> str:
    """Each device of this machine."""
    name: str = request.param
    return name


@pytest.fixture
def sgd() -> Callable[..., SGD]:
    """SGD of one number, with a rate of 1 unless the settings say otherwise."""

    def make(**settings: Any) -> SGD:
        return SGD([nn.Parameter(torch.zeros(1))], **{"lr": 1.0, **settings})

    return make


def _be_rank(body: Callable[[int], Any], rank: int, store: Path, pipe: Any) -> None:
    torch.set_num_threads(1)
    try:
        distributed.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
        pipe.send(body(rank))
        distributed.destroy_process_group()
    except Exception:
        pipe.send(traceback.format_exc())
        raise


@pytest.fixture
def two_ranks(tmp_path: Path) -> Callable[[Callable[[int], Any]], list[Any]]:
    """Run a function of the rank in two processes of one group; gives what each returned."""

    def run(body: Callable[[int], Any]) -> list[Any]:
        context = multiprocessing.get_context("fork")
        pipes = [context.Pipe(duplex=False) for _ in range(2)]
        processes = [
            context.Process(target=_be_rank, args=(body, rank, tmp_path / "store", pipes[rank][1]))
            for rank in range(2)
        ]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # that a process with threads forks
                for process in processes:
                    process.start()
            results = []
            for rank in range(2):
                assert pipes[rank][0].poll(SECONDS), f"rank {rank} hangs"
                results.append(pipes[rank][0].recv())
                assert not isinstance(results[-1], str), results[-1]
            return results
        finally:
            for process in processes:
                process.join(5.0)
                process.kill()
                process.join()

    return run
