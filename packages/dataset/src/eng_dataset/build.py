"""From configuration to a loader: the one place that knows the keys of a loader's configuration."""

import inspect
import logging
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import torch
from torch.utils.data import DataLoader, IterableDataset, RandomSampler, SequentialSampler

from eng_dataset.collate import pseudo_collate
from eng_dataset.errors import LoaderConfigError, LoaderTypeError
from eng_dataset.first_n import FirstN
from eng_dataset.loader import Loader
from eng_dataset.randomness import worker_init_fn
from eng_dataset.reader import Reader, Seeding, WorkerTable, unchanged
from eng_dataset.samplers import DefaultSampler, InfiniteSampler
from eng_dataset.stream import TORCH_SAMPLERS, BatchStream
from eng_dist import all_gather_object, get_dist_info, is_cuda_available, sync_random_seed
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
    own) and ``disable_subprocess_warning``. With workers, unless given, ``timeout`` is 300 seconds, and ``pin_memory``
    is True where there is a CUDA device, so that batches go there without a wait.

    A torch DataLoader is kept: `Loader.dataloader` is that object, and its data set, order, batches, workers and
    collate function are used. What is shuffled without a generator follows `seed`, as with `DefaultSampler`. A
    DataLoader of a class of its own, a stream of samples and any other iterable are used as they are; only those
    resume by reading what they skip.

    `seed` None or `diff_rank_seed` draws a seed that all ranks share. With `training` False no rank gets a sample
    twice to even out the ranks, and no incomplete batch is dropped. With `training` True ranks compare how many
    batches they have, so all of them must call this.

    >>> loader = build_dataloader(
    ...     dict(dataset=range(5), batch_size=2, sampler=dict(type='DefaultSampler', shuffle=False)), seed=0
    ... )
    >>> list(loader)
    [[0, 1], [2, 3], [4]]

    Raises:
        LoaderConfigError: a key is missing, unknown or of the wrong kind; or, with several ranks, all would read the
            same samples, or some would have more batches than others.
    """
    if isinstance(dataloader, Loader):
        return dataloader
    loader = _build(dataloader, seed, diff_rank_seed, training)
    if training:
        _check_lengths(loader)
    return loader


def _build(dataloader: Any, seed: int | None, diff_rank_seed: bool, training: bool) -> Loader:
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
    _check_numbers(options)
    batch_size = options.pop("batch_size", 1)
    batches = options.pop("num_batch_per_epoch", None)
    dataset = _dataset(options.pop("dataset"))
    if batches is not None:
        dataset = FirstN(dataset, batches * (batch_size or 1) * get_dist_info()[1])
    quiet = options.pop("disable_subprocess_warning", False)
    collate_fn = _function(options.pop("collate_fn", pseudo_collate), "collate_fn")
    options["worker_init_fn"] = _worker_init(options, seed, quiet)
    if options.get(
        "num_workers"
    ):  # without workers, samples may be on the device already, where torch cannot pin
        options.setdefault("pin_memory", is_cuda_available())
    if isinstance(dataset, IterableDataset):
        return _from_stream_of_samples(dataset, batch_size, collate_fn, options, seed, training)
    return _assemble(dataset, batch_size, collate_fn, options, seed, training)


def _check_numbers(options: Mapping[str, Any]) -> None:
    for key, least in (("batch_size", 1), ("num_workers", 0)):
        number = options.get(key, least)
        if key == "batch_size" and number is None:
            continue
        if not hasattr(number, "__index__") or number < least:
            raise LoaderConfigError(
                f"the loader's configuration: `{key}` is a whole number of at least {least}, not {number!r}"
            )


def _assemble(
    dataset: Any,
    batch_size: int | None,
    collate_fn: Callable[[Any], Any],
    options: dict[str, Any],
    seed: int,
    training: bool,
    given: DataLoader[Any] | None = None,
) -> Loader:
    """A loader of a data set with indices; `options` are torch's besides. `given` is the user's own."""
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
    worker_table = WorkerTable(num_workers) if num_workers else None
    batched = batch_sampler is not None or batch_size is not None
    reader = Reader(dataset, collate_fn, seeding=seeding, batched=batched, worker_table=worker_table)
    options["generator"] = (
        _own_generator(seed) if given is None or given.generator is None else given.generator
    )
    orders: Any = stream  # what torch calls a batch of indices is an order here
    dataloader: DataLoader[Any] = DataLoader(reader, batch_sampler=orders, collate_fn=unchanged, **options)
    return Loader(
        dataloader,
        dataset=dataset,
        seed=seed,
        training=training,
        stream=stream,
        collate_fn=collate_fn,
        worker_table=worker_table,
        given=given,
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
    orders = given.sampler if given.batch_sampler is None else given.batch_sampler
    sampler = getattr(orders, "sampler", orders)
    _fit_ranks(sampler, seed)
    if type(given) is not DataLoader or isinstance(given.dataset, IterableDataset) or not given.in_order:
        return Loader(given, dataset=given.dataset, seed=seed, training=training, collate_fn=given.collate_fn)
    options: dict[str, Any] = {
        "num_workers": given.num_workers,
        "pin_memory": given.pin_memory,
        "drop_last": given.drop_last,
        "worker_init_fn": given.worker_init_fn,
        "persistent_workers": given.persistent_workers,
        "generator": given.generator,  # torch draws a number for its workers from it before the order
    }
    if given.num_workers:
        options["prefetch_factor"] = given.prefetch_factor
        options["multiprocessing_context"] = given.multiprocessing_context
        options["timeout"] = given.timeout or PATIENCE
    if given.batch_size is None and given.batch_sampler is not None:
        options["batch_sampler"] = given.batch_sampler
    else:
        shuffle = _plain_order(sampler)
        options["sampler"] = sampler if shuffle is None else DefaultSampler(given.dataset, shuffle, seed)  # type: ignore[arg-type]
    return _assemble(given.dataset, given.batch_size, given.collate_fn, options, seed, training, given)


def _plain_order(sampler: Any) -> bool | None:
    """Whether torch's own sampler shuffles (True) or not (False); None if the order is the user's own."""
    if type(sampler) is SequentialSampler:
        return False
    plain = type(sampler) is RandomSampler and not sampler.replacement and sampler._num_samples is None
    return True if plain and sampler.generator is None else None


def _fit_ranks(sampler: Any, seed: int) -> None:
    """Let a sampler of ours that was made before the process group know its place; refuse those that cannot know.

    Torch's own samplers know nothing of ranks, so all ranks would read the same samples.
    """
    rank, world_size = get_dist_info()
    if isinstance(sampler, DefaultSampler | InfiniteSampler):
        sampler.take_place(rank, world_size, seed)
        return
    if world_size > 1 and type(sampler).__module__ == TORCH_SAMPLERS:
        raise LoaderConfigError(
            f"{type(sampler).__name__} knows nothing of ranks: each of the {world_size} would read the same samples. "
            "Write DataLoader(..., sampler=DefaultSampler(dataset)), or give the loader as a dict with "
            "sampler=dict(type='DefaultSampler')"
        )
    made_for = getattr(sampler, "world_size", getattr(sampler, "num_replicas", world_size))
    if isinstance(made_for, int) and made_for != world_size:
        raise LoaderConfigError(
            f"{type(sampler).__name__} was made for {made_for} process(es), but there are {world_size}: make it after "
            "init_dist, or give the loader as a dict, which is built then"
        )


def _check_lengths(loader: Loader) -> None:
    """Refuse ranks with unlike numbers of batches: those with more would wait for the others without end."""
    if get_dist_info()[1] == 1:
        return
    try:
        mine: int | None = len(loader)
    except TypeError:
        mine = None
    lengths = all_gather_object(mine)
    if len(set(lengths)) > 1:
        told = ", ".join(f"rank {rank}: {length}" for rank, length in enumerate(lengths))
        raise LoaderConfigError(
            f"the ranks have unlike numbers of batches for training ({told}), so some would wait for the others "
            "without end. Deal the samples out evenly: sampler=dict(type='DefaultSampler', round_up=True)"
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
    if options.get("in_order") is False:
        problems.append("`in_order` is always True: a run whose batches change places could not be resumed")
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
    _fit_ranks(sampler, seed)
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
