"""The small process beside each rank that watches the rank's process, whatever the rank itself is doing.

A thread inside the rank would fall silent with it: a stopped process runs no thread, and one long call that
keeps Python's lock (unpickling a data set) looks like death. So each rank has a companion process. It watches its
rank's process and holds one connection to the hub, which runs in the companion of rank 0 and sends the first failure
to all ranks.

This is one file, because it is run as a script by ``python -I -S``: it starts in a fraction of a second, without
torch, and can import nothing but the standard library, not even the modules beside it. The rank's side is
`watcher_client`.

What a rank was doing is read from its `RankStatus`, a few bytes of shared memory that outlive it.
Messages are lines of JSON; nothing is unpickled. A process that connects must know the job's secret.
"""

import hmac
import ipaddress
import json
import mmap
import os
import selectors
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable
from typing import Any

TICK_SECONDS = 0.5
SILENT_SECONDS = 8.0
CONNECT_SECONDS = 60.0
LINGER_SECONDS = 10.0
ASK_SECONDS = 3.0
_LONGEST_LINE = 2**20
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")

Message = dict[str, Any]


class RankStatus:
    """What a rank is doing, in memory that it shares with its companion: written without a lock or a message."""

    SIZE = 192
    _ACTIVE, _STEP, _COLLECTIVES, _PHASE, _COLLECTIVE, _ENQUEUED, _TEXT = 0, 8, 16, 24, 88, 152, 64

    def __init__(self, file: int) -> None:
        """`file` is a descriptor of at least `SIZE` bytes; -1 makes a status that only this process has."""
        self._memory = mmap.mmap(file, self.SIZE)
        if file == -1:
            self.step = None

    @property
    def active(self) -> bool:
        """Whether the rank is inside of a guarded scope, so that its end would be a failure."""
        return self._memory[self._ACTIVE] == 1

    @active.setter
    def active(self, value: bool) -> None:
        self._memory[self._ACTIVE] = int(value)

    @property
    def step(self) -> int | None:
        """The step that the rank is in, None before the first."""
        step = self._number(self._STEP)
        return None if step < 0 else step

    @step.setter
    def step(self, value: int | None) -> None:
        struct.pack_into("<q", self._memory, self._STEP, -1 if value is None else value)

    @property
    def phase(self) -> str:
        """The name of what the rank does: train, val, save."""
        return self._text(self._PHASE)

    @phase.setter
    def phase(self, value: str) -> None:
        self._write(self._PHASE, value)

    @property
    def collectives(self) -> int:
        """How many collectives of the default group the rank has entered."""
        return self._number(self._COLLECTIVES)

    @property
    def collective(self) -> str:
        """The name of the last one."""
        return self._text(self._COLLECTIVE)

    def enter_collective(self, name: str) -> None:
        """Note that the rank enters a collective of the default group."""
        struct.pack_into("<q", self._memory, self._COLLECTIVES, self.collectives + 1)
        self._write(self._COLLECTIVE, name)

    @property
    def enqueued(self) -> int:
        """How many collectives the rank has given to the backend of its accelerator, those of torch's own included."""
        return self._number(self._ENQUEUED)

    @enqueued.setter
    def enqueued(self, value: int) -> None:
        struct.pack_into("<q", self._memory, self._ENQUEUED, value)

    def position(self, rank: int) -> Message:
        """All of it, as plain data."""
        return {
            "rank": rank,
            "step": self.step,
            "phase": self.phase,
            "collectives": self.collectives,
            "collective": self.collective,
            "enqueued": self.enqueued,
        }

    def _number(self, offset: int) -> int:
        return int(struct.unpack_from("<q", self._memory, offset)[0])

    def _text(self, offset: int) -> str:
        return self._memory[offset : offset + self._TEXT].rstrip(b"\0").decode(errors="replace")

    def _write(self, offset: int, text: str) -> None:
        self._memory[offset : offset + self._TEXT] = text.encode()[: self._TEXT].ljust(self._TEXT, b"\0")


class Connection:
    """Messages over a socket, each a line of JSON."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._rest = b""

    def send(self, message: Message) -> None:
        """Send, or do nothing where nobody listens any more: the loss shows on the next read."""
        try:
            self.sock.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            pass

    def receive(self) -> list[Message] | None:
        """The messages that have come, waiting for bytes; None when the other side is gone.

        Raises:
            ValueError: what came is no message.
        """
        try:
            received = self.sock.recv(65536)
        except OSError:
            received = b""
        if not received:
            return None
        *lines, self._rest = (self._rest + received).split(b"\n")
        if any(len(line) > _LONGEST_LINE for line in (*lines, self._rest)):
            raise ValueError("a line that is no message")
        return [_message(line) for line in lines]

    def receive_one(self) -> Message:
        """The next message, byte by byte: what follows it is left for `receive`.

        Raises:
            ConnectionError: the other side is gone.
        """
        line = b""
        while not line.endswith(b"\n"):
            byte = self.sock.recv(1)
            if not byte:
                raise ConnectionError("the other side has gone")
            line += byte
        return _message(line)


def _message(line: bytes) -> Message:
    try:
        message = json.loads(line)
    except RecursionError as error:
        raise ValueError("a line that is no message") from error
    if not isinstance(message, dict):
        raise ValueError("a line that is no message")
    return message


class Hub:
    """Where all companions meet: the first failure that it hears of goes to everybody."""

    def __init__(self, host: str, world_size: int, secret: str, loop: selectors.BaseSelector) -> None:
        self.world_size = world_size
        self.secret = secret
        self.loop = loop
        self.failure: Message | None = None
        self.ranks: dict[Connection, int] = {}
        self.greeted: set[int] = set()
        self.heard: dict[Connection, float] = {}
        self.positions: dict[int, Message] = {}
        self.asking: list[Connection] = []
        self.asked_at = -ASK_SECONDS
        self.listener = _listen(host, world_size)
        self.loop.register(self.listener, selectors.EVENT_READ, self._accept)

    @property
    def address(self) -> tuple[str, int]:
        """Where this machine reaches the hub; from elsewhere it is the same port of the host."""
        host, port = self.listener.getsockname()[:2]
        return ("localhost" if host in ("0.0.0.0", "::") else host), port

    @property
    def is_done(self) -> bool:
        """Whether everybody has been here and has left."""
        return not self.ranks and len(self.greeted) == self.world_size

    def tick(self, now: float) -> None:
        """Name who has been silent for too long; tell the others that we are here."""
        for connection, rank in list(self.ranks.items()):
            if now - self.heard[connection] > SILENT_SECONDS:
                self._lose(connection, f"nothing was heard of its machine for {SILENT_SECONDS:g} s")
            else:
                connection.send({"alive": rank})

    def _accept(self) -> None:
        sock, _ = self.listener.accept()
        sock.settimeout(2.0)
        connection = Connection(sock)
        self.loop.register(sock, selectors.EVENT_READ, lambda: self._hear(connection))

    def _hear(self, connection: Connection) -> None:
        try:
            messages = connection.receive()
        except ValueError:  # a stranger: a port scanner, a browser
            self._close(connection)
            return
        if messages is None:
            self._lose(connection, "its machine, or its companion process, was lost")
            return
        self.heard[connection] = time.monotonic()
        for message in messages:
            if connection in self.ranks:
                self._take(connection, message)
            elif hmac.compare_digest(str(message.get("secret")).encode(), self.secret.encode()):
                self._greet(connection, int(message["rank"]))
            else:
                self._close(connection)
                return

    def _greet(self, connection: Connection, rank: int) -> None:
        self.ranks[connection] = rank
        self.greeted.add(rank)
        if self.failure:
            connection.send({"failed": self.failure})

    def _take(self, connection: Connection, message: Message) -> None:
        if "failed" in message:
            self._tell(message["failed"])
        elif "ask" in message:
            self.asking.append(connection)
            self._ask_all(time.monotonic())
        elif "position" in message:
            self.positions[self.ranks[connection]] = message["position"]
            if len(self.positions) == len(self.ranks):
                self._answer()
        elif "bye" in message:
            self._close(connection)

    def _ask_all(self, now: float) -> None:
        """Once for all who ask at about the same time: in a hang they all do."""
        if now - self.asked_at > ASK_SECONDS:
            self.asked_at = now
            self.positions.clear()
            for other in self.ranks:
                other.send({"ask": True})

    def _answer(self) -> None:
        for connection in self.asking:
            connection.send({"positions": [self.positions[rank] for rank in sorted(self.positions)]})
        self.asking.clear()
        self.asked_at = -ASK_SECONDS

    def _tell(self, failure: Message) -> None:
        if self.failure is None:
            self.failure = failure
            for connection in self.ranks:
                connection.send({"failed": failure})

    def _lose(self, connection: Connection, why: str) -> None:
        rank = self.ranks.get(connection)
        self._close(connection)
        if rank is not None:
            self._tell({"rank": rank, "step": None, "phase": "", "message": why})

    def _close(self, connection: Connection) -> None:
        if connection.sock.fileno() == -1:
            return
        self.loop.unregister(connection.sock)
        connection.sock.close()
        self.ranks.pop(connection, None)
        self.heard.pop(connection, None)


class Watcher:
    """The companion of one rank."""

    def __init__(self, rank_connection: Connection, status: RankStatus) -> None:
        self.rank_connection = rank_connection
        self.status = status
        self.process = os.getppid()
        self.loop = selectors.DefaultSelector()
        self.failure: Message | None = None
        self.failed_at = 0.0
        self.stopped_ticks = 0
        self.gone = False
        self.gone_at = 0.0
        self.position: Message = {}
        self.moved_at = time.monotonic()
        self.rank_asks = False
        self.judges = False
        self.judged_at = 0.0

    def run(self) -> None:
        """Look after the rank until it and, where the hub is here, all others have gone."""
        config = self.rank_connection.receive_one()
        self.rank = int(config["rank"])
        self.stopped_after = float(config["stopped_after"])
        self.patience = float(config["patience"])
        self.limit = config["limit"]
        hub = None
        address = config["hub"]
        if address is None:
            hub = Hub(config["host"], config["world_size"], config["secret"], self.loop)
            self.rank_connection.send({"port": hub.address[1]})
            address = hub.address
        self.hub_connection = Connection(_connect(str(address[0]), int(address[1])))
        self.hub_connection.send({"secret": config["secret"], "rank": self.rank})
        self.heard = time.monotonic()
        self.loop.register(self.rank_connection.sock, selectors.EVENT_READ, self._hear_main)
        self.loop.register(self.hub_connection.sock, selectors.EVENT_READ, self._hear_hub)
        last = time.monotonic()
        while not self._may_go(hub):
            for key, _ in self.loop.select(TICK_SECONDS):
                handle: Callable[[], None] = key.data
                handle()
            now = time.monotonic()
            if now - last >= TICK_SECONDS:
                self._forgive(hub, now - last)
                last = now
                self._tick(now)
                if hub:
                    hub.tick(now)

    def _may_go(self, hub: Hub | None) -> bool:
        """Not before the rank, nor, where the hub is here, before all others; those who never came are not awaited."""
        if not self.gone or hub is None:
            return self.gone
        return hub.is_done or (not hub.ranks and time.monotonic() - self.gone_at > LINGER_SECONDS)

    def _forgive(self, hub: Hub | None, elapsed: float) -> None:
        """If we ourselves were stopped (a suspended job), that time counts as silence of nobody."""
        if elapsed > 4 * TICK_SECONDS:
            self.heard += elapsed
            if hub:
                hub.heard = {connection: heard + elapsed for connection, heard in hub.heard.items()}

    def _tick(self, now: float) -> None:
        if self.gone:
            return
        if os.getppid() != self.process:
            self._leave()
            return
        self.hub_connection.send({"alive": self.rank})
        self.stopped_ticks = self.stopped_ticks + 1 if _is_stopped(self.process) else 0
        if self.stopped_ticks * TICK_SECONDS >= self.stopped_after and self.status.active:
            self._report(f"process {self.process} has been stopped (SIGSTOP) for {self.stopped_after:g} s")
        if now - self.heard > SILENT_SECONDS:
            self._hear_failure(_lost_hub())
        if self.limit and self._still(now) > self.limit and now - self.judged_at > ASK_SECONDS:
            self.judges, self.judged_at = True, now
            self.hub_connection.send({"ask": True})
        if (
            self.failure
            and self.status.active
            and (self.stopped_ticks or now - self.failed_at > self.patience)
        ):
            self._end_process()

    def _still(self, now: float) -> float:
        """For how many seconds the rank has been where it is."""
        position = self.status.position(self.rank)
        if position != self.position or not self.status.active or self.stopped_ticks:
            self.position, self.moved_at = position, now
        return now - self.moved_at

    def _end_process(self) -> None:
        assert self.failure is not None
        state = "is stopped" if self.stopped_ticks else f"has not reacted for {self.patience:g} s"
        print(
            f"eng: rank {self.rank} (process {self.process}) is killed, since rank {self.failure['rank']} has failed "
            f"and it {state}. The failure: {self.failure['message']}",
            file=sys.stderr,
            flush=True,
        )
        os.kill(self.process, signal.SIGKILL)

    def _hear_main(self) -> None:
        messages = self.rank_connection.receive()
        if messages is None:
            self._leave()
            return
        for message in messages:
            if "bye" in message:
                self.status.active = False
                self._leave()
                return
            self.rank_asks = self.rank_asks or "ask" in message
            self.hub_connection.send(message)

    def _hear_hub(self) -> None:
        messages = self.hub_connection.receive()
        if messages is None:
            self.loop.unregister(self.hub_connection.sock)
            self._hear_failure(_lost_hub())
            return
        self.heard = time.monotonic()
        for message in messages:
            if "failed" in message:
                self._hear_failure(message["failed"])
            elif "ask" in message:
                still = self._still(time.monotonic())
                self.hub_connection.send({"position": self.status.position(self.rank) | {"still": still}})
            elif "positions" in message:
                self._hear_positions(message)

    def _hear_positions(self, message: Message) -> None:
        """The rank has asked for them, or this companion has, since the rank has not moved for too long."""
        if self.rank_asks:
            self.rank_connection.send(message)
        if self.judges:
            self.rank_connection.send({"stalled": message["positions"]})
        self.rank_asks = self.judges = False

    def _hear_failure(self, failure: Message) -> None:
        if self.failure is None:
            self.failure = failure
            self.failed_at = time.monotonic()
            self.rank_connection.send({"failed": failure})

    def _report(self, message: str) -> None:
        if self.failure is None:
            self.hub_connection.send({"failed": self.status.position(self.rank) | {"message": message}})

    def _leave(self) -> None:
        """The rank has gone: quietly, or in the middle of its work."""
        if self.gone:
            return
        self.gone, self.gone_at = True, time.monotonic()
        if self.status.active:
            self._report(
                f"process {self.process} has ended without an exception: killed (out of memory?) or os._exit"
            )
        self.loop.unregister(self.rank_connection.sock)
        self.hub_connection.send({"bye": self.rank})


def _lost_hub() -> Message:
    return {"rank": 0, "step": None, "phase": "", "message": "the connection to its machine was lost"}


def _listen(host: str, world_size: int) -> socket.socket:
    """A listener on the address of `host` only, or on all addresses where that is not one of this machine."""
    backlog = max(world_size, 128)
    family, _, _, _, address = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0]
    own_name_only = ipaddress.ip_address(address[0]).is_loopback and host not in _LOOPBACK_NAMES
    if not own_name_only:  # as with Debian's 127.0.1.1, under which no other machine finds this one
        try:
            return socket.create_server(address[:2], family=family, backlog=backlog)
        except OSError:
            pass  # MASTER_ADDR leads here by way of another machine
    return socket.create_server(("", 0), backlog=backlog)


def _connect(host: str, port: int) -> socket.socket:
    deadline = time.monotonic() + CONNECT_SECONDS
    while True:
        try:
            sock = socket.create_connection((host, port), timeout=2.0)
            break
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(TICK_SECONDS)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _is_stopped(process: int) -> bool:
    """Whether the system shows the process as stopped; a debugger's halt ('t') is none."""
    try:
        with open(f"/proc/{process}/stat", "rb") as stat:
            return stat.read().rpartition(b")")[2].split()[0] == b"T"
    except OSError:
        return False


def main() -> None:
    """Run as ``python -I -S watcher.py <descriptor of the rank's connection> <descriptor of its status>``."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # they are meant for the rank; we go when it goes
    connection, status = (int(argument) for argument in sys.argv[1:3])
    try:
        Watcher(Connection(socket.socket(fileno=connection)), RankStatus(status)).run()
    except OSError as error:
        print(f"eng: failures of other ranks will not end this one: {error}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
