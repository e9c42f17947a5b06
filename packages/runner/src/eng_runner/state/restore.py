"""How a run continues from a checkpoint: what is read, and where each part of it goes."""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eng_checkpoint import CheckpointError, StateMismatchError, load_file, load_state_dict, read_sharded
from eng_dist import broadcast_object_list, is_main_process, set_rng_state

from ..engine.environment import set_random_seed
from ..engine.run import Run, is_configured
from .optimizer_state import restore_optimizer
from .rank_local_buffers import SECTIONS, take_own_buffers

_log = logging.getLogger(__name__)

_LARGE = (*SECTIONS, "optimizer")
"""Entries of a checkpoint that are copied when they are restored; all others get memory of their own when read."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint that was read: where from, and what it holds."""

    path: str
    state: dict[str, Any]


def read(run: Run, filename: str, *, map_location: Any = "cpu") -> Checkpoint:
    """Read a checkpoint and take over its seed.

    `map_location` is accepted and changes nothing: the file is mapped into host memory, and each tensor is copied from
    there to where its counterpart is. Random states and counters stay on the host.
    """
    run.call_hook("before_resume", path=filename)
    state = _read_file(run, filename)
    seed = state.get("meta", {}).get("seed")
    if seed is not None and seed != run.seed:
        run.seed = _seed_anew(run, int(seed))
        for name in ("train_loop", "val_loop", "test_loop"):
            if run.built(name) is not None:
                raise RuntimeError(
                    f"{filename} was trained with seed {seed}, but `{name}` is built with another one already; "
                    "resume before the loops are used, or give this seed in `randomness`"
                )
    return Checkpoint(filename, state)


def _read_file(run: Run, filename: str) -> dict[str, Any]:
    """The state that a file or a directory holds, spread over the processes as the model is."""
    strategy, model = run.strategy, run.bare_model
    if Path(filename).is_dir():
        return read_sharded(filename, strategy.place_for(model))
    state = {
        name: part if name in _LARGE else copy.deepcopy(part) for name, part in _mapped(filename).items()
    }
    return strategy.placed(state, model)


def _mapped(filename: str) -> dict[str, Any]:
    """The state of a file, of which only what is used is read. The first process verifies it, for all of them."""
    failure: list[str | None] = [None]
    state: dict[str, Any] = {}
    if is_main_process():
        try:
            state = load_file(filename, mmap=True)
        except Exception as error:
            broadcast_object_list([f"{type(error).__name__}: {error}"], src=0)
            raise
    broadcast_object_list(failure, src=0)
    if failure[0] is not None:
        raise CheckpointError(f"rank 0 could not read {filename}: {failure[0]}")
    return state if is_main_process() else load_file(filename, mmap=True, verify="size")


def restore(
    run: Run, checkpoint: Checkpoint, *, optimizer: bool = True, param_scheduler: bool = True
) -> None:
    """Put the run where the checkpoint was taken."""
    state = checkpoint.state
    _check_resumable(checkpoint)
    take_own_buffers(state, run.strategy.data_place())
    run.call_hook("after_load_checkpoint", checkpoint=state)
    load_state_dict(run.bare_model, state["state_dict"], strict=True)
    meta = state.get("meta", {})
    run.clock.load_state_dict(
        state.get("clock", {"epoch": meta.get("epoch", 0), "iter": meta.get("iter", 0)})
    )
    run.message_hub.load_state_dict(state["message_hub"])
    loop = run.train_loop
    if is_configured(loop):
        run.param_schedulers  # noqa: B018 - built now: a new schedule sets learning rates, which are restored below
        if "loader" in state:
            loop.dataloader.load_state_dict(state["loader"])
        if "loop" in state and hasattr(loop, "load_state_dict"):
            loop.load_state_dict(state["loop"])
        if hasattr(loop, "resumed"):
            loop.resumed()
        if optimizer and "optimizer" in state:
            restore_optimizer(run, state["optimizer"])
        if param_scheduler and "param_schedulers" in state:
            _load_schedulers(run, state["param_schedulers"])
    for name, hook in run.named_hooks().items():
        if name in state.get("hooks", {}):
            hook.load_state_dict(state["hooks"][name])
    _restore_rng(run, state.get("rng"))
    clock = run.clock
    run.logger.info(
        "Resumed from %s: epoch %d, iteration %d, step %d",
        checkpoint.path,
        clock.epoch,
        clock.iter,
        clock.step,
    )


def _check_resumable(checkpoint: Checkpoint) -> None:
    """Say what a file is where it is no checkpoint of a training, and what is left out of one that holds less."""
    state = checkpoint.state
    missing = [name for name in ("state_dict", "message_hub") if name not in state]
    if missing:
        raise StateMismatchError(
            f"{checkpoint.path} has no {' and no '.join(f'`{name}`' for name in missing)}, so no training can be "
            f"resumed from it; it has {', '.join(f'`{name}`' for name in [*state][:6]) or 'nothing'}. "
            "To begin a training with its weights, load it without resuming (`load_from` with `resume=False`)"
        )
    if "optimizer" not in state:
        _log.warning(
            "%s was saved without the optimizer, as the best ones are; the run goes on, but the optimizer starts anew",
            checkpoint.path,
        )


def _load_schedulers(run: Run, states: Any) -> None:
    mine = run.param_schedulers
    pairs = (
        [(group, states[name]) for name, group in mine.items()]
        if isinstance(mine, Mapping)
        else [(mine, states)]
    )
    for group, saved in pairs:
        if len(group) != len(saved):
            raise ValueError(
                f"the checkpoint has {len(saved)} schedules and the configuration {len(group)}; "
                "resume with the same `param_scheduler`, or load only weights"
            )
        for index, (scheduler, state) in enumerate(zip(group, saved, strict=True)):
            try:
                scheduler.load_state_dict(state)
            except (KeyError, ValueError) as error:
                said = error.args[0] if isinstance(error, KeyError) and error.args else error
                raise StateMismatchError(
                    f"schedule {index} of the checkpoint is not that of `param_scheduler.{index}`: {said}. Resume with "
                    "the same schedules, or load only weights (`load_from` with `resume=False`)"
                ) from error


def _seed_anew(run: Run, seed: int) -> int:
    return set_random_seed(
        seed,
        deterministic=run.deterministic,
        diff_rank_seed=run.diff_rank_seed,
        place=run.strategy.data_place()[0],
    )


def _restore_rng(run: Run, states: list[dict[str, Any]] | None) -> None:
    """Put back the random state of a process that read the same samples; where none did, seed by the place."""
    place, _ = run.strategy.data_place()
    if states is None:
        _log.warning(
            "the checkpoint has no random state; the run continues, but not bitwise like the one that saved it"
        )
        return
    saved = {state.get("place", rank): state for rank, state in reversed([*enumerate(states)])}
    if len(states) != run.world_size:
        _log.warning(
            "saved by %d processes, resumed by %d: random states are drawn anew from the seed",
            len(states), run.world_size,
        )  # fmt: skip
        _seed_anew(run, run.seed)
    elif place not in saved:
        _log.warning(
            "no process has read the samples of this one before: its random state is drawn from the seed"
        )
        _seed_anew(run, run.seed)
    else:
        set_rng_state(saved[place])
