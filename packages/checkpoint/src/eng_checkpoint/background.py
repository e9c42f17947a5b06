"""Saving while the training goes on: it waits for a copy in memory, and the disk waits for nobody.

One save is in flight at a time; the next one waits for it. An error of the writer is logged at once and raised
where the training asks next: at `check`, at the next `submit`, or at `close`. A process that ends normally
finishes the save that is in flight first.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, final

from .plain import check_plain
from .snapshot import Staging

logger = logging.getLogger(__name__)


@final
class BackgroundSaver:
    """Hands snapshots of a state to a function that writes them, on a thread of its own.

    Example:
        >>> import tempfile, torch
        >>> from functools import partial
        >>> from eng_checkpoint import commit, entries
        >>> folder, weight = tempfile.mkdtemp(), torch.ones(2)
        >>> with BackgroundSaver() as saver:
        ...     saver.submit(partial(commit, folder, "iter_1.pth", epoch=0, iter=1, step=1), {"weight": weight})
        ...     _ = weight.zero_()  # the training goes on
        >>> [entry.name for entry in entries(folder)]
        ['iter_1.pth']
    """

    def __init__(self) -> None:
        self._staging = Staging()
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None
        self._name = ""

    def submit(
        self,
        write: Callable[[dict[str, Any]], object],
        state: Mapping[str, Any],
        *,
        name: str = "a checkpoint",
    ) -> None:
        """Copy `state` and return; `write(copy)` runs meanwhile. Waits first for a save that is still in flight.

        Args:
            name: What it is called in messages, such as its path.

        Raises:
            PlainDataError: The state holds more than tensors and plain values.
            Exception: What the save before raised.
        """
        self.wait()
        check_plain(state)
        snapshot = self._staging.copy(dict(state))
        # not a daemon: the interpreter waits for it before it ends
        self._name = name
        self._thread = threading.Thread(target=self._run, args=(write, snapshot), name="checkpoint-writer")
        self._thread.start()

    @property
    def busy(self) -> bool:
        """Whether a save is in flight."""
        return self._thread is not None and self._thread.is_alive()

    def check(self) -> None:
        """Raise what a finished save raised; costs nothing and waits for nothing."""
        if self._error is not None and not self.busy:
            self.wait()

    def wait(self, timeout_seconds: float | None = None) -> None:
        """Return when nothing is in flight any more, or raise what it raised.

        Raises:
            TimeoutError: The save in flight is not done after so many seconds; it goes on.
        """
        if self._thread is not None:
            self._thread.join(timeout_seconds)
            if self._thread.is_alive():
                raise TimeoutError(
                    f"{self._name} is still being written after {timeout_seconds:g} s of waiting; the storage may "
                    "be stuck. What was saved before is untouched"
                )
            self._thread = None
        error, self._error = self._error, None
        if error is not None:
            raise error

    def close(self, timeout_seconds: float | None = None) -> None:
        """`wait`, and give the memory back."""
        try:
            self.wait(timeout_seconds)
        finally:
            self._staging = Staging()

    def __enter__(self) -> BackgroundSaver:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
            return
        try:
            self.close()
        except Exception as own:
            error.add_note(f"and a checkpoint could not be saved: {own}")

    def _run(self, write: Callable[[dict[str, Any]], object], snapshot: dict[str, Any]) -> None:
        try:
            write(snapshot)
        except BaseException as error:
            logger.error("%s could not be saved: %s", self._name, error)
            self._error = error
