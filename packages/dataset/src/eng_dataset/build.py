"""From configuration to a loader: the one place that knows the keys of a loader's configuration."""

import inspect
import logging
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import torch
from torch.utils.data import BatchSampler, DataLoader, IterableDataset, RandomSampler, SequentialSampler

from eng_dataset.collate import pseudo_collate
from eng_dataset.errors import LoaderConfigError, LoaderTypeError
from eng_dataset.head import Head
from eng_dataset.loader import Loader
from eng_dataset.randomness import worker_init_fn
from eng_dataset.reader import Board, Reader, Seeding, unchanged
from eng_dataset.samplers import DefaultSampler
from eng_dataset.stream import TORCH_SAMPLERS, BatchStream
from eng_dist import get_dist_info, sync_random_seed
from eng_registry import DATA_SAMPLERS, DATASETS, FUNCTIONS, suggest

logger = logging.getLogger(__name__)

#: seconds after which a worker that gives nothing is an error, unless the configuration has a `timeout`
PATIENCE = 300

_TORCH_KEYS = frozenset(inspect.signature(DataLoader).parameters)
_OUR_KEYS = frozenset({"disable_subprocess_warning", "num_batch_per_epoch", "seeding"})


def build_dataloader(
    dataloader: Any, *, seed: int | None, diff_rank_seed: bool = False, training: bool = True
) -> Loader:
    """A `Loader` from its configuration, from a torch DataLoader or from any iterable of batches.

    A mapping has ``dataset`` and ``sampler`` (objects or configurations), ``batch_size`` and what else torch's
    DataLoader takes; ``collate_fn`` is `pseudo_collate` unless given. Keys beyond torch's: ``num_batch_per_epoch``
    (see only the first samples), ``seeding`` (``"sample"``, ``"batch"`` or ``"off"``: what has randomness of its
    own) and ``disable_subprocess_warning``. With workers, ``timeout`` is 300 seconds unless given.

    A plain torch DataLoader that takes its samples in order or shuffled is built again with `DefaultSampler`;
    everything else is used as it is and can only resume by reading what it skips.

    `seed` None or `diff_rank_seed` draws a seed that all ranks share. With `training` False no rank gets a sample
    twice to even out the ranks, and no incomplete batch is dropped.

    >>> loader = build_dataloader(
    ...     dict(dataset=range(5), batch_size=2, sampler=dict(type='DefaultSampler', shuffle=False)), seed=0
    ... )
    >>> list(loader)
    [[0, 1], [2, 3], [4]]

    Raises:
        LoaderConfigError: a key is missing, unknown or of the wrong kind.
    """
    if isinstance(dataloader, Loader):
        return dataloader
    shared = sync_random_seed() if seed is None or diff_rank_seed else seed
    if isinstance(dataloader, Mapping):
        return _from_mapping(dataloader, shared, training)
    if isinstance(dataloader, DataLoader):
        return _from_torch(dataloader, shared, training)
    if not isinstance(dataloader, Iterable):
        raise LoaderTypeError(
            "a loader is given as a dict, a torch DataLoader or an iterable of batches, "
            f"but this is a {type(dataloader).__name__}"
        )
    dataset = getattr(dataloader, "dataset", dataloader)
    return Loader(dataloader, dataset=dataset, seed=shared, training=training)


def _from_mapping(cfg: Mapping[str, Any], seed: int, training: bool) -> Loader:
    options = {key: cfg[key] for key in cfg}
    _check_keys(options)
    batch_size = options.pop("batch_size", 1)
    head = options.pop("num_batch_per_epoch", None)
    dataset = _dataset(options.pop("dataset"))
    if head is not None:
        dataset = Head(dataset, head * (batch_size or 1) * get_dist_info()[1])
    quiet = options.pop("disable_subprocess_warning", False)
    collate_fn = _function(options.pop("collate_fn", pseudo_collate), "collate_fn")
    options["worker_init_fn"] = _worker_init(options, seed, quiet)
    if isinstance(dataset, IterableDataset):
        return _from_stream_of_samples(dataset, batch_size, collate_fn, options, seed, training)
    return _assemble(dataset, batch_size, collate_fn, options, seed, training)


def _assemble(
    dataset: Any,
    batch_size: int | None,
    collate_fn: Callable[[Any], Any],
    options: dict[str, Any],
    seed: int,
    training: bool,
) -> Loader:
    """A loader of a data set with indices; `options` are torch's besides."""
    sampler = _sampler(options.pop("sampler", None), dataset, seed, training)
    batch_sampler = options.pop("batch_sampler", None)
    if isinstance(batch_sampler, Mapping):
        defaults = {"sampler": sampler, "batch_size": batch_size}
        batch_sampler = DATA_SAMPLERS.build(batch_sampler, default_args=defaults)
    drop_last = _drop_last(options.pop("drop_last", False), training)
    stream = BatchStream(
        sampler,
        batch_size=batch_size if batch_sampler is None else None,
        drop_last=drop_last,
        batch_sampler=batch_sampler,
        world_size=get_dist_info()[1],
    )
    seeding: Seeding = options.pop("seeding", "sample")
    num_workers = options.get("num_workers", 0)
    if num_workers:
        options.setdefault("timeout", PATIENCE)
    board = Board(num_workers) if num_workers else None
    batched = batch_sampler is not None or batch_size is not None
    reader = Reader(dataset, collate_fn, seeding=seeding, batched=batched, board=board)
    options["generator"] = _own_generator(seed)
    orders: Any = stream  # what torch calls a batch of indices is an order here
    dataloader: DataLoader[Any] = DataLoader(reader, batch_sampler=orders, collate_fn=unchanged, **options)
    return Loader(
        dataloader,
        dataset=dataset,
        seed=seed,
        training=training,
        stream=stream,
        collate_fn=collate_fn,
        board=board,
    )


def _from_stream_of_samples(
    dataset: Any,
    batch_size: int | None,
    collate_fn: Callable[[Any], Any],
    options: dict[str, Any],
    seed: int,
    training: bool,
) -> Loader:
    """A loader of an IterableDataset, which torch can only read from the beginning."""
    for key in ("sampler", "batch_sampler"):
        if options.pop(key, None) is not None:
            raise LoaderConfigError(
                f"`{key}` is given, but {type(dataset).__name__} is an IterableDataset, which chooses its samples "
                f"itself: leave `{key}` out, or set it to None"
            )
    options.pop("seeding", None)
    options.setdefault("generator", _own_generator(seed))
    dataloader = DataLoader(dataset, batch_size=batch_size, collate_fn=collate_fn, **options)
    return Loader(dataloader, dataset=dataset, seed=seed, training=training, collate_fn=collate_fn)


def _from_torch(given: DataLoader[Any], seed: int, training: bool) -> Loader:
    shuffle = _plain_order(given)
    if shuffle is None:
        _check_ranks(getattr(given.batch_sampler, "sampler", given.sampler))
        return Loader(given, dataset=given.dataset, seed=seed, training=training, collate_fn=given.collate_fn)
    options: dict[str, Any] = {
        "sampler": DefaultSampler(given.dataset, shuffle, seed),  # type: ignore[arg-type]
        "num_workers": given.num_workers,
        "pin_memory": given.pin_memory,
        "drop_last": given.drop_last,
        "worker_init_fn": given.worker_init_fn,
        "persistent_workers": given.persistent_workers,
    }
    if given.num_workers:
        options["prefetch_factor"] = given.prefetch_factor
        options["multiprocessing_context"] = given.multiprocessing_context
        options["timeout"] = given.timeout or PATIENCE
    return _assemble(given.dataset, given.batch_size, given.collate_fn, options, seed, training)


def _plain_order(given: DataLoader[Any]) -> bool | None:
    """Whether torch's own sampler shuffles (True) or not (False); None if the order is the user's own."""
    batches, sampler = given.batch_sampler, given.sampler
    plain = type(given) is DataLoader and type(batches) is BatchSampler and batches.sampler is sampler
    if plain and type(sampler) is SequentialSampler:
        return False
    if plain and type(sampler) is RandomSampler and not sampler.replacement and sampler._num_samples is None:
        return True
    return None


def _check_ranks(sampler: Any) -> None:
    """Refuse torch's own samplers under several ranks, which would all read the same samples."""
    world_size = get_dist_info()[1]
    if world_size > 1 and type(sampler).__module__ == TORCH_SAMPLERS:
        raise LoaderConfigError(
            f"{type(sampler).__name__} knows nothing of ranks: each of the {world_size} would read the same samples. "
            "Write DataLoader(..., sampler=DefaultSampler(dataset)), or give the loader as a dict with "
            "sampler=dict(type='DefaultSampler')"
        )


def _check_keys(options: dict[str, Any]) -> None:
    known = _TORCH_KEYS | _OUR_KEYS
    problems = [
        f"`{key}` is no key of a loader; {suggest(key, sorted(known)) or 'look at torch.utils.data.DataLoader'}"
        for key in options
        if key not in known
    ]
    if "dataset" not in options:
        problems.append("`dataset` is missing")
    if "sampler" not in options and "batch_sampler" not in options:
        problems.append("`sampler` is missing, for example sampler=dict(type='DefaultSampler', shuffle=True)")
    if options.get("shuffle"):
        problems.append("`shuffle` is said by the sampler: sampler=dict(type='DefaultSampler', shuffle=...)")
    if problems:
        raise LoaderConfigError("the loader's configuration: " + "; ".join(problems))
    options.pop("shuffle", None)


def _dataset(dataset: Any) -> Any:
    if isinstance(dataset, Mapping):
        dataset = DATASETS.build(dataset)
        if hasattr(dataset, "full_init"):
            dataset.full_init()
    return dataset


def _sampler(sampler: Any, dataset: Any, seed: int, training: bool) -> Any:
    if sampler is None:
        sampler = DefaultSampler(dataset, shuffle=False, seed=seed)
    elif isinstance(sampler, Mapping):
        sampler = DATA_SAMPLERS.build(sampler, default_args={"dataset": dataset, "seed": seed})
    _check_ranks(sampler)
    if not training and isinstance(sampler, DefaultSampler):
        sampler.round_up = False
    return sampler


def _drop_last(drop_last: bool, training: bool) -> bool:
    if drop_last and not training:
        logger.warning("`drop_last` is set for evaluation, where every sample counts: nothing is dropped.")
        return False
    return drop_last


def _worker_init(options: dict[str, Any], seed: int, quiet: bool) -> Callable[[int], None]:
    given = options.pop("worker_init_fn", None)
    if given is not None:
        return _function(given, "worker_init_fn")
    return partial(
        worker_init_fn,
        num_workers=options.get("num_workers", 0),
        rank=get_dist_info()[0],
        seed=seed,
        disable_subprocess_warning=quiet,
    )


def _function(given: Any, key: str) -> Callable[..., Any]:
    """A callable, or one named by ``dict(type=..., **arguments)`` with its arguments bound."""
    if callable(given):
        return given  # type: ignore[no-any-return]
    if not isinstance(given, Mapping):
        raise LoaderTypeError(f"`{key}` is a callable or a dict with `type`, but got {type(given).__name__}")
    arguments = {name: given[name] for name in given}
    kind = arguments.pop("type", None)
    function = FUNCTIONS.get(kind) if isinstance(kind, str) else kind
    if not callable(function):
        nearest = suggest(str(kind), sorted(FUNCTIONS.module_dict))
        raise LoaderConfigError(f"`{key}.type`: there is no function {kind!r} in FUNCTIONS; {nearest}")
    return partial(function, **arguments) if arguments else function


def _own_generator(seed: int) -> torch.Generator:
    """What torch draws its own numbers from, so that it leaves the global generator alone."""
    return torch.Generator().manual_seed(seed)
