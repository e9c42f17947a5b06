import atexit
import logging
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch.distributed import TCPStore

from eng_dist import (
    LaunchError,
    MissingVariableError,
    all_reduce,
    destroy,
    get_backend,
    get_dist_info,
    get_rank,
    infer_launcher,
    init_dist,
    is_distributed,
)
from eng_dist.launch import _agree_on_life
from eng_dist.launchers import LaunchInfo

Run = Callable[..., list[Any]]


def total() -> Any:
    ranks = torch.tensor(get_rank() + 1)
    all_reduce(ranks)
    return ranks.item(), get_backend(), os.environ["RANK"], os.environ["WORLD_SIZE"], os.environ["LOCAL_RANK"]


def test_none_starts_nothing() -> None:
    """A script may call init_dist in every case."""
    init_dist("none")
    destroy()
    assert not is_distributed()


@pytest.mark.skipif(torch.accelerator.is_available(), reason="with an accelerator its backend is chosen")
@pytest.mark.parametrize("backend", [None, "gloo", "nccl"])
def test_a_torch_for_the_cpu_gets_gloo_by_itself(run: Run, backend: str | None) -> None:
    """Also where the configuration, written for another machine, says nccl."""
    assert run(total, backend=backend) == [(3, "gloo", "0", "2", "0"), (3, "gloo", "1", "2", "1")]


@pytest.mark.parametrize(
    ("launcher", "names"),
    [
        ("slurm", ("SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID")),
        ("mpi", ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK")),
    ],
)
def test_slurm_and_mpi_start_the_same_job(run: Run, launcher: str, names: tuple[str, str, str]) -> None:
    """Code that reads RANK finds it, whoever started the process."""

    def body() -> Any:
        destroy()
        for name, torchs in zip(names, ("RANK", "WORLD_SIZE", "LOCAL_RANK"), strict=True):
            os.environ[name] = os.environ.pop(torchs)
        os.environ["SLURM_NODELIST"] = "unused"
        assert infer_launcher() == launcher
        init_dist(launcher)
        return total()

    assert run(body) == [(3, "gloo", "0", "2", "0"), (3, "gloo", "1", "2", "1")]


def test_a_group_can_follow_another(run: Run) -> None:
    """destroy ends the group; the same process may start again."""

    def body() -> Any:
        seen = [get_dist_info()]
        time.sleep(0.3 * get_rank())  # rank 0 is at the second start before rank 1 has left the first
        destroy()
        seen.append(get_dist_info())
        init_dist("pytorch")
        return [*seen, get_dist_info()]

    assert run(body) == [[(0, 2), (0, 1), (0, 2)], [(1, 2), (0, 1), (1, 2)]]


def test_a_group_that_somebody_else_made_is_not_ended(run: Run) -> None:
    """Who starts it ends it."""

    def body() -> bool:
        destroy()
        store = torch.distributed.TCPStore("localhost", 0, 1, True)
        torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
        destroy()
        mine = is_distributed()
        torch.distributed.destroy_process_group()
        return mine

    assert run(body) == [True, True]


def test_a_missing_variable_is_named_before_anybody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a KeyError too, which is what the lookup of a variable would have been."""
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(MissingVariableError, match="torchrun are not right: RANK is not set; WORLD_SIZE is"):
        init_dist("pytorch")


def test_a_port_in_use_is_named(monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]) -> None:
    """Two jobs on one machine."""
    with socket.create_server(("", int(environ["MASTER_PORT"]))):
        for name, value in (environ | {"RANK": "0", "LOCAL_RANK": "0"}).items():
            monkeypatch.setenv(name, value)
        with pytest.raises(LaunchError, match=f"MASTER_PORT={environ['MASTER_PORT']} cannot be opened on"):
            init_dist("pytorch")


def test_an_unknown_host_is_named(monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]) -> None:
    """A slip in the job script."""
    for name, value in (
        environ | {"RANK": "1", "LOCAL_RANK": "1", "MASTER_ADDR": "no.such.host.invalid"}
    ).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(LaunchError, match=r"MASTER_ADDR='no\.such\.host\.invalid' is not a known host"):
        init_dist("pytorch")


def test_nobody_at_the_address_is_said_within_the_time(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]
) -> None:
    """The address exists, rank 0 is elsewhere."""
    for name, value in (environ | {"RANK": "1", "LOCAL_RANK": "1"}).items():
        monkeypatch.setenv(name, value)
    began = time.monotonic()
    with pytest.raises(LaunchError, match="rank 1 did not reach MASTER_ADDR:MASTER_PORT=localhost:"):
        init_dist("pytorch", init_timeout=1.0)
    assert time.monotonic() - began < 20.0


def test_ranks_that_were_never_started_are_named(start: Callable[..., Any]) -> None:
    """WORLD_SIZE says three, two come."""
    ranks = start(total, 0, init_timeout=2.0)
    ranks.environ["WORLD_SIZE"] = "3"
    for rank in range(2):
        ranks.start(total, rank, "pytorch", {"init_timeout": 2.0})
    first, second = ranks.results()
    assert isinstance(first, LaunchError)
    assert "WORLD_SIZE=3, but after 2 s rank(s) 2 have not come" in str(first)
    assert isinstance(second, LaunchError)


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"timeout": "600"}, TypeError, "timeout is a number of seconds, for example timeout=600; got '600'"),
        ({"init_backend": "colossalai"}, ValueError, "'torch' or 'deepspeed', not 'colossalai'"),
        ({"launcher": "ssh"}, ValueError, "there is no launcher 'ssh'"),
    ],
)
def test_wrong_arguments_are_refused(options: dict[str, Any], error: type[Exception], says: str) -> None:
    """Before anything starts."""
    with pytest.raises(error, match=says):
        init_dist(**({"launcher": "pytorch"} | options))


def test_what_nccl_becomes_is_logged(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """One line says why the backend is another one."""
    if torch.cuda.is_available():
        pytest.skip("NCCL can be had here")
    for name, value in (environ | {"WORLD_SIZE": "1", "RANK": "0", "LOCAL_RANK": "0"}).items():
        monkeypatch.setenv(name, value)
    with caplog.at_level(logging.INFO, "eng_dist"):
        init_dist("pytorch", "nccl")
        destroy()
    assert caplog.messages == ["backend 'nccl' needs CUDA, which is not available here: using 'gloo'"]


def _info_of(rank: int, port: int) -> LaunchInfo:
    return LaunchInfo(rank=rank, world_size=3, local_rank=rank, master_addr="127.0.0.1", master_port=port)


def test_each_life_has_its_own_name_in_a_store_that_outlives_them() -> None:
    """Whatever the hosts count: all ranks of a life get one name, with words of a former life about."""
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)

    def life() -> set[str]:
        def be(rank: int) -> str:
            info = _info_of(rank, store.port)
            client = TCPStore("127.0.0.1", store.port, is_master=False)
            return _agree_on_life(client, info, 20.0)

        with ThreadPoolExecutor(3) as pool:
            return set(pool.map(be, range(3)))

    first, second = life(), life()
    assert len(first) == len(second) == 1
    assert first != second


def test_a_life_without_all_ranks_names_who_is_missing() -> None:
    """Rank 0 alone waits its time and says whom for."""
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    info = _info_of(0, store.port)
    with pytest.raises(LaunchError, match=r"rank\(s\) 1, 2 have not come"):
        _agree_on_life(store, info, 0.1)


THREADS = """
import os, sys
import eng_dist
eng_dist.init_dist("pytorch", backend="gloo")
import torch.distributed.nn.functional
eng_dist.all_gather_object(1)
eng_dist.destroy()
print([name for id in os.listdir("/proc/self/task") if "gloo" in (name := open(f"/proc/self/task/{id}/comm").read())])
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="threads of C++ are counted in /proc")
def test_the_threads_of_a_group_end_with_it(environ: dict[str, str]) -> None:
    """Also when modules of torch are imported while it is there: none may run while the interpreter ends."""
    ranks = [
        subprocess.Popen(
            [sys.executable, "-c", THREADS],
            env=os.environ | environ | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in range(int(environ["WORLD_SIZE"]))
    ]
    assert [rank.communicate(timeout=60)[0] for rank in ranks] == ["[]\n"] * len(ranks)


AT_THE_END = """
import atexit, sys
import eng_dist
atexit.register(lambda: print("group" if eng_dist.is_distributed() else "no group", flush=True))
eng_dist.init_dist("pytorch", backend="gloo")
if sys.argv[1] == "fails":
    if eng_dist.get_rank() == 0:
        eng_dist.barrier()
    raise ValueError("on rank 1 only")
"""


@pytest.mark.parametrize("how", ["ends", "fails"])
def test_a_group_ends_with_its_process(environ: dict[str, str], how: str) -> None:
    """Also after an exception, while another rank waits: it hears that the connection is closed."""
    began = time.monotonic()
    ranks = [
        subprocess.Popen(
            [sys.executable, "-c", AT_THE_END, how],
            env=os.environ | environ | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for rank in range(int(environ["WORLD_SIZE"]))
    ]
    assert [rank.communicate(timeout=60)[0] for rank in ranks] == ["no group\n"] * len(ranks)
    assert [rank.returncode for rank in ranks] == [int(how == "fails")] * len(ranks)
    assert time.monotonic() - began < 40.0


def test_a_fork_does_not_end_the_group_of_its_parent(run: Run) -> None:
    """A worker that ends by itself runs what was registered for the end of the process."""

    def body() -> Any:
        worker = os.fork()
        if worker == 0:
            atexit._run_exitfuncs()
            os._exit(0)
        os.waitpid(worker, 0)
        return total()[0]

    assert run(body) == [3, 3]
