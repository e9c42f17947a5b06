"""The rank's side of its companion process (`watcher`): start it, send to it, receive from it."""

import json
import os
import queue
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from typing import Any

from torch import distributed as torch_dist

from eng_dist import watcher
from eng_dist.backends import of_accelerators
from eng_dist.environment import get_dist_info
from eng_dist.watcher import Connection, Message, RankStatus

_HEAD_START_SECONDS = 10.0
CAN_WATCH = sys.platform != "win32" and bool(sys.executable)

_made = 0
_current: "WatcherClient | None" = None
_current_group: Any = None


class WatcherClient:
    """The companion process of this rank, for as long as the process group lives.

    `on_failure` is called, in a thread of its own, after the first failure of any rank. `on_stall` is called with what
    every rank is doing when this one has not moved for nearly as long as the backend of its accelerator waits, which is
    `limit` seconds; None where the backend raises by itself.
    """

    def __init__(self, key: str, *, stopped_after: float, patience: float) -> None:
        self.rank, self.world_size = get_dist_info()
        self.failure: Message | None = None
        self.failed = threading.Event()
        self.on_failure: Callable[[], None] = lambda: None
        self.on_stall: Callable[[list[Message]], None] = lambda positions: None
        self.limit = limit_of_the_accelerator()
        self._positions: queue.SimpleQueue[list[Message]] = queue.SimpleQueue()
        with tempfile.TemporaryFile() as file:
            file.truncate(RankStatus.SIZE)
            self.status = RankStatus(file.fileno())
            self.status.step = None
            here, there = socket.socketpair()
            command = [sys.executable, "-I", "-S", watcher.__file__, str(there.fileno()), str(file.fileno())]
            self._process = subprocess.Popen(
                command,
                pass_fds=(there.fileno(), file.fileno()),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
            there.close()
        self._connection = Connection(here)
        self._introduce(key, {"stopped_after": stopped_after, "patience": patience, "limit": self.limit})
        threading.Thread(target=self._read, name="eng-dist-watch", daemon=True).start()
        self._closed = threading.Event()
        if self.limit is not None:
            threading.Thread(target=self._count, name="eng-dist-count", daemon=True).start()

    def report(self, message: str) -> None:
        """Tell everybody that this rank has failed."""
        self.publish(self.status.position(self.rank) | {"message": message})

    def publish(self, failure: Message) -> None:
        """Tell everybody of a failure, unless there was one before."""
        self._connection.send({"failed": failure})

    def positions(self, seconds: float) -> list[Message]:
        """What every rank is doing, as their companions see it; empty if no answer comes in time."""
        self._connection.send({"ask": True})
        try:
            return self._positions.get(timeout=seconds)
        except queue.Empty:
            return []

    def close(self) -> None:
        """Say goodbye: that this process ends is no failure any more."""
        self._closed.set()
        self._connection.send({"bye": True})

    def _count(self) -> None:
        """Note twice a second how many collectives the accelerator was given, as DDP starts its own without us."""
        while not self._closed.wait(watcher.TICK_SECONDS):
            count = _enqueued()
            if count is not None:
                self.status.enqueued = count

    def _introduce(self, key: str, config: Message) -> None:
        """The ranks find the hub, and learn the secret of the job, through torch's store."""
        store = torch_dist.distributed_c10d._get_default_store()
        config |= {"rank": self.rank, "world_size": self.world_size, "host": _host(store), "hub": None}
        if self.rank == 0:
            secret = secrets.token_hex(16)
            self._connection.send(config | {"secret": secret})
            port = self._connection.receive_one()["port"]
            store.set(key, json.dumps({"host": config["host"], "port": port, "secret": secret}))
        else:
            hub = json.loads(store.get(key))
            self._connection.send(config | {"hub": [hub["host"], hub["port"]], "secret": hub["secret"]})

    def _read(self) -> None:
        while (messages := self._connection.receive()) is not None:
            for message in messages:
                if "positions" in message:
                    self._positions.put(message["positions"])
                elif "stalled" in message:
                    self.on_stall(message["stalled"])
                elif self.failure is None:
                    self.failure = message["failed"]
                    self.failed.set()
                    threading.Thread(target=self.on_failure, name="eng-dist-failure", daemon=True).start()
        self._connection.sock.close()
        self._process.wait()


def current_watcher(*, stopped_after: float, patience: float) -> WatcherClient | None:
    """The watcher of the default process group, started if need be; None in a world of one."""
    global _made, _current, _current_group
    if not CAN_WATCH or get_dist_info()[1] == 1:
        return None
    group = torch_dist.distributed_c10d._get_default_group()
    if _current is None or group is not _current_group:
        _made += 1
        _current = WatcherClient(f"eng/watch/{_made}", stopped_after=stopped_after, patience=patience)
        _current_group = group
    return _current


def end_watcher() -> None:
    """Called when the process group ends."""
    global _current, _current_group
    if _current is not None:
        _current.close()
    _current, _current_group = None, None


def limit_of_the_accelerator() -> float | None:
    """Return after how many seconds without progress to look for missing ranks: before the backend ends the process.

    None for gloo, whose time-out is an exception.
    """
    backend = _of_the_accelerator()
    try:
        seconds = float(backend.options._timeout.total_seconds())
    except (AttributeError, RuntimeError):  # there is none, or it is one that keeps no options
        return None
    return seconds - min(_HEAD_START_SECONDS, seconds / 3)


def _enqueued() -> int | None:
    try:
        return int(_of_the_accelerator()._get_sequence_number_for_group())
    except (AttributeError, RuntimeError, ValueError):  # the group has ended, or its backend does not count
        return None


def _of_the_accelerator() -> Any:
    """The default group's backend for an accelerator; None without one."""
    backends = of_accelerators(torch_dist.distributed_c10d._get_default_group())
    return backends[0] if backends else None


def _host(store: Any) -> str:
    """The machine of rank 0, as the others reach it: that of torch's store."""
    while hasattr(store, "underlying_store"):
        store = store.underlying_store
    return str(getattr(store, "host", None) or os.environ.get("MASTER_ADDR") or socket.gethostname())
