"""From an order to a batch: what runs in a worker, or in the main process where there are no workers.

A reader keeps no state from one order to the next, so it makes no difference who gets which order. What
goes wrong comes back as a value, a `Failure` that knows its sample, and is raised where the loop is: torch
would keep only the text.
"""

import gc
import os
import pickle
import traceback
import zlib
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import torch
from torch.utils.data import TensorDataset, get_worker_info

from eng_dataset.errors import CollateError, LoaderError, SampleError
from eng_dataset.randomness import generators_state, key_in_epoch, restore_generators, seed_generators
from eng_dataset.stream import Order

#: what has randomness of its own: each sample, each batch as a whole, or nothing
Seeding: TypeAlias = Literal["sample", "batch", "off"]

_BETWEEN = -1


class WorkerTable:
    """The process id of each worker and the index that it is reading, in memory that all processes share."""

    def __init__(self, num_workers: int) -> None:
        self._rows = torch.full((num_workers, 2), _BETWEEN, dtype=torch.int64)
        self._rows.share_memory_()  # type: ignore[no-untyped-call]

    def row(self, worker: int) -> Any:
        """The (pid, index) of one worker, as a writable array."""
        return self._rows[worker].numpy()

    def reading(self) -> list[tuple[int, int, int | None]]:
        """For each worker that has begun: its number, its process, the index it is reading or None."""
        return [
            (worker, pid, None if index == _BETWEEN else index)
            for worker, (pid, index) in enumerate(self._rows.tolist())
            if pid != _BETWEEN
        ]

    def clear(self) -> None:
        """Forget the processes of an earlier pass."""
        self._rows.fill_(_BETWEEN)


class Failure:
    """What went wrong with an order; crosses from a worker to the main process by pickle."""

    def __init__(self, error: LoaderError, cause: Exception) -> None:
        self.error = error
        self.cause: Exception | None = cause
        self.text = ""

    def __reduce__(self) -> tuple[Any, ...]:
        text = self.text or "".join(traceback.format_exception(self.cause))
        return _arrived, (type(self.error), self.error.args, vars(self.error), _picklable(self.cause), text)

    def throw(self) -> None:
        """Raise the error, from what caused it."""
        raise self.error from self.cause


class WorkerTraceback(Exception):
    """The traceback of a worker, as text: a traceback itself does not cross processes."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


class Reader(torch.utils.data.Dataset[Any]):
    """The data set as torch sees it: indexed by orders, giving batches that are already collated.

    With `batched` False an order has one index, and `collate` gets the sample instead of a list.
    """

    def __init__(
        self,
        dataset: Any,
        collate: Callable[[Any], Any],
        *,
        seeding: Seeding = "sample",
        batched: bool = True,
        worker_table: WorkerTable | None = None,
    ) -> None:
        self.dataset = dataset
        self.collate = collate
        self.seeding: Seeding = "off" if isinstance(dataset, TensorDataset) else seeding
        self.batched = batched
        self.worker_table = worker_table
        self._row: Any = None

    def __getitems__(self, order: Order) -> Any:
        info = get_worker_info()
        if info is not None:
            return self._in_worker(order, info.id)
        if self.seeding == "off":
            return self._read(order, None, [0, 0])
        state = generators_state()
        try:
            return self._read(order, None, [0, 0])
        finally:
            restore_generators(state)

    def _in_worker(self, order: Order, worker: int) -> Any:
        if self._row is None:
            assert self.worker_table is not None
            self._row = self.worker_table.row(worker)
            self._row[0] = os.getpid()
            gc.freeze()  # what was forked is not walked by the collector, so its pages stay shared
        batch = self._read(order, worker, self._row)
        self._row[1] = _BETWEEN  # not after a SystemExit: the main process reads here which sample it was
        return batch

    def _read(self, order: Order, worker: int | None, row: Any) -> Any:
        key, indices, draws = order
        index: Any = None
        collating = False
        try:
            if self.seeding == "batch":
                seed_generators(key_in_epoch(key, number_of(indices[0]), draws[0] if draws else 0))
            samples = []
            for place, index in enumerate(indices):
                number = index if type(index) is int else number_of(index)
                row[1] = number
                if self.seeding == "sample":
                    seed_generators(key_in_epoch(key, number, draws[place] if draws else 0))
                samples.append(self.dataset[index])
            collating = True
            return self.collate(samples if self.batched else samples[0])
        except Exception as cause:
            return Failure(_error(cause, index, indices, collating, worker), cause)


def unchanged(batch: Any) -> Any:
    """The batch itself: torch's place for a collate function, when the reader has collated already."""
    return batch


def number_of(index: Any) -> int:
    """`index` as a non-negative number: itself, or for other things than integers one made of its repr."""
    try:
        return int(index.__index__())
    except AttributeError:
        return zlib.crc32(repr(index).encode())


def _error(
    cause: Exception, index: Any, indices: tuple[Any, ...], collating: bool, worker: int | None
) -> LoaderError:
    pid = os.getpid()
    who = f"the main process (pid {pid})" if worker is None else f"worker {worker} (pid {pid})"
    what = f"{type(cause).__name__}: {cause}"
    if collating:
        return CollateError(
            f"samples {list(indices)} were read by {who}, but could not be made a batch: {what}",
            indices=indices,
            worker=worker,
            pid=pid,
        )
    return SampleError(
        f"sample {index} could not be read by {who}: {what}", index=index, worker=worker, pid=pid
    )


def _picklable(cause: Exception | None) -> Exception | None:
    try:
        pickle.loads(pickle.dumps(cause))
    except Exception:
        return None
    return cause


def _arrived(
    kind: type[LoaderError], args: tuple[Any, ...], fields: dict[str, Any], cause: Exception | None, text: str
) -> Failure:
    cause = WorkerTraceback(text) if cause is None else cause
    if not isinstance(cause, WorkerTraceback):
        cause.__cause__ = WorkerTraceback(text)
    failure = Failure(kind(*args, **fields), cause)
    failure.text = text
    return failure
