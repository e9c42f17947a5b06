"""How the state of a run gets onto a disk: one file by rank 0, or a directory by all ranks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from eng_checkpoint import commit, commit_sharded, save_checkpoint
from eng_dist import broadcast_object_list, is_main_process

from ..engine.run import Run
from ..engine.saving import SaveRequest
from .rank_local_buffers import add_own_buffers

Save = Callable[[dict[str, Any]], object]


def write(run: Run, checkpoint: dict[str, Any], request: SaveRequest) -> str:
    """Write a checkpoint; returns its path.

    Rank 0 writes, and an error there is raised on every rank, unless the request has a saver that writes meanwhile.
    Under a strategy that shards the model every rank writes its part. Raises ValueError for a sharded checkpoint that
    is to go to another place than this file system.
    """
    names = [name for name, _ in run.bare_model.named_buffers()]
    add_own_buffers(checkpoint, names, run.strategy.data_place())
    checkpoint = run.strategy.gathered(checkpoint)
    if run.strategy.is_sharded:
        _write_sharded(run, checkpoint, request)
    elif request.saver is None:
        _write_now(run, checkpoint, request)
    elif is_main_process():
        request.saver.submit(
            partial(_save_then, _save_of(run, request), request.then), checkpoint, name=request.path
        )
    return request.path


def _write_sharded(run: Run, checkpoint: dict[str, Any], request: SaveRequest) -> None:
    if not request.is_local:
        raise ValueError(
            f"a sharded checkpoint is a directory that all processes write; {request.folder} is not a folder of this "
            "system. Use state_dict_cfg='full' for other places"
        )
    commit_sharded(request.folder, request.name, checkpoint, **_entry(run, request))


def _write_now(run: Run, checkpoint: dict[str, Any], request: SaveRequest) -> None:
    failure: list[str | None] = [None]
    if is_main_process():
        try:
            _save_of(run, request)(checkpoint)
        except Exception as error:
            if not run.distributed:
                raise
            failure = [f"{type(error).__name__}: {error}"]
    broadcast_object_list(failure, src=0)
    if failure[0] is not None:
        raise RuntimeError(f"rank 0 could not save {request.path}: {failure[0]}")


def _save_of(run: Run, request: SaveRequest) -> Save:
    """Return the function that writes one file; where there is a list of checkpoints, it is entered there."""
    if not request.is_local:
        return partial(save_checkpoint, filename=request.path, backend_args=request.backend_args)
    return partial(commit, request.folder, request.name, **_entry(run, request))


def _entry(run: Run, request: SaveRequest) -> dict[str, Any]:
    clock = run.clock
    return {
        "kind": request.kind,
        "epoch": clock.epoch,
        "iter": clock.iter,
        "step": clock.step,
        "metrics": request.metrics,
    }


def _save_then(save: Save, then: Callable[[], None] | None, state: dict[str, Any]) -> None:
    save(state)
    if then is not None:
        then()
