"""Ending together: one rank wants to stop, and all of them stop after the same step, without a collective per step.

A thread on each rank asks torch's store now and then whether anybody wants to stop. On the first wish it lets its own
main thread pause after the step under way, and publishes that step: the last one its rank may still finish alone.
The latest of the published steps is where all stop. Nobody waits for a rank that is busy, because the threads answer
while their main threads compute or sit in a collective.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import final

from torch import distributed as torch_dist
from torch._C._distributed_c10d import PrefixStore, Store

from eng_dist.environment import get_dist_info, is_distributed

_made = 0


@final
class StopAgreement:
    """Lets all ranks of a job stop after the same step; in a single process it is just a flag.

    `completed` gives the number of steps that this rank has finished; it is called from another thread. All ranks
    make the agreement and close it, in the same order as other agreements. `interval` is the seconds between two
    looks at the store.

    >>> done = 7
    >>> with StopAgreement(lambda: done) as agreement:
    ...     agreement.request('SIGTERM')
    ...     agreement.requested, agreement.reason, agreement.last_step()
    (True, 'SIGTERM', 7)
    """

    def __init__(self, completed: Callable[[], int], *, interval: float = 0.2) -> None:
        global _made
        self.requested = False
        """Read it after each step: True as soon as this rank has to ask for the `last_step`."""
        self.reason = ""
        self._completed = completed
        self._interval = interval
        self._wish = ""
        self._closed = threading.Event()
        self._last: int | None = None
        self._store: Store | None = None
        if is_distributed() and get_dist_info()[1] > 1:
            _made += 1
            store = torch_dist.distributed_c10d._get_default_store()
            self._store = PrefixStore(f"eng/stop/{_made}", store)
            self._thread = threading.Thread(target=self._watch, name="eng-dist-stop", daemon=True)
            self._thread.start()

    def request(self, reason: str) -> None:
        """Ask all ranks to stop; the first reason counts. A signal handler may call it."""
        if not self._wish:
            self._wish = reason
        if self._store is None and not self.requested:
            self.reason, self.requested = self._wish, True

    def last_step(self) -> int:
        """After which of its steps this rank stops: the same on all ranks. Call it once `requested` is True.

        It may wait for the threads of the other ranks, for about `interval` seconds. Raises TimeoutError if a rank
        does not answer for a minute.
        """
        if self._last is None:
            self._last = self._completed() if self._store is None else self._latest(self._store)
        return self._last

    def close(self) -> None:
        """Stop watching; this rank takes no further step."""
        self._closed.set()
        if self._store is not None:
            self._thread.join()
            with suppress(RuntimeError):  # the others may have left with the store
                self._publish(self._store, self._completed())

    def __enter__(self) -> "StopAgreement":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _watch(self) -> None:
        store = self._store
        assert store is not None
        while not self._closed.wait(self._interval):
            try:
                if self._wish and not store.check(["reason"]):
                    store.compare_set("reason", "", self._wish)
                if not store.check(["reason"]):
                    continue
                self.reason = store.get("reason").decode()
                self.requested = True  # from here on the main thread pauses after the step under way
                self._publish(store, self._completed() + 1)
            except RuntimeError:  # the store is gone, and with it the job: whoever ends it says why
                pass
            else:
                return

    def _publish(self, store: Store, step: int) -> None:
        key = f"step/{get_dist_info()[0]}"
        if not store.check([key]):
            store.set(key, str(step))

    def _latest(self, store: Store) -> int:
        keys = [f"step/{rank}" for rank in range(get_dist_info()[1])]
        for _ in range(round(60 / self._interval)):
            if store.check(keys):
                return max(int(store.get(key)) for key in keys)
            self._closed.wait(self._interval)
        silent = [rank for rank, key in enumerate(keys) if not store.check([key])]
        raise TimeoutError(f"ranks {silent} did not answer the wish to stop ({self.reason}) within 60 s")
