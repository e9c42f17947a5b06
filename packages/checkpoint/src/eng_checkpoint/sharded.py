"""One checkpoint that many ranks write and read together, each its own part, under the same manifest.

The parts are files of torch.distributed.checkpoint, in a directory that gets its name only when every rank has
written, flushed and hashed its own; so a rank that dies on the way leaves no half of a checkpoint. What was saved
by any number of ranks loads into any other number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from eng_dist import all_gather_object, broadcast_object_list, get_rank, is_distributed, is_main_process
from eng_fileio import remove_leftovers, replace_directory, sync_directory, temporary_directory

from .errors import CheckpointError, CorruptCheckpointError
from .manifest import (
    Entry,
    Kind,
    announce,
    check_counts,
    check_metrics,
    defect_of_file,
    editing,
    enter,
)
from .names import check_name
from .plain import check_plain
from .recovery import tidy
from .verify import FileInfo, Verify, combined, digest_below

_Result = TypeVar("_Result")


def commit_sharded(
    folder: str | Path,
    name: str,
    state: Mapping[str, Any],
    *,
    kind: Kind = "regular",
    epoch: int,
    iter: int,
    step: int,
    metrics: Mapping[str, float] | None = None,
) -> Entry:
    """Save a state whose tensors are spread over the ranks (`DTensor`), as `commit` does; every rank calls this.

    Plain tensors and values are taken from one rank. Containers are dicts and lists.

    Raises:
        PlainDataError: The state holds more than tensors and plain values.
        WriteError: The disk refused to be written by this rank; nothing is left.
        CheckpointError: Another rank could not write its part; raised on every rank, and nothing is left. Or numpy is
            missing, which torch needs when several ranks write.
    """
    _require_numpy()
    from .shards import SPREAD  # with its second of import, that only sharded saving needs

    folder = Path(folder)
    check_name(name)
    check_plain(state, also=SPREAD)
    check_counts(epoch=epoch, iter=iter, step=step)
    metrics = check_metrics(metrics)
    with ExitStack() as cleanup:
        temporary = _agreed(lambda: cleanup.enter_context(_begin(folder, name)))
        parts = _together(lambda: _write(state, temporary, folder / name))
        info = combined(name, [part for rank in parts for part in rank])
        return _agreed(lambda: _finish(temporary, folder / name, info, kind, epoch, iter, step, metrics))


def load_sharded(state: dict[str, Any], path: str | Path, *, verify: Verify = "full") -> None:
    """Fill the tensors of `state` in place, and replace its other values; every rank calls this, however many.

    To read such a checkpoint into one process without a state to fill: `load_file`.

    Raises:
        CorruptCheckpointError: It is not what was written.
        StateMismatchError: Names or shapes of `state` are others than those that were saved.
        UnsafeCheckpointError: It asks for more than plain data; nothing of it has run.
        CheckpointError: numpy is missing, which torch needs when several ranks read.
    """
    _require_numpy()
    from .shards import fill_from_shards

    path = Path(path)
    reason = _agreed(lambda: defect_of_file(path, verify) if path.is_dir() else "missing")
    if reason is not None:
        raise CorruptCheckpointError(str(path), reason)
    fill_from_shards(state, path, alone=not is_distributed())


def read_sharded(
    path: str | Path,
    place: Callable[[tuple[Any, ...], tuple[int, ...], Any], Any] | None = None,
    *,
    verify: Verify = "full",
) -> dict[str, Any]:
    """The state as it was saved, without one to fill; every rank calls this, however many.

    `place(path, shape, dtype)` may return an empty tensor for an entry, such as this rank's DTensor, which gets its own
    part only; where it returns None (and without it) the whole is read.

    Raises:
        CorruptCheckpointError: It is not what was written.
        UnsafeCheckpointError: It asks for more than plain data; nothing of it has run.
    """
    from .shards import read_shards

    path = Path(path)
    reason = _agreed(lambda: defect_of_file(path, verify) if path.is_dir() else "missing")
    if reason is not None:
        raise CorruptCheckpointError(str(path), reason)
    return read_shards(path, place=place)


def _require_numpy() -> None:
    """torch's own collectives of objects go through numpy: without it one rank fails and the others wait for it."""
    if is_distributed() and find_spec("numpy") is None:
        raise CheckpointError(
            "sharded checkpoints of several processes need numpy, which is not installed: "
            'pip install "eng-checkpoint[sharded]"'
        )


@contextmanager
def _begin(folder: Path, name: str) -> Iterator[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    tidy(folder)
    with temporary_directory(folder / name) as temporary:
        yield temporary


def _write(state: Mapping[str, Any], temporary: Path, target: Path) -> list[FileInfo]:
    """Write this rank's part; what it is."""
    from .shards import METADATA, write_shards

    write_shards(state, temporary, alone=not is_distributed(), target=target)
    mine = sorted(path.name for path in temporary.glob(f"__{get_rank()}_*.distcp"))
    if is_main_process():
        mine.append(METADATA)
    return [digest_below(temporary, file) for file in mine]


def _finish(
    temporary: Path,
    target: Path,
    info: FileInfo,
    kind: Kind,
    epoch: int,
    iter: int,
    step: int,
    metrics: Mapping[str, float] | None,
) -> Entry:
    sync_directory(temporary)
    announce(target.parent, info)
    with editing(target.parent):
        replace_directory(temporary, target)
    entry = enter(target.parent, info, kind=kind, epoch=epoch, iter=iter, step=step, metrics=metrics)
    remove_leftovers(target.parent)  # what had the name before
    return entry


def _agreed(ask: Callable[[], _Result]) -> _Result:
    """What rank 0 answers; when it fails, every rank does."""
    answer: list[Any] = [None, None]
    if is_main_process():
        try:
            answer = [ask(), None]
        except Exception as error:
            broadcast_object_list([None, f"{type(error).__name__}: {error}"], src=0)
            raise
    broadcast_object_list(answer, src=0)
    if answer[1] is not None:
        raise CheckpointError(f"rank 0 failed: {answer[1]}")
    result: _Result = answer[0]
    return result


def _together(act: Callable[[], _Result]) -> list[_Result]:
    """What every rank answers; the error of any is raised on all."""
    try:
        answer: tuple[_Result | None, str | None] = (act(), None)
    except Exception as error:
        answer = (None, f"{type(error).__name__}: {error}")
        own: Exception | None = error
    else:
        own = None
    answers = all_gather_object(answer)
    if own is not None:
        raise own
    for rank, (_, reason) in enumerate(answers):
        if reason is not None:
            raise CheckpointError(f"rank {rank} could not save its part: {reason}")
    return [result for result, _ in answers if result is not None]
