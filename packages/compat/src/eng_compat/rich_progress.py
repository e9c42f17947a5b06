"""The progress of many calls in rich's layout, by one process or several."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sized
from concurrent.futures import ProcessPoolExecutor
from typing import Any, TypeVar

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn
from rich.progress import TimeRemainingColumn as TimeLeft

__all__ = [
    "track_progress_rich",
]

R = TypeVar("R")


def track_progress_rich(
    func: Callable[..., R],
    tasks: Iterable[Any] = (),
    task_num: int | None = None,
    nproc: int = 1,
    chunksize: int = 1,
    description: str = "Processing",
    color: str = "blue",
) -> list[R]:
    """What `func` makes of every task, in order; tuples and lists are unpacked as its arguments.

    Without `tasks` it is called `task_num` times with no argument. With `nproc` > 1 other processes call it,
    `chunksize` tasks at a time.

    Raises:
        TypeError: `func` cannot be called, or `tasks` cannot be walked.
        ValueError: There are neither tasks nor a `task_num`, the two differ, or `nproc` is not positive.

    >>> track_progress_rich(max, [(1, 2), (4, 3)])  # doctest: +SKIP
    Processing ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ 0:00:00 2/2 100%
    [2, 4]
    """
    if not callable(func):
        raise TypeError(f"func must be a callable object, not {func!r}")
    if not isinstance(tasks, Iterable):
        raise TypeError(f"tasks must be an iterable object, not {type(tasks).__name__}")
    if nproc <= 0:
        raise ValueError(f"nproc must be a positive number, not {nproc}")
    if isinstance(tasks, Sized):
        if len(tasks) == 0:
            if task_num is None:
                raise ValueError("If tasks is an empty iterable, task_num must be set")
            tasks = [()] * task_num
        elif task_num is not None and task_num != len(tasks):
            raise ValueError(
                f"task_num does not match the length of tasks: {task_num} for {len(tasks)} tasks"
            )
        task_num = len(tasks)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeLeft(), MofNCompleteColumn())
    with Progress(*columns, TaskProgressColumn(show_speed=True)) as progress:
        return list(
            progress.track(
                _results(func, tasks, nproc, chunksize), task_num, description=f"[{color}]{description}"
            )
        )


def _results(func: Callable[..., R], tasks: Iterable[Any], nproc: int, chunksize: int) -> Iterator[R]:
    call = _Unpacked(func)
    if nproc == 1:
        yield from map(call, tasks)
        return
    with ProcessPoolExecutor(nproc) as pool:
        yield from pool.map(call, tasks, chunksize=chunksize)


class _Unpacked:
    """A function that takes its arguments as one tuple or list; it can be sent to other processes."""

    def __init__(self, func: Callable[..., Any]) -> None:
        self._func = func

    def __call__(self, task: Any) -> Any:
        return self._func(*task) if isinstance(task, tuple | list) else self._func(task)
