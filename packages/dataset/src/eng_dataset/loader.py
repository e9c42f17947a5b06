"""The loader: torch's DataLoader with a position that can be saved, restored and chosen.

What a batch holds and what its samples see is a function of (seed, epoch, batch), so a position is all
the state there is, and starting anywhere costs nothing. Making one from configuration is in `build`.
"""

import logging
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Sized
from typing import Any
from weakref import ref

from eng_dataset.errors import LoaderError, WorkerError
from eng_dataset.reader import Failure, WorkerTable
from eng_dataset.stream import BatchStream, set_epoch
from eng_dist import get_world_size

logger = logging.getLogger(__name__)


class Loader:
    """Batches of a data set, one pass per ``iter()``.

    `dataloader` is torch's loader underneath, or what was given instead of a configuration. `epoch` and `batch`
    say where the running pass is: `batch` batches of `epoch` were handed out. After a whole pass the next ``iter()``
    begins the next epoch when training, the same epoch when evaluating; after a pass that was left early it
    begins the epoch again (an endless one goes on). `set_position` decides otherwise. `indices` are the
    sample indices of the batch handed out last, None where the loader is not made by this package.
    """

    def __init__(
        self,
        dataloader: Any,
        *,
        dataset: Any,
        seed: int,
        training: bool,
        stream: BatchStream | None = None,
        collate_fn: Callable[[Any], Any] | None = None,
        worker_table: WorkerTable | None = None,
        given: Any = None,
    ) -> None:
        self.dataloader = dataloader if given is None else given
        self._source = dataloader
        self.dataset = dataset
        self.seed = seed
        self.training = training
        self.collate_fn = collate_fn
        self.epoch = 0
        self.batch = 0
        self.indices: tuple[Any, ...] | None = None
        self._stream = stream
        self._worker_table = worker_table
        self._ahead = 0  # samples that all ranks took before batch 0; not 0 only after a change of world size
        self._chosen = True  # the next pass begins at (epoch, batch)
        self._finished = False
        self._running: ref[Generator[Any, None, None]] | None = None

    @property
    def sampler(self) -> Any:
        """What chooses the samples; None where the underlying iterable has no sampler."""
        return getattr(self.dataloader, "sampler", None) if self._stream is None else self._stream.sampler

    @property
    def batch_sampler(self) -> Any:
        """The batch sampler that was given, if one was."""
        source = self.dataloader if self._stream is None else self._stream
        return getattr(source, "batch_sampler", None)

    @property
    def batch_size(self) -> int | None:
        """Samples of this rank in a batch, None where that is not known."""
        source = self.dataloader if self._stream is None else self._stream
        size = getattr(source, "batch_size", None)
        return getattr(self.batch_sampler, "batch_size", None) if size is None else size

    @property
    def num_workers(self) -> int:
        """How many processes read samples; 0 means that the main process does."""
        return getattr(self.dataloader, "num_workers", 0)

    @property
    def endless(self) -> bool:
        """Whether a pass never ends, as with `InfiniteSampler`."""
        return self._stream is not None and self._stream.endless

    def __len__(self) -> int:
        """Batches in a whole pass.

        Raises:
            TypeError: the number is not known.
        """
        source = self.dataloader if self._stream is None else self._stream
        if not isinstance(source, Sized):
            raise TypeError(f"the length is not known: {type(source).__name__} has no length")
        return len(source)

    def __iter__(self) -> Iterator[Any]:
        self._begin()
        if self._stream is None:
            running = self._foreign_pass(self.epoch, self.batch)
        else:
            running = self._pass(iter(self._source), self._stream.pending)
        self._running = ref(running)
        return running

    def close(self) -> None:
        """End the pass under way, and the workers, now: the garbage collector would keep them for seconds or longer.

        A later pass starts workers anew.
        """
        running = None if self._running is None else self._running()
        if running is not None:
            running.close()
        if getattr(self._source, "_iterator", None) is not None:  # persistent workers
            self._source._iterator = None

    def take_share(self, rank: int, shares: int) -> None:
        """Read the `rank`-th of so many shares of each batch, for processes that work on the same samples together.

        Raises TypeError if the sampler knows nothing of ranks.
        """
        if self._stream is None or not hasattr(self.sampler, "world_size"):
            raise TypeError(
                f"{type(self.sampler or self.dataloader).__name__} cannot be shared out anew: it has no `rank` and "
                "`world_size`. Give the loader as a dict with a sampler of eng_dataset."
            )
        self.sampler.rank, self.sampler.world_size = rank, shares
        self._stream.world_size = shares

    @property
    def _shares(self) -> int:
        return get_world_size() if self._stream is None else self._stream.world_size

    def set_position(self, epoch: int, batch: int = 0) -> None:
        """Let the next ``iter()`` give the batches of `epoch` from `batch` on; skipped samples are not read."""
        self._ahead = 0
        self._choose(epoch, batch)

    def state_dict(self) -> dict[str, Any]:
        """The position as plain numbers; another loader of the same data set goes on from there."""
        epoch, batch = (self.epoch + 1, 0) if self._finished and self.training else (self.epoch, self.batch)
        generator = None if self._stream is None else self._stream.own_generator
        drawn_from: dict[str, Any] = {}
        if self._stream is not None and generator is not None:
            running = not (self._chosen or self._finished)
            drawn_from["drawn_from"] = self._stream.drawn_from if running else generator.get_state()
        return {
            "epoch": epoch,
            "batch": batch,
            "taken": self._taken(batch),
            "seed": self.seed,
            "sampler_seed": self._sampler_seed,
            "world_size": self._shares,
            "batch_size": self.batch_size,
            "samples": self._samples(),
            **drawn_from,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from where `state` was taken, also under another world size, batch size or number of workers.

        If the batches are of another size now, the samples of the epoch that are left are dealt out anew: each
        comes exactly once, and `batch` counts in the new size. Where the data set has another length now, the order of
        its samples is another one too, which is warned of.

        Raises:
            ValueError: `state` is no position of a loader.
        """
        missing = [
            name for name in ("epoch", "batch", "seed", "world_size", "batch_size") if name not in state
        ]
        if missing:
            raise ValueError(
                f"this is no position of a loader: it has no {', '.join(missing)}, only {', '.join(state) or 'nothing'}"
            )
        samples, before_samples = self._samples(), state.get("samples")
        if before_samples is not None and samples is not None and samples != before_samples:
            what = "The position was saved over %d samples, now there are %d: they come in another order."
            logger.warning(what, before_samples, samples)
        self.seed = state["seed"]
        if self._sampler_seed is not None and state["sampler_seed"] is not None:
            self.sampler.seed = state["sampler_seed"]
        generator = None if self._stream is None else self._stream.own_generator
        if generator is not None and "drawn_from" in state:
            generator.set_state(state["drawn_from"])
        epoch, batch = state["epoch"], state["batch"]
        self._ahead = 0
        before = f"{state['world_size']} x {state['batch_size']}"
        now = f"{self._shares} x {self.batch_size}"
        if before != now and batch:
            self._warn_of_new_size(before, now)
        if self._stream is not None and self._stream.seekable:
            batch = batch if before == now else state["taken"] // self._stream.stride
            self._ahead = state["taken"] - batch * self._stream.stride
        self._choose(epoch, batch)

    def _samples(self) -> int | None:
        """How many samples the data set has; None for one without a length."""
        try:
            return len(self.dataset)
        except TypeError:
            return None

    def _warn_of_new_size(self, before: str, now: str) -> None:
        if self._stream is not None and self._stream.seekable:
            outcome = "the samples of this epoch that are left are dealt out anew, each exactly once"
        else:
            outcome = "this sampler can only count batches, so some samples may come twice or not at all"
        logger.warning(
            "The position was saved with %s samples a batch, now there are %s: %s.", before, now, outcome
        )

    @property
    def _sampler_seed(self) -> int | None:
        seed = getattr(self.sampler, "seed", None)
        return seed if isinstance(seed, int) else None

    def _taken(self, batch: int) -> int | None:
        """How many samples of the epoch all ranks together took before `batch`; None if it is not known."""
        if self._stream is None or not self._stream.seekable:
            return None
        return self._ahead + batch * self._stream.stride

    def _choose(self, epoch: int, batch: int) -> None:
        self.epoch, self.batch = epoch, batch
        self._chosen, self._finished = True, False

    def _begin(self) -> None:
        """Settle where the pass begins that is asked for now."""
        endless = self._stream is not None and self._stream.endless
        if not self._chosen and not endless:
            self._ahead = 0
            self._choose(self.epoch + (self._finished and self.training), 0)
        self._chosen = self._finished = False
        self.indices = None
        if self._worker_table is not None and not getattr(self.dataloader, "persistent_workers", False):
            self._worker_table.clear()
        if self._stream is not None:
            taken = self._taken(self.batch) or 0
            self._stream.start(seed=self.seed, epoch=self.epoch, batch=self.batch, taken=taken)

    def _pass(self, batches: Iterator[Any], pending: Iterator[tuple[Any, ...]]) -> Generator[Any, None, None]:
        broken: WorkerError | None = None
        try:
            for batch in batches:
                if type(batch) is Failure:
                    batch.throw()
                self.indices = next(pending)
                self.batch += 1
                yield batch
        except LoaderError:
            del batches  # the last reference: its workers end now, not when the traceback is forgotten
            raise
        except RuntimeError as error:
            broken = self._explained(error)
        if broken is not None:  # raised here: torch's frames, in its context, would keep workers running
            del batches
            self._source._iterator = None  # persistent workers that cannot be relied on any more
            raise broken
        self._finished = True

    def _explained(self, error: RuntimeError) -> WorkerError:
        """What torch says about its workers, with the samples that they were reading; any other error is raised."""
        text = str(error)
        if self._worker_table is None or not re.match(r"DataLoader (worker|timed out)", text):
            raise error
        named = {int(pid) for pid in re.findall(r"\d+", text.partition("(pid")[2].partition(")")[0])}
        reading = self._worker_table.reading()
        if named:
            concerned = [row for row in reading if row[1] in named]
        else:
            concerned = [row for row in reading if row[2] is not None]
        return WorkerError(_worker_report(text, concerned), reading=tuple(concerned))

    def _foreign_pass(self, epoch: int, skip: int) -> Generator[Any, None, None]:
        """A pass over an iterable that is used as it is; batches before the position are read and dropped."""
        set_epoch(epoch, self.sampler, self.batch_sampler)
        if skip:
            logger.warning(
                "%s cannot start at batch %d of the epoch: the batches before it are read and dropped. "
                "Give the loader as a dict with a sampler of eng_dataset to start there at once.",
                type(self.dataloader).__name__,
                skip,
            )
        source: Iterable[Any] = self.dataloader
        for number, batch in enumerate(source):
            if number >= skip:
                self.batch += 1
                yield batch
        self._finished = True


def _worker_report(text: str, concerned: list[tuple[int, int, int | None]]) -> str:
    lines = [
        f"worker {worker} (pid {pid}) "
        + ("was between samples" if index is None else f"was reading sample {index}")
        for worker, pid, index in concerned
    ]
    return "; ".join([text.strip().rstrip("."), *lines])
