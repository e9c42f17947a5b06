"""Between the visualizer and one backend: a queue, a thread, and the promise that training does not notice.

A backend that raises is reported once and switched off. One that hangs keeps its own thread waiting, not the
run: what does not fit into the queue is dropped and counted. The last line says what was not written.
"""

from __future__ import annotations

import atexit
import logging
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

from eng_visualization.backends.backend import BaseVisBackend
from eng_visualization.dropped_records import DroppedRecords
from eng_visualization.errors import ArgumentError

__all__ = ["BackendWriter"]

logger = logging.getLogger(__name__)

_GATHERING_SECONDS = 0.05

_Job = tuple[str, tuple[Any, ...], dict[str, Any], int]


class BackendWriter:
    """Calls the methods of a backend on a thread of its own, in order.

    Args:
        name: How messages call the backend.
        backend: The backend.
        max_waiting: How many calls may wait; more are dropped.
        max_bytes: How many bytes of images may wait.
        patience: How many seconds `close` waits for the backend, which may have files to upload.
    """

    def __init__(
        self,
        name: str,
        backend: BaseVisBackend,
        *,
        max_waiting: int = 1000,
        max_bytes: int = 256 << 20,
        patience: float = 30.0,
    ) -> None:
        self.name = name
        self.backend = backend
        self.error: Exception | SystemExit | None = None
        self._max_waiting = max_waiting
        self._max_bytes = max_bytes
        self._patience = patience
        self._jobs: SimpleQueue[_Job | threading.Event | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        # one counter per thread, since `+=` is not atomic
        self._bytes_given = self._bytes_done = 0
        self._lost_here, self._lost_there = DroppedRecords(), DroppedRecords()
        self._hurry = threading.Event()
        self._doing: _Job | None = None
        self._overflowed = False

    @property
    def lost(self) -> int:
        """How many calls were not carried out."""
        return len(self._lost_here) + len(self._lost_there)

    def submit(self, method: str, *args: Any, size: int = 0, **kwargs: Any) -> None:
        """Let the backend do it soon; never waits and never raises.

        Args:
            method: The name of the backend's method.
            args: Its arguments, which nobody may change any more.
            size: How many bytes they hold, if many.
            kwargs: More of its arguments.
        """
        waiting_bytes = self._bytes_given - self._bytes_done
        if self.error is not None:
            self._lost_here.add(method, args)
        elif self._jobs.qsize() >= self._max_waiting or waiting_bytes + size > self._max_bytes:
            self._overflow(method, args)
        else:
            self._bytes_given += size
            self._jobs.put((method, args, kwargs, size))
            if size or self._jobs.qsize() > self._max_waiting // 2:
                self._hurry.set()
            if self._thread is None:
                self._start()

    def call(self, method: str, *args: Any, **kwargs: Any) -> None:
        """Let the backend do it now, on this thread; never raises. For what must not change meanwhile."""
        self.flush()
        self._do(method, args, kwargs)

    def flush(self, seconds: float | None = None) -> bool:
        """Wait until what was submitted is done; whether that was reached in time (by default 10 seconds)."""
        if self._thread is None or not self._thread.is_alive():
            return True
        done = threading.Event()
        self._jobs.put(done)
        self._hurry.set()
        return done.wait(min(self._patience, 10.0) if seconds is None else seconds)

    def close(self) -> None:
        """Let the backend finish and close, for `patience` seconds at most; say what was not written."""
        deadline = time.monotonic() + self._patience
        thread = self._thread
        if thread is not None:
            self._jobs.put(("close", (), {}, 0))
            self._jobs.put(None)
            self._hurry.set()
            thread.join(max(0.0, deadline - time.monotonic()))
            atexit.unregister(self.close)
            self._thread = None
            if thread.is_alive():
                self._lose_what_waits()
                self.error = self.error or TimeoutError(f"no answer for {self._patience:g} s")
                logger.warning("%s does not answer; the run goes on without it", self.name)
        else:
            self._do("close", (), {})
        if self.lost:
            lost = self._lost_here.merged(self._lost_there)
            logger.warning("%s: not written are %s (%r)", self.name, lost, self.error)
            self._lost_here, self._lost_there = DroppedRecords(), DroppedRecords()

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._work, name=f"eng {self.name}", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def _next(self) -> _Job | threading.Event | None:
        """The next job; the first after a rest waits a little for others, unless somebody waits for it.

        Two threads that run at the same time hold each other up, so a run that logs quickly should wake this one
        seldom.
        """
        if not self._jobs.empty():
            return self._jobs.get()
        job = self._jobs.get()
        self._hurry.wait(_GATHERING_SECONDS)
        self._hurry.clear()
        return job

    def _work(self) -> None:
        while (job := self._next()) is not None:
            if isinstance(job, threading.Event):
                job.set()
            else:
                self._doing = job
                method, args, kwargs, size = job
                self._do(method, args, kwargs)
                self._doing = None
                self._bytes_done += size

    def _lose_what_waits(self) -> None:
        """The thread does not answer: what it is at, and all behind it, will not be written."""
        waiting: list[_Job | threading.Event | None] = [self._doing]
        try:
            while True:
                waiting.append(self._jobs.get_nowait())
        except Empty:
            self._jobs.put(None)  # so the thread ends, should it ever come back
        for job in waiting:
            if isinstance(job, tuple) and job[0] != "close":
                self._lost_here.add(job[0], job[1])

    def _do(self, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if self.error is not None:
            if method != "close":
                self._lost_there.add(method, args)
            return
        try:
            act: Callable[..., None] = getattr(self.backend, method)
            act(*args, **kwargs)
        except ArgumentError as error:
            self._lost_there.add(method, args)
            logger.warning("%s cannot take this: %s", self.name, error)
        except (Exception, SystemExit) as error:  # some clients leave the program where they cannot log in
            self.error = error
            if method != "close":
                self._lost_there.add(method, args)
            logger.warning(
                "%s failed in %s and is switched off; training goes on: %r", self.name, method, error
            )

    def _overflow(self, method: str, args: tuple[Any, ...]) -> None:
        self._lost_here.add(method, args)
        if not self._overflowed:
            self._overflowed = True
            logger.warning("%s is too slow: records that do not fit into its queue are dropped", self.name)
