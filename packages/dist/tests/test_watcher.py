import selectors
import socket
import time
from collections.abc import Iterator

import pytest

from eng_dist.watcher import Connection, Hub, RankStatus


class Job:
    """A hub for two ranks, turned by hand."""

    def __init__(self) -> None:
        self.loop = selectors.DefaultSelector()
        self.hub = Hub("localhost", 2, "secret", self.loop)
        self.lines: list[Connection] = []

    def connect(self, *messages: dict[str, object]) -> Connection:
        line = Connection(socket.create_connection(self.hub.address, timeout=5.0))
        self.lines.append(line)
        for message in messages:
            line.send(message)
        self.turn()
        return line

    def turn(self) -> None:
        while events := self.loop.select(0.2):
            for key, _ in events:
                key.data()


@pytest.fixture
def job() -> Iterator[Job]:
    job = Job()
    yield job
    for line in job.lines:
        line.sock.close()
    job.turn()
    job.hub.listener.close()
    job.loop.close()


def hello(rank: int) -> dict[str, object]:
    return {"secret": "secret", "rank": rank}


def failure(rank: int) -> dict[str, object]:
    return {"failed": {"rank": rank, "step": None, "phase": "", "message": "broken"}}


def test_a_status_holds_what_was_written_into_it() -> None:
    """Names are cut where they are too long, X."""
    status = RankStatus(-1)
    assert status.position(3) == {
        "rank": 3,
        "step": None,
        "phase": "",
        "collectives": 0,
        "collective": "",
        "enqueued": 0,
    }
    status.step, status.phase, status.active = 2**40, "é" * 100, True
    status.enter_collective("barrier")
    status.enter_collective("gather")
    status.enqueued = 2**33
    assert status.active
    assert status.position(0) == {
        "rank": 0,
        "step": 2**40,
        "phase": "é" * 32,
        "collectives": 2,
        "collective": "gather",
        "enqueued": 2**33,
    }


def test_messages_keep_their_bounds() -> None:
    """Two in one packet, one in two; the first alone leaves the next for the loop."""
    here, there = socket.socketpair()
    with here, there:
        line = Connection(there)
        here.sendall(b'{"a": 1}\n{"b": 2}\n{"c"')
        assert line.receive_one() == {"a": 1}
        assert line.receive() == [{"b": 2}]
        here.sendall(b": 3}\n")
        assert line.receive() == [{"c": 3}]
        here.close()
        assert line.receive() is None
        with pytest.raises(ConnectionError):
            line.receive_one()


def test_the_first_failure_goes_to_everybody_also_to_who_comes_later(job: Job) -> None:
    """The second is an echo."""
    first = job.connect(hello(0), failure(0))
    second = job.connect(hello(1), failure(1))
    assert (first.receive(), second.receive()) == ([failure(0)], [failure(0)])


@pytest.mark.parametrize(
    "words",
    [
        b'{"secret": "guess", "rank": 1, "failed": {}}\n',
        b'{"secret": "\xc3\xa9", "rank": 1}\n',
        b'{"failed": {"rank": 1}}\n',
        b"GET / HTTP/1.1\r\n\r\n",
        b"[1]\n",
        b"[" * 100_000 + b"\n",
        b"\xff\xfe\n",
    ],
)
def test_who_does_not_know_the_secret_is_sent_away(job: Job, words: bytes) -> None:
    """Another user of the machine cannot end the job, nor can a port scanner or a browser."""
    stranger = job.connect()
    stranger.sock.sendall(words)
    job.turn()
    assert stranger.receive() is None
    assert job.hub.failure is None


def test_a_rank_whose_machine_is_lost_is_named(job: Job) -> None:
    """Its connection ends without a goodbye."""
    first, second = job.connect(hello(0)), job.connect(hello(1))
    second.sock.close()
    job.turn()
    (message,) = first.receive() or [{}]
    assert message["failed"]["rank"] == 1
    assert "was lost" in message["failed"]["message"]


def test_a_rank_that_has_fallen_silent_is_named(job: Job) -> None:
    """A cable was pulled: nothing is sent, and nothing is closed."""
    job.connect(hello(0))
    job.connect(hello(1))
    job.hub.tick(time.monotonic() + 4.0)
    assert job.hub.failure is None
    job.hub.tick(time.monotonic() + 10.0)
    assert job.hub.failure is not None
    assert "nothing was heard of its machine for 8 s" in job.hub.failure["message"]


def test_the_hub_stays_until_all_have_come_and_gone(job: Job) -> None:
    """Rank 0 may end first; its companion still carries the news of the others."""
    first = job.connect(hello(0))
    assert not job.hub.is_done
    first.send({"bye": 0})
    job.turn()
    assert not job.hub.is_done
    job.connect(hello(1), {"bye": 1})
    assert job.hub.is_done
    assert job.hub.failure is None


def test_in_a_hang_all_ask_and_each_is_asked_once(job: Job) -> None:
    """All get the one answer, when everybody has given theirs."""
    lines = [job.connect(hello(rank)) for rank in range(2)]
    for line in lines:
        line.send({"ask": True})
    job.turn()
    assert [line.receive() for line in lines] == [[{"ask": True}]] * 2
    for rank, line in enumerate(lines):
        line.send({"position": {"rank": rank}})
    job.turn()
    assert [line.receive() for line in lines] == [[{"positions": [{"rank": 0}, {"rank": 1}]}]] * 2
