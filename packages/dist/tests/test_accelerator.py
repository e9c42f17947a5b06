"""The roads of a job with accelerators, walked on a CPU: a backend for ``cuda`` only, and a stand-in for torch.cuda."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import distributed as torch_dist
from torch._subclasses.fake_tensor import FakeTensorMode

from eng_dist import (
    LaunchError,
    RemoteRankError,
    abort_on_error,
    all_gather,
    all_gather_object,
    all_reduce,
    barrier,
    broadcast,
    broadcast_object_list,
    collect_results,
    gather,
    gather_object,
    get_backend,
    get_comm_device,
    get_rank,
    sync_random_seed,
)
from eng_dist.backends import choose_backends
from eng_dist.devices import get_host_device, get_travel_device

Run = Callable[..., list[Any]]
Prepare = Callable[[], None]
Node = Callable[..., Prepare]


def test_what_lies_in_host_memory_travels_beside_a_backend_of_the_accelerator(
    run: Run, cuda_only: Prepare
) -> None:
    """Tensors, objects, results and seeds: none of them meets a backend that cannot move it."""

    def body() -> Any:
        mine = torch.tensor([1.0 + get_rank()])
        total, shared, items = mine.clone(), mine.clone(), [get_rank()]
        barrier()
        all_reduce(total)
        broadcast(shared, 1)
        broadcast_object_list(items, 1)
        return (
            total.item(),
            shared.item(),
            items,
            [each.item() for each in all_gather(mine)],
            [each.item() for each in gather(mine)],
            all_gather_object({"rank": get_rank()}),
            gather_object(get_rank()),
            collect_results([get_rank()], 2, "gpu"),
            sync_random_seed() >= 0,
            get_backend(),
        )

    both = (3.0, 2.0, [1], [1.0, 2.0])
    objects = [{"rank": 0}, {"rank": 1}]
    assert run(body, backend="cudaonly", prepare=cuda_only) == [
        (*both, [1.0, 2.0], objects, [0, 1], [0, 1], True, "cudaonly"),
        (*both, [], objects, None, None, True, "cudaonly"),
    ]


@pytest.mark.parametrize(
    ("asked", "chosen"),
    [
        ("cudaonly", "cpu:gloo,cuda:cudaonly"),
        ("cuda:cudaonly", "cpu:gloo,cuda:cudaonly"),
        ("cpu:gloo,cuda:cudaonly", "cpu:gloo,cuda:cudaonly"),
        ("gloo", "gloo"),
        ("ucc", "ucc"),
        ("unknown", "unknown"),
    ],
)
def test_gloo_stands_beside_each_backend_that_does_not_serve_the_cpu(
    asked: str, chosen: str, cuda_only: Prepare
) -> None:
    """What serves it by itself is left as it was asked for; what torch does not know is torch's to refuse."""
    cuda_only()
    assert choose_backends(asked) == chosen


@pytest.mark.skipif(torch.cuda.is_available(), reason="NCCL can be had here")
@pytest.mark.parametrize("asked", ["nccl", "NCCL", "cuda:nccl", "cpu:gloo,cuda:nccl"])
def test_without_cuda_nothing_of_nccl_is_left(asked: str) -> None:
    """A configuration of another machine runs here."""
    assert choose_backends(asked) == "gloo"


def test_with_an_accelerator_its_backend_is_chosen_and_gloo(
    monkeypatch: pytest.MonkeyPatch, Cuda: Any
) -> None:
    """torch says which it is."""
    Cuda().install(monkeypatch.setattr)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_backends(None) == choose_backends("nccl") == "cpu:gloo,cuda:nccl"


def computes_on() -> Any:
    return get_comm_device(), torch_dist.group.WORLD.bound_device_id, all_gather_object(get_rank())


def test_each_rank_takes_the_device_of_its_number_and_the_group_is_bound_to_it(
    run: Run, on_a_node: Node
) -> None:
    """As under torchrun, where all devices of the machine are visible."""
    first, second = run(computes_on, backend="cudaonly", prepare=on_a_node(2))
    assert first == (torch.device("cuda", 0), torch.device("cuda", 0), [0, 1])
    assert second == (torch.device("cuda", 1), torch.device("cuda", 1), [0, 1])


def test_a_rank_that_sees_one_device_takes_it(run: Run, on_a_node: Node) -> None:
    """As under srun --gpus-per-task=1, whatever the number of the rank."""
    first, second = run(computes_on, backend="cudaonly", prepare=on_a_node(1))
    assert first == second == (torch.device("cuda", 0), torch.device("cuda", 0), [0, 1])


def test_two_ranks_with_one_device_between_them_are_named(run: Run, on_a_node: Node) -> None:
    """Two processes were started on a machine with one accelerator."""
    for error in run(computes_on, backend="cudaonly", prepare=on_a_node(1, "GPU-a")):
        assert isinstance(error, LaunchError)
        assert "ranks 0, 1 see one device on" in str(error)
        assert "it is the same (GPU-a.0)" in str(error)


def test_more_ranks_than_devices_are_refused(run: Run, on_a_node: Node) -> None:
    """Three ranks, two devices."""
    *_, third = run(computes_on, 3, backend="cudaonly", prepare=on_a_node(2), init_timeout=5.0)
    assert isinstance(third, LaunchError)
    assert "LOCAL_RANK=2, but only 2 devices are visible on" in str(third)


def test_a_group_that_has_no_backend_for_the_host_takes_its_data_to_the_accelerator(
    run: Run, on_a_node: Node
) -> None:
    """As one that the user made with NCCL alone; FakeTensors stand for what lies on the accelerator."""

    def body() -> Any:
        with FakeTensorMode():
            here, there = torch.zeros(1), torch.zeros(1, device="cuda")
        both = [get_travel_device(here), get_travel_device(there)]
        alone = torch_dist.new_group([0], backend="cudaonly")
        return both, [get_travel_device(here, alone), get_travel_device(there, alone), get_host_device(alone)]

    cpu, cuda = torch.device("cpu"), torch.device("cuda", 0)
    assert run(body, 1, backend="cudaonly", prepare=on_a_node(1)) == [([cpu, cuda], [cuda, cuda, cuda])]


def hangs(position: Callable[[], None]) -> Callable[[], Any]:
    """A body that stands still after `position`, as in the wait for a stream that waits for another rank."""

    def body() -> Any:
        with abort_on_error(patience=1.0) as scope:
            scope.phase, scope.step = "train", 3
            barrier()
            position()
            time.sleep(30.0)

    return body


def runs_ahead() -> None:
    """Rank 0 gives its accelerator a collective of torch's own, which this package does not see; rank 1 does not."""
    if get_rank() == 0:
        group = torch_dist.distributed_c10d._get_default_group()
        group._get_backend(torch.device("cuda")).allreduce([torch.ones(1)])


def test_who_is_missing_is_named_before_the_backend_of_the_accelerator_ends_the_process(
    run: Run, cuda_only: Prepare
) -> None:
    """NCCL's watchdog would end it at the time-out, and name nobody."""
    began = time.monotonic()
    errors = run(hangs(runs_ahead), backend="cudaonly", prepare=cuda_only, timeout=9.0)
    assert time.monotonic() - began < 20.0
    for error in errors:
        assert isinstance(error, RemoteRankError)
        assert (error.rank, error.step) == (1, 3)
        assert re.search(
            r"did not come to where rank 0 at barrier \(collective 1\), collective 1 of the accelerator, "
            r"train, step 3 has waited for [67] s\. Now: rank 0 .*; rank 1 at barrier",
            error.message,
        )


def test_ranks_that_are_level_are_left_alone(run: Run, cuda_only: Prepare) -> None:
    """They compute for longer than a collective may take."""

    def body() -> Any:
        with abort_on_error():
            barrier()
            time.sleep(8.0)
            barrier()
        return "done"

    assert run(body, backend="cudaonly", prepare=cuda_only, timeout=6.0) == ["done", "done"]
