"""What can go wrong between a data set and a batch, as one small tree.

LoaderError (RuntimeError)
├── SampleError    reading one sample raised
├── WorkerError    a worker process died or does not answer
└── CollateError   the samples were read, making a batch of them raised
LoaderConfigError (ValueError)   a loader cannot be built from what was given
└── LoaderTypeError (TypeError)  because something is of the wrong kind
"""

from typing import Any


class LoaderError(RuntimeError):
    """A batch could not be had; the message says which sample, worker and process."""


class SampleError(LoaderError):
    """Reading sample `index` raised; `__cause__` is what it raised.

    `worker` is the number of the worker process, None if the main process was reading; `pid` its process.
    """

    def __init__(self, message: str, *, index: Any, worker: int | None, pid: int) -> None:
        super().__init__(message)
        self.index = index
        self.worker = worker
        self.pid = pid


class CollateError(LoaderError):
    """The samples `indices` were read, but the collate function raised; `__cause__` is what it raised."""

    def __init__(self, message: str, *, indices: tuple[Any, ...], worker: int | None, pid: int) -> None:
        super().__init__(message)
        self.indices = indices
        self.worker = worker
        self.pid = pid


class WorkerError(LoaderError):
    """A worker process died or gave no batch in time.

    `reading` has an entry for each worker concerned: its number, its process and the sample that it had
    begun to read (None if it was between samples).
    """

    def __init__(self, message: str, *, reading: tuple[tuple[int, int, int | None], ...]) -> None:
        super().__init__(message)
        self.reading = reading


class LoaderConfigError(ValueError):
    """A loader cannot be built from what was given."""


class LoaderTypeError(LoaderConfigError, TypeError):
    """A loader cannot be built, because something is of the wrong kind."""
