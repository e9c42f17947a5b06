"""Start the process group of the job, and end it."""

import atexit
import json
import multiprocessing
import os
import socket
import sys
import time
import uuid
from collections import Counter
from datetime import timedelta
from typing import Any

import torch

# Before any group is there: its functions take the default group of their import as the default of an argument, and
# would keep the group and its threads beyond `destroy`, up to the end of the interpreter, which does not go well.
import torch.distributed.nn.functional
from torch import distributed as torch_dist
from torch._C._distributed_c10d import (
    PrefixStore,
    Store,
    TCPStore,
)  # torch.distributed's, which mypy does not see

from eng_dist import launchers
from eng_dist.backends import accelerator_backend, choose_backends
from eng_dist.connections import forget_connections, remember_connections
from eng_dist.devices import get_device
from eng_dist.environment import forget_local_group, get_backend, is_distributed
from eng_dist.launchers import LaunchError, LaunchInfo
from eng_dist.trace import check_if_asked, forget_numbers
from eng_dist.unblock import break_off
from eng_dist.watcher_client import end_watcher

_PAUSE = 0.02
_started_here = False
_starts: Counter[str] = Counter()
"""How often this process has come to each address: the first groups of all ranks meet, the second, and so on."""
_served: dict[int, Store] = {}
"""The stores of this process by port. They live as long as it does: a rank may be late in leaving the last group."""


def infer_launcher() -> str:
    """Who has started this process, by its environment: 'pytorch', 'slurm', 'mpi' or 'none'."""
    return launchers.infer_launcher(os.environ)


def init_dist(
    launcher: str,
    backend: str | None = None,
    init_backend: str = "torch",
    *,
    timeout: float = 600.0,
    init_timeout: float = 300.0,
    port: int | None = None,
    **kwargs: Any,
) -> None:
    """Start the default process group, with this process's info as `launcher` tells it.

    `launcher` is 'pytorch' (torchrun), 'slurm', 'mpi' or 'none', which starts nothing. `backend` is by
    default NCCL's like for the accelerator and gloo for the CPU; 'nccl' without CUDA becomes gloo. Next to the
    backend of an accelerator there is always gloo, for what lies in host memory.
    Ranks have `init_timeout` seconds to meet, then each collective has `timeout` seconds. `port` is for
    SLURM. Other arguments go to `torch.distributed.init_process_group` (with ``init_backend='deepspeed'`` to
    `deepspeed.init_distributed`, which takes over torch's group).

    The group ends with `destroy`, or with the process.

    Raises:
        TypeError: `timeout` is not a number of seconds.
        ValueError: `launcher` or `init_backend` is not known.
        LaunchError: a variable of the launcher is missing or wrong, the ranks did not meet, or two of them share
            an accelerator; the message names them. (A missing variable is a KeyError too.)
    """
    for name, seconds in (("timeout", timeout), ("init_timeout", init_timeout)):
        if isinstance(seconds, bool) or not isinstance(seconds, int | float):
            raise TypeError(f"{name} is a number of seconds, for example {name}=600; got {seconds!r}")
    if init_backend not in ("torch", "deepspeed"):
        raise ValueError(f"init_backend is 'torch' or 'deepspeed', not {init_backend!r}")
    if launcher == "none":
        return
    deepspeed = _deepspeed() if init_backend == "deepspeed" else None
    info = _launch_info(launcher, port)
    if multiprocessing.get_start_method(allow_none=True) is None:
        multiprocessing.set_start_method("spawn")  # a forked child of a process with an accelerator is broken
    os.environ.update(info.variables())
    chosen = choose_backends(backend)
    _take_device(info, chosen)
    store = _open_store(info, init_timeout)
    _meet(store, info, "here", init_timeout, about=_device_id())
    _refuse_shared_device(store, info, chosen)
    options = {"device_id": _bound_device(chosen), **({} if deepspeed else kwargs)}
    with remember_connections():
        torch_dist.init_process_group(
            chosen,
            store=PrefixStore("eng", store),
            rank=info.rank,
            world_size=info.world_size,
            timeout=timedelta(seconds=timeout),
            **options,
        )
    _meet(store, info, "connected", init_timeout)  # a rank that has little to do may end now
    if deepspeed is not None:  # which takes over the group that is there
        deepspeed.init_distributed(dist_backend=get_backend(), timeout=timedelta(seconds=timeout), **kwargs)
    check_if_asked()
    global _started_here
    _started_here = True
    atexit.unregister(_end_with_the_process)
    atexit.register(_end_with_the_process, os.getpid())


def destroy() -> None:
    """End the process group if `init_dist` started it; else nothing happens.

    A process that ends without this call, by an exception perhaps, does it then.
    """
    global _started_here
    if not _started_here:
        return
    end_watcher()
    if is_distributed():
        torch_dist.destroy_process_group()
    _started_here = False
    for forget in (forget_local_group, forget_connections, forget_numbers):
        forget()


def _end_with_the_process(starter: int) -> None:
    """Destroy the group at exit, but not in a fork; after an exception do not wait for other ranks."""
    if os.getpid() != starter:
        return
    if getattr(sys, "last_value", None) is not None:
        break_off()
    destroy()


def _launch_info(launcher: str, port: int | None) -> LaunchInfo:
    if launcher == "pytorch":
        return launchers.read_pytorch(os.environ)
    if launcher == "mpi":
        return launchers.read_mpi(os.environ)
    if launcher == "slurm":
        return launchers.read_slurm(os.environ, port, torch.accelerator.device_count())
    raise ValueError(f"there is no launcher {launcher!r}; there are 'none', 'pytorch', 'slurm' and 'mpi'")


def _take_device(info: LaunchInfo, backends: str) -> None:
    """Compute on the accelerator whose number is the local rank, or on the only one that this process sees."""
    count = torch.accelerator.device_count()
    if not count:
        return
    if accelerator_backend(backends) and count > 1 and info.local_rank >= count:
        raise LaunchError(
            f"LOCAL_RANK={info.local_rank}, but only {count} devices are visible on "
            f"{socket.gethostname()}: start fewer processes per machine, or look at CUDA_VISIBLE_DEVICES"
        )
    torch.accelerator.set_device_index(info.local_rank % count)


def _bound_device(backends: str) -> torch.device | None:
    """Return the accelerator to bind the group to, None for the CPU: torch then connects at once and splits groups."""
    return get_device() if accelerator_backend(backends) else None


def _device_id() -> str:
    """Return what identifies the device of this process in the whole job; '' where torch has no such identity."""
    device = get_device()
    if device.type == "cpu":
        return ""
    properties = torch.get_device_module(device).get_device_properties(device)
    return str(getattr(properties, "uuid", ""))


def _refuse_shared_device(store: Store, info: LaunchInfo, backends: str) -> None:
    """Where each process sees one device, it may be its own (srun --gpus-per-task=1) or the same for several.

    Raises:
        LaunchError: another rank has the device of this one.
    """
    if not accelerator_backend(backends) or torch.accelerator.device_count() > 1:
        return
    ids = [each.decode() for each in store.multi_get(_keys("here", info))]
    sharing = [str(rank) for rank, each in enumerate(ids) if each and each == ids[info.rank]]
    if len(sharing) > 1:
        raise LaunchError(
            f"ranks {', '.join(sharing)} see one device on {socket.gethostname()}, and it is the same "
            f"({ids[info.rank]}): give each process a device of its own (srun --gpus-per-task=1), or start "
            "one process"
        )


def _deepspeed() -> Any:
    try:
        import deepspeed
    except ImportError as error:
        raise ImportError("init_backend='deepspeed' needs DeepSpeed: pip install deepspeed") from error
    return deepspeed


def _keys(where: str, info: LaunchInfo) -> list[str]:
    return [f"{where}/{rank}" for rank in range(info.world_size)]


def _meet(store: Store, info: LaunchInfo, where: str, seconds: float, about: str = "") -> None:
    """Return once all ranks have come to this point of the start, and have published `about` themselves.

    Raises:
        LaunchError: ranks are missing after `seconds`; it names which.
    """
    keys = _keys(where, info)
    try:
        store.set(keys[info.rank], about)
        store.wait(keys, timedelta(seconds=seconds))
    except torch_dist.DistError as error:
        raise LaunchError(
            f"WORLD_SIZE={info.world_size}, but after {seconds:g} s {_who_is_absent(store, keys)} to "
            f"MASTER_ADDR:MASTER_PORT={info.master_addr}:{info.master_port}: start them, or set WORLD_SIZE "
            "to what was started"
        ) from error


def _who_is_absent(store: Store, keys: list[str]) -> str:
    try:
        absent = [str(rank) for rank, key in enumerate(keys) if not store.check([key])]
    except torch_dist.DistError:  # rank 0 has said so, and ended
        return "not all ranks have come"
    return f"rank(s) {', '.join(absent)} have not come"


def _open_store(info: LaunchInfo, seconds: float) -> Store:
    """The store where the ranks meet.

    Raises:
        LaunchError: it cannot be reached or opened.
    """
    agent_serves = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
    serve = info.rank == 0 and not agent_serves
    where = f"{info.master_addr}:{info.master_port}"
    try:
        socket.getaddrinfo(info.master_addr, info.master_port)
    except OSError as error:
        raise LaunchError(f"MASTER_ADDR={info.master_addr!r} is not a known host: {error}") from error
    if serve and info.master_port not in _served:
        _check_port_is_free(info)
    try:
        store = TCPStore(
            info.master_addr,
            info.master_port,
            info.world_size,
            serve,
            timedelta(seconds=seconds),
            wait_for_workers=False,
            multi_tenant=True,
        )
    except torch_dist.DistError as error:
        raise LaunchError(
            f"rank {info.rank} did not reach MASTER_ADDR:MASTER_PORT={where} within {seconds:g} s: "
            f"rank 0 must run there and be reachable ({str(error).splitlines()[0]})"
        ) from error
    if serve:
        _served[info.master_port] = store
    _starts[where] += 1
    life = _agree_on_life(store, info, seconds) if agent_serves else "0"
    return PrefixStore(f"/eng/life_{life}/start_{_starts[where]}", store)


def _agree_on_life(store: Store, info: LaunchInfo, seconds: float) -> str:
    """A name for this life of the job, the same on all ranks, where the store outlives the processes.

    The agents' count of restarts is no such name: they count their own, and hosts may have started anew for different
    reasons. So every rank says a word of its own, rank 0 repeats all of them beside the name, and whoever hears its
    word knows that the name is not from a former life.

    Raises:
        LaunchError: rank 0 has not answered, or not all have come, within `seconds`; it names which.
    """
    table = PrefixStore("/eng/lives", store)
    mine, deadline = uuid.uuid4().hex, time.monotonic() + seconds
    if info.rank != 0:
        table.set(f"word/{info.rank}", mine)
        while time.monotonic() < deadline:
            if table.check(["answer"]):
                answer = json.loads(table.get("answer").decode())
                if answer["words"].get(str(info.rank)) == mine:
                    table.set(f"heard/{answer['life']}/{info.rank}", "1")
                    return str(answer["life"])
            time.sleep(_PAUSE)
        raise LaunchError(
            f"rank 0 has not answered rank {info.rank} within {seconds:g} s: look at its output"
        )
    others = [str(rank) for rank in range(1, info.world_size)]
    heard = [f"heard/{mine}/{rank}" for rank in others]
    said: dict[str, str] | None = None
    while time.monotonic() < deadline:
        words = {rank: table.get(f"word/{rank}").decode() for rank in others if table.check([f"word/{rank}"])}
        if words != said:
            said = words
            table.set("answer", json.dumps({"life": mine, "words": words}))
        if all(table.check([key]) for key in heard):
            return mine
        time.sleep(_PAUSE)
    absent = [rank for rank, key in zip(others, heard, strict=True) if not table.check([key])]
    raise LaunchError(f"after {seconds:g} s rank(s) {', '.join(absent)} have not come: look at their hosts")


def _check_port_is_free(info: LaunchInfo) -> None:
    dual = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if dual else socket.AF_INET
    try:
        socket.create_server(("", info.master_port), family=family, dualstack_ipv6=dual).close()
    except OSError as error:
        raise LaunchError(
            f"MASTER_PORT={info.master_port} cannot be opened on {socket.gethostname()}: "
            f"{error.strerror}; another job may use it, choose a free one"
        ) from error
