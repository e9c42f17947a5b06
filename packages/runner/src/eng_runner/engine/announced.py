"""The clock of loops that a user has written: the points that such a loop calls move it.

The loops of this package count by themselves and call the points of an iteration without `call_hook`. A loop that
calls `runner.call_hook("after_train_iter", ...)` and `runner.call_hook("after_train_epoch")`, as the documents show,
announces with them that an iteration or a pass is over, so the clock, and with it every schedule, interval and
checkpoint, follows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from .aliases import Batch, Part
from .counting import BatchCounter
from .run import Run

_NOTHING: AbstractContextManager[None] = nullcontext()


def announced(
    run: Run, point: str, built: Callable[[str], Part], batch: Batch = None
) -> AbstractContextManager[None]:
    """Return the context in which the hooks of a point are called.

    `built` returns a part by its name, None if it is not built; `batch` is the argument of a point that has one.
    Entering the context counts what the point says is complete. The indices `epoch` and `iter` of what is under way
    follow when the next iteration, epoch or validation begins, as documented: in `after_train_iter` of the first
    iteration `iter` is 0.
    """
    if point not in _COUNTED:
        return _NOTHING
    name, count = _COUNTED[point]
    loop = built(name)
    return _NOTHING if loop is None else count(run, loop, batch)


def _settle(run: Run) -> None:
    """Move the indices of what is under way to what the clock has counted."""
    loop = run.train_loop
    run.iter = run.clock.iter
    run.epoch = getattr(loop, "epoch_under_way", run.clock.epoch)


@contextmanager
def _begin(run: Run, loop: Part, batch: Batch) -> Iterator[None]:
    begin = getattr(loop, "begin_pass", None)
    if begin is not None:
        begin()
    yield


@contextmanager
def _between(run: Run, loop: Part, batch: Batch) -> Iterator[None]:
    _settle(run)
    yield


@contextmanager
def _end_of_train(run: Run, loop: Part, batch: Batch) -> Iterator[None]:
    """Step the accumulation window that is still open: however the training ended, nothing of it is dropped."""
    close = getattr(run.optim_wrapper, "close_window", None)
    if close is not None and close():
        run.clock.step = run.optim_wrapper.step_count
    _settle(run)
    yield


@contextmanager
def _begin_train(run: Run, loop: Part, batch: Batch) -> Iterator[None]:
    _settle(run)
    run.clock.batches = getattr(loop, "length", None) or 0
    with _begin(run, loop, batch):
        yield


@contextmanager
def _iteration(run: Run, loop: Part, batch: Batch) -> Iterator[None]:
    clock = run.clock
    clock.iter += 1
    clock.step = run.optim_wrapper.step_count
    loader = getattr(loop, "dataloader", None)
    indices = getattr(loader, "indices", None)
    counter = getattr(loop, "counter", None)
    if counter is None:
        place = run.strategy.data_place()[1]
        size = getattr(loader, "batch_size", None)
        counter = BatchCounter(shares=place, batch_size=size, samples=None, tokens=None)
    counter.count(clock, batch, indices)
    clock.batch = getattr(loader, "batch", 0)
    yield
    if run.stop.agreement.requested:
        run.stop.obey(run)


@contextmanager
def _pass(run: Run, loop: Part, batch: Batch) -> Iterator[None]:
    end = getattr(loop, "end_pass", None)
    if end is None:  # a loop that does not derive from BaseLoop
        run.clock.epoch, run.clock.batch = run.clock.epoch + 1, 0
    else:
        end()
    yield


_COUNTED: dict[str, tuple[str, Callable[[Run, Part, Batch], AbstractContextManager[None]]]] = {
    "before_train_epoch": ("train_loop", _begin_train),
    "before_train_iter": ("train_loop", _between),
    "before_val": ("train_loop", _between),
    "after_train": ("train_loop", _end_of_train),
    "before_val_epoch": ("val_loop", _begin),
    "before_test_epoch": ("test_loop", _begin),
    "after_train_iter": ("train_loop", _iteration),
    "after_train_epoch": ("train_loop", _pass),
}
