"""The sockets that process groups of this process have opened; closing them is the only way to end a gloo call."""

import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager

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


def shut_connections() -> None:
    """Shut every remembered connection that is still open; whatever waits on one returns."""
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
