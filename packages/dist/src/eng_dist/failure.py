"""The first exception on any rank ends all of them, within seconds.

Without this, a rank that raises leaves the others waiting in their next collective until its time-out, and
nobody says which rank it was. Each rank's companion process (`watcher`) carries the news; `unblock` makes
a waiting collective return; here it becomes an exception with a name.
"""

import faulthandler
import signal
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from torch import distributed as torch_dist

from eng_dist import trace
from eng_dist.unblock import break_off
from eng_dist.watcher import Message, RankStatus
from eng_dist.watcher_client import WatcherClient, current_watcher

# SIGURG is ignored where nobody handles it: a late one does no harm.
_SIGNAL: int | None = getattr(signal, "SIGURG", None)
_STDERR = 2  # the descriptor: sys.stderr may be a stream of a notebook, which has none
_LONGEST_TRACEBACK = 8000
_SECONDS_TO_HEAR = 3.0
_MARKS_OF_A_COLLECTIVE = (
    "gloo",
    "nccl",
    "processgroup",
    "connection closed by peer",
    "connection reset by peer",
)

_scope: "Scope | None" = None


class RemoteRankError(RuntimeError):
    """Another rank has failed, so this one cannot go on.

    `rank` is the one that failed first, in `step` and `phase` where they were told, for the reason in
    `message`.
    """

    def __init__(self, rank: int, step: int | None, phase: str, message: str) -> None:
        super().__init__(rank, step, phase, message)
        self.rank = rank
        self.step = step
        self.phase = phase
        self.message = message

    def __str__(self) -> str:
        where = (f" in {self.phase}" if self.phase else "") + (
            "" if self.step is None else f" at step {self.step}"
        )
        return f"rank {self.rank} failed{where}: {self.message}"


class Scope:
    """Where this rank is inside of `abort_on_error`, for the message that the others will read."""

    __slots__ = ("_status",)

    def __init__(self, status: RankStatus) -> None:
        self._status = status

    @property
    def step(self) -> int | None:
        """The step that runs; set it as often as you like, it costs less than a microsecond."""
        return self._status.step

    @step.setter
    def step(self, value: int | None) -> None:
        self._status.step = value

    @property
    def phase(self) -> str:
        """What runs: train, val, save (64 bytes at most)."""
        return self._status.phase

    @phase.setter
    def phase(self, value: str) -> None:
        self._status.phase = value


@contextmanager
def abort_on_error(*, stopped_after: float = 4.0, patience: float = 10.0) -> Iterator[Scope]:
    """Inside the body, the first failure of any rank raises `RemoteRankError` on all the others.

    A failure is an exception that leaves the body (but SystemExit, which is an end like any other), the death
    of the process, its being stopped for `stopped_after` seconds, or the loss of its machine. A rank that has
    heard of one and does not leave its body within `patience` seconds (stuck in a call that nothing interrupts)
    is killed. A collective that runs into its time-out says which ranks did not come, and where they were. All
    ranks must enter; the process group is broken off on failure. In a world of one the body just runs. A body
    inside a body belongs to it.

    >>> with abort_on_error() as scope:
    ...     scope.phase = 'train'
    ...     scope.step = 3
    """
    global _scope
    if _scope is not None:
        yield _scope
        return
    watcher = current_watcher(stopped_after=stopped_after, patience=patience)
    if watcher is None:
        yield Scope(RankStatus(-1))
        return
    guard = _Guard(watcher)
    guard.enter()
    _scope = Scope(watcher.status)
    try:
        guard.check()  # what failed before `_end` was set
        yield _scope
        guard.check()
    except BaseException as error:
        remote = guard.settle(error)
        if remote is None:
            raise
        raise remote from error
    finally:
        _scope = None
        guard.leave()


class _Guard:
    """One entry into the scope: brings the news of a failure into the thread that runs the body."""

    def __init__(self, watcher: WatcherClient) -> None:
        self.watcher = watcher
        self.thread = threading.current_thread()
        self.inside = False
        self.signal = _SIGNAL if self.thread is threading.main_thread() else None
        self.previous: Any = None

    def enter(self) -> None:
        if self.signal is not None:
            self.previous = signal.signal(self.signal, self._interrupt)
        trace.record_in(self.watcher.status)
        self.inside = True
        self.watcher.on_failure = self._end
        self.watcher.on_stall = self._look_for_the_missing
        self.watcher.status.active = True

    def leave(self) -> None:
        self.inside = False
        self.watcher.status.active = False
        trace.record_in(None)
        if self.signal is not None:
            signal.signal(self.signal, signal.SIG_DFL if self.previous is None else self.previous)

    def check(self) -> None:
        """Raise the failure of another rank, if there was one."""
        if self.watcher.failure is not None:
            raise _as_error(self.watcher.failure)

    def settle(self, error: BaseException) -> RemoteRankError | None:
        """Let everybody know; the error of another rank if `error` is only the echo of it."""
        self.inside = False
        if isinstance(error, RemoteRankError | SystemExit):
            return None
        if not _is_from_a_collective(error):
            self.watcher.report(_describe(error))
            break_off()
            return None
        if _is_a_time_out(error) and self.watcher.failure is None:
            self.watcher.publish(_who_is_missing(self.watcher, error))
        elif not self.watcher.failed.wait(_SECONDS_TO_HEAR):
            self.watcher.publish(_who_has_left(self.watcher, error))
        self.watcher.failed.wait(_SECONDS_TO_HEAR)
        break_off()
        failure = self.watcher.failure
        return None if failure is None else _as_error(failure)

    def _look_for_the_missing(self, positions: list[Message]) -> None:
        """Called in another thread when the body makes no progress, before NCCL's watchdog ends the process."""
        failure = _who_is_far_behind(self.watcher, positions)
        if self.inside and failure is not None:
            self.watcher.publish(failure)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self.inside:
            self.check()

    def _end(self) -> None:
        """Runs in a thread of its own once a failure is known: makes the body end, again and again until it has."""
        if self.watcher.failure and self.watcher.failure.get("stacks"):
            faulthandler.dump_traceback(_STDERR)
        if self.inside:
            break_off()
        while self.inside:
            if self.signal is not None and self.thread.ident is not None:
                signal.pthread_kill(self.thread.ident, self.signal)
            time.sleep(1.0)


def _as_error(failure: Message) -> RemoteRankError:
    return RemoteRankError(failure["rank"], failure["step"], failure["phase"], failure["message"])


def _describe(error: BaseException) -> str:
    """The error and where it arose, for a reader on another machine."""
    lines = "".join(traceback.format_exception(error)).rstrip()
    return f"{type(error).__name__}: {error}\n{lines[-_LONGEST_TRACEBACK:]}"


def _is_from_a_collective(error: BaseException | None) -> bool:
    """Whether `error`, or what led to it, comes from torch's communication: perhaps the echo of a failure."""
    while error is not None:
        text = str(error).lower()
        if isinstance(error, torch_dist.DistError) or (
            isinstance(error, RuntimeError) and any(mark in text for mark in _MARKS_OF_A_COLLECTIVE)
        ):
            return True
        error = error.__cause__ or error.__context__
    return False


def _is_a_time_out(error: BaseException) -> bool:
    return any(mark in str(error).lower() for mark in ("timed out", "timeout", "time out"))


def _who_is_missing(watcher: WatcherClient, error: BaseException) -> Message:
    """The failure that a time-out stands for: the first rank that is behind this one, and all positions."""
    mine = watcher.status.position(watcher.rank)
    positions = watcher.positions(_SECONDS_TO_HEAR)
    behind = [each for each in positions if _progress(each) < _progress(mine)]
    others = [each for each in positions if (each["step"], each["phase"]) != (mine["step"], mine["phase"])]
    missing = (behind or others or [mine])[0]
    cause = f" ({type(error).__name__}: {error})"
    return missing | _did_not_come(f"{_spell(mine)} ran into the time-out", positions, cause)


def _who_is_far_behind(watcher: WatcherClient, positions: list[Message]) -> Message | None:
    """Return the failure behind an imminent time-out of the accelerator's backend, None if no rank is missing.

    A missing rank is behind this one and has made no progress for long either. Ranks at the same position may compute.
    """
    mine = next((each for each in positions if each["rank"] == watcher.rank), None)
    if mine is None or watcher.limit is None:
        return None
    stuck = [each for each in positions if each["still"] > watcher.limit / 2]
    behind = [each for each in stuck if _progress(each) < _progress(mine)]
    if not behind:
        return None
    return behind[0] | _did_not_come(f"{_spell(mine)} has waited for {mine['still']:.0f} s", positions)


def _did_not_come(where: str, positions: list[Message], cause: str = "") -> Message:
    listed = "; ".join(_spell(each) for each in positions)
    return {
        "stacks": True,
        "message": f"it did not come to where {where}. Now: {listed}. The stacks of all ranks are in their "
        f"standard error.{cause}",
    }


def _who_has_left(watcher: WatcherClient, error: BaseException) -> Message:
    """The failure that a broken connection stands for: a rank that was done too early, or else this one."""
    mine = watcher.status.position(watcher.rank)
    here = {position["rank"] for position in watcher.positions(_SECONDS_TO_HEAR)}
    left = sorted(set(range(watcher.world_size)) - here) if here else []
    if not left:
        return mine | {"message": _describe(error)}
    return {
        "rank": left[0],
        "step": None,
        "phase": "",
        "message": f"it has ended its work while {_spell(mine)} waited for it; have all ranks the same number "
        f"of iterations? ({type(error).__name__}: {error})",
    }


def _progress(position: Message) -> tuple[int, int, int]:
    return (
        position["collectives"],
        position["enqueued"],
        -1 if position["step"] is None else position["step"],
    )


def _spell(position: Message) -> str:
    called = (
        f"{position['collective']} (collective {position['collectives']})" if position["collective"] else ""
    )
    step = "" if position["step"] is None else f"step {position['step']}"
    given = f"collective {position['enqueued']} of the accelerator" if position["enqueued"] else ""
    where = ", ".join(part for part in (called, given, position["phase"], step) if part)
    return f"rank {position['rank']} at {where or 'its start'}"
