"""Make a collective return that waits for a rank which will never come.

NCCL and its like can be aborted. gloo cannot: its call returns when a connection breaks, so we break those
that were opened with our groups, from this side. The job is over when this is called.
"""

import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from torch import distributed as torch_dist

_FOLDERS_OF_DESCRIPTORS = ("/proc/self/fd", "/dev/fd")

_connections: set[int] = set()


@contextmanager
def remember_connections() -> Iterator[None]:
    """Remember the sockets that the body opens as those of a process group."""
    before = set(_sockets())
    yield
    _connections.update(set(_sockets()) - before)


def forget_connections() -> None:
    """Called when the default process group ends, and all others with it."""
    _connections.clear()


def break_off() -> None:
    """Make every collective of this process fail, those that are waiting at once."""
    if torch_dist.is_initialized() and torch_dist.get_backend() != "gloo":
        torch_dist.distributed_c10d._get_default_group().abort()
    for identity, descriptor in _sockets().items():
        if identity in _connections:
            _shut(descriptor)


def _sockets() -> dict[int, int]:
    """The open sockets of this process, by the number that the system gives each only once."""
    folder = next((folder for folder in _FOLDERS_OF_DESCRIPTORS if os.path.isdir(folder)), None)
    found = {}
    for name in os.listdir(folder) if folder else ():
        try:
            status = os.fstat(int(name))
        except OSError:
            continue  # the one that listed the folder
        if stat.S_ISSOCK(status.st_mode):
            found[status.st_ino] = int(name)
    return found


def _shut(descriptor: int) -> None:
    try:
        with socket.socket(fileno=os.dup(descriptor)) as connection:
            connection.getpeername()  # a listener has no peer, and gloo does not survive the end of its own
            connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # not connected, or closed in the meantime
