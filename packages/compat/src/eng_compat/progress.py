"""Text progress bars around a loop, in the layout of MMEngine, which scripts read from logs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from multiprocessing import Pool
from multiprocessing.pool import Pool as PoolType
from shutil import get_terminal_size
from typing import Any, TextIO, TypeVar

from .timer import Timer

__all__ = [
    "ProgressBar",
    "init_pool",
    "track_iter_progress",
    "track_parallel_progress",
    "track_progress",
]

R = TypeVar("R")
Tasks = Sequence[Any] | tuple[Iterable[Any], int]
"""What is to be done: a sequence, or an iterable and how many it gives."""


class ProgressBar:
    """A bar in one line, written anew at every update; without a number of tasks, a count.

    >>> bar = ProgressBar(4, bar_width=8, start=False, file=sys.stdout)
    >>> bar.start()
    [        ] 0/4, elapsed: 0s, ETA:
    """

    def __init__(
        self, task_num: int = 0, bar_width: int = 50, start: bool = True, file: TextIO | None = None
    ) -> None:
        self.task_num = task_num
        self.bar_width = bar_width
        self.completed = 0
        self.file = sys.stdout if file is None else file
        if start:
            self.start()

    @property
    def terminal_width(self) -> int:
        """Columns of the terminal."""
        return get_terminal_size().columns

    def start(self) -> None:
        """Show that nothing is done yet, and count the time from now."""
        bar = f"[{' ' * self.bar_width}] 0/{self.task_num}, elapsed: 0s, ETA:"
        self._write(bar if self.task_num > 0 else "completed: 0, elapsed: 0s")
        self.timer = Timer()

    def update(self, num_tasks: int = 1) -> None:
        """Show that so many tasks more are done."""
        assert num_tasks > 0, f"an update is at least one task, not {num_tasks}"
        self.completed += num_tasks
        elapsed = self.timer.since_start()
        rate = self.completed / elapsed if elapsed > 0 else float("inf")
        seconds = int(elapsed + 0.5)
        if self.task_num <= 0:
            self._write(f"completed: {self.completed}, elapsed: {seconds}s, {rate:.1f} tasks/s")
            return
        left = int(elapsed / self.completed * (self.task_num - self.completed) + 0.5)
        counts = f"{self.completed}/{self.task_num}, {rate:.1f} task/s, elapsed: {seconds}s, ETA: {left:5}s"
        width = self._width(len(counts))
        done = int(width * self.completed / self.task_num)
        self._write(f"\r[{'>' * done}{' ' * (width - done)}] {counts}")

    def _width(self, taken: int) -> int:
        """The bar gets what the text leaves, at most three fifths of the line."""
        columns = self.terminal_width
        return max(2, min(self.bar_width, columns - taken - 4, int(columns * 0.6)))

    def _write(self, text: str) -> None:
        self.file.write(text)
        self.file.flush()


def track_progress(
    func: Callable[..., R],
    tasks: Tasks,
    bar_width: int = 50,
    file: TextIO | None = None,
    **kwargs: Any,
) -> list[R]:
    """What `func` makes of every task, in order, with a bar. Raises `TypeError` for tasks that are none.

    >>> import io
    >>> track_progress(abs, [-1, 2], bar_width=2, file=io.StringIO())
    [1, 2]
    """
    return [func(task, **kwargs) for task in track_iter_progress(tasks, bar_width, file)]


def track_iter_progress(tasks: Tasks, bar_width: int = 50, file: TextIO | None = None) -> Iterator[Any]:
    """The tasks one after another, with a bar."""
    items, count = _counted(tasks)
    bar = ProgressBar(count, bar_width, file=file)
    for item in items:
        yield item
        bar.update()
    bar.file.write("\n")


def init_pool(
    process_num: int, initializer: Callable[..., Any] | None = None, initargs: tuple[Any, ...] | None = None
) -> PoolType:
    """A pool of processes, each of which calls `initializer` first."""
    if initializer is None:
        return Pool(process_num)
    if not callable(initializer):
        raise TypeError(f"initializer must be a callable, not {initializer!r}")
    if initargs is not None and not isinstance(initargs, tuple):
        raise TypeError(f'"initargs" must be a tuple, not {initargs!r}')
    return Pool(process_num, initializer, initargs or ())


def track_parallel_progress(
    func: Callable[[Any], R],
    tasks: Tasks,
    nproc: int,
    initializer: Callable[..., Any] | None = None,
    initargs: tuple[Any, ...] | None = None,
    bar_width: int = 50,
    chunksize: int = 1,
    skip_first: bool = False,
    keep_order: bool = True,
    file: TextIO | None = None,
) -> list[R]:
    """What `func` makes of every task, by `nproc` processes, with a bar.

    `skip_first`: the bar and its clock begin after the first round, which pays for the start of the processes.
    Without `keep_order` results come as they are ready.
    """
    items, count = _counted(tasks)
    untimed = nproc * chunksize if skip_first else 0
    with init_pool(nproc, initializer, initargs) as pool:
        results = (pool.imap if keep_order else pool.imap_unordered)(func, items, chunksize)
        first = list(islice(results, untimed))
        bar = ProgressBar(count - len(first), bar_width, file=file)
        rest = []
        for result in results:
            rest.append(result)
            bar.update()
    bar.file.write("\n")
    return [*chain(first, rest)]


def _counted(tasks: Tasks) -> tuple[Iterable[Any], int]:
    """The tasks and how many there are; a pair of an iterable and an int is that, any other sequence its items."""
    if isinstance(tasks, tuple):
        pair = len(tasks) == 2 and isinstance(tasks[0], Iterable) and isinstance(tasks[1], int)
        assert pair, (
            f"a tuple of tasks is an iterable and its length, not {tasks!r}; give other tasks as a list"
        )
        return tasks[0], tasks[1]
    if isinstance(tasks, Sequence):
        return tasks, len(tasks)
    raise TypeError(
        f'"tasks" must be a sequence, or a tuple of an iterable and its length, not {type(tasks).__name__}'
    )
