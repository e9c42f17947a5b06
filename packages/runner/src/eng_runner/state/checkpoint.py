"""What a checkpoint of a run holds, and how a run continues from one.

Everything is plain data. The random state is taken first and set last, so that neither saving nor loading changes
what comes next: killed anywhere and resumed, a run ends with bitwise the weights of an uninterrupted one.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch

from eng_checkpoint import (
    BackgroundSaver,
    StateMismatchError,
    commit,
    commit_sharded,
    entries,
    find_newest_valid,
    get_state_dict,
    load_file,
    load_state_dict,
    read_sharded,
    save_checkpoint,
    weights_to_cpu,
)
from eng_dist import (
    all_gather_object,
    broadcast_object_list,
    get_rank,
    is_main_process,
    rng_state,
    set_rng_state,
)

from ..engine.environment import set_random_seed
from ..plan.resume_report import Effect, ResumeReport, compare
from ..version import __version__
from .optimizer_state import Names, by_name, by_number
from .rank_local_buffers import add_own_buffers, take_own_buffers

if TYPE_CHECKING:
    from ..runner import Runner

_log = logging.getLogger(__name__)

Kind = Literal["regular", "best"]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint that was read: where from, and what it holds."""

    path: str
    state: dict[str, Any]


def collect(
    runner: Runner, *, meta: Mapping[str, Any], optimizer: bool, param_scheduler: bool
) -> dict[str, Any]:
    """The whole state of a run as plain data; a collective call, since every rank adds its random state."""
    rng = all_gather_object(rng_state())
    state: dict[str, Any] = {
        "meta": _meta(runner) | dict(meta),
        "state_dict": weights_to_cpu(get_state_dict(runner.bare_model)),
        "message_hub": runner.message_hub.state_dict(),
        "clock": runner.clock.state_dict(),
        "rng": rng,
        "hooks": {
            name: own for name, hook in runner.hooks_in_order.named().items() if (own := hook.state_dict())
        },
    }
    loop = runner.__dict__.get("train_loop")
    if loop is not None:
        state["loader"] = loop.dataloader.state_dict()
        if hasattr(loop, "state_dict"):
            state["loop"] = loop.state_dict()
    if optimizer and runner.optim_wrapper is not None:
        state["optimizer"] = _optimizer_state(runner)
    if param_scheduler and runner.param_schedulers:
        state["param_schedulers"] = _each_scheduler(
            runner.param_schedulers, lambda scheduler: scheduler.state_dict()
        )
    return state


def _wrappers(runner: Runner) -> dict[str, Any] | None:
    """The optimizer wrappers by name; None for a single one."""
    wrappers = runner.optim_wrapper
    return dict(wrappers.items()) if hasattr(wrappers, "items") else None


def _optimizer_state(runner: Runner) -> dict[str, Any]:
    """The state of the optimizer wrapper, or of each of several."""
    state = runner.optim_wrapper.state_dict()
    wrappers = _wrappers(runner)
    if wrappers is None:
        return _one_optimizer_state(runner, runner.optim_wrapper, state)
    return {name: _one_optimizer_state(runner, wrappers[name], own) for name, own in state.items()}


def _one_optimizer_state(runner: Runner, wrapper: Any, state: dict[str, Any]) -> dict[str, Any]:
    if runner.strategy.names_parameters:
        return by_name(state, Names(wrapper.optimizer, runner.bare_model))
    accumulation = state.get("accumulation", {})
    if "gradients" in accumulation and runner.world_size > 1:
        # in the middle of a window every process has gradients that no other one knows of
        own = weights_to_cpu({name: accumulation[name] for name in ("gradients", "weight")})
        accumulation = {**accumulation, "ranks": all_gather_object(dict(own))}
        return {**state, "accumulation": accumulation}
    return state


def _load_optimizer(runner: Runner, state: dict[str, Any]) -> None:
    wrappers = _wrappers(runner)
    if wrappers is None:
        state = _one_loadable(runner, runner.optim_wrapper, state)
    else:
        state = {name: _one_loadable(runner, wrappers[name], own) for name, own in state.items()}
    try:
        runner.optim_wrapper.load_state_dict(state)
    except KeyError as error:  # of an optimizer that looks for what another one does not have
        raise _other_optimizer() from error
    for wrapper in [runner.optim_wrapper] if wrappers is None else wrappers.values():
        optimizer = getattr(wrapper, "optimizer", None)
        if isinstance(optimizer, torch.optim.Optimizer) and any(
            name not in group for group in optimizer.param_groups for name in optimizer.defaults
        ):
            raise _other_optimizer(optimizer)


def _other_optimizer(optimizer: torch.optim.Optimizer | None = None) -> StateMismatchError:
    name = "the optimizer" if optimizer is None else type(optimizer).__name__
    return StateMismatchError(
        f"the checkpoint holds the state of another kind of optimizer than {name}; resume with the one that saved it, "
        "or load only the weights (`load_from` with `resume=False`)"
    )


def _one_loadable(runner: Runner, wrapper: Any, state: dict[str, Any]) -> dict[str, Any]:
    if "param_groups" not in state:  # what the engine of another package knows of it
        return state
    names = Names(wrapper.optimizer, runner.bare_model)
    if runner.strategy.names_parameters:  # also what another strategy has saved under numbers
        state = runner.strategy.placed(by_name(by_number(state, names), names), runner.bare_model)
    state = by_number(state, names)
    ranks = state.get("accumulation", {}).get("ranks")
    if ranks is not None:
        own = ranks[get_rank()] if len(ranks) == runner.world_size else _mean_of_ranks(ranks)
        state = {**state, "accumulation": {**state["accumulation"], **own}}
    return state


def _mean_of_ranks(ranks: list[dict[str, Any]]) -> dict[str, Any]:
    """What each of another number of processes may begin with, so that their average is the same."""
    gradients = zip(*(rank["gradients"] for rank in ranks), strict=True)
    means = [None if None in parts else torch.stack(parts).mean(0) for parts in map(list, gradients)]
    weight = ranks[0]["weight"]
    return {
        "gradients": means,
        "weight": None if weight is None else sum(r["weight"] for r in ranks) / len(ranks),
    }


def _meta(runner: Runner) -> dict[str, Any]:
    meta: dict[str, Any] = {
        "epoch": runner.clock.epoch,
        "iter": runner.clock.iter,
        "seed": runner.seed,
        "experiment_name": runner.experiment_name,
        "time": time.strftime("%Y%m%d_%H%M%S", time.localtime()),
        "eng_version": __version__,
        "torch_version": str(torch.__version__),
        "world_size": runner.world_size,
        "cfg": runner.cfg.pretty_text,
        "facts": runner.facts,
    }
    loop = runner.__dict__.get("train_loop")
    metainfo = getattr(loop.dataloader.dataset, "metainfo", None) if loop is not None else None
    if isinstance(metainfo, Mapping):
        meta["dataset_meta"] = {str(name): value for name, value in metainfo.items() if _is_plain(value)}
    return meta


def _is_plain(value: object) -> bool:
    if isinstance(value, Mapping):
        return all(isinstance(name, str) and _is_plain(part) for name, part in value.items())
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, (str, int, float, bool, torch.Tensor))


def _each_scheduler(schedulers: Any, do: Any) -> Any:
    if isinstance(schedulers, Mapping):
        return {name: [do(scheduler) for scheduler in group] for name, group in schedulers.items()}
    return [do(scheduler) for scheduler in schedulers]


def write(
    runner: Runner,
    checkpoint: dict[str, Any],
    out_dir: str,
    filename: str,
    *,
    kind: Kind,
    metrics: Mapping[str, float] | None,
    backend_args: dict[str, Any] | None,
    saver: BackgroundSaver | None = None,
    then: Callable[[], None] | None = None,
) -> str:
    """Rank 0 writes; an error there is raised on every rank, unless a `saver` writes meanwhile. Returns the path."""
    path = os.path.join(out_dir, filename)
    add_own_buffers(checkpoint, [name for name, _ in runner.bare_model.named_buffers()])
    checkpoint = runner.strategy.gathered(checkpoint)
    if runner.strategy.is_sharded:
        if backend_args is not None or "://" in out_dir:
            raise ValueError(
                f"a sharded checkpoint is a directory that all processes write; {out_dir} is no folder of this system. "
                "Use state_dict_cfg='full' for other places"
            )
        clock = runner.clock
        commit_sharded(
            out_dir, filename, checkpoint, kind=kind,
            epoch=clock.epoch, iter=clock.iter, step=clock.step, metrics=metrics,
        )  # fmt: skip
        return path
    clock = runner.clock
    save: Callable[[dict[str, Any]], object]
    if backend_args is not None or "://" in out_dir:
        save = partial(save_checkpoint, filename=path, backend_args=backend_args)
    else:
        save = partial(
            _commit, out_dir, filename, kind=kind,
            epoch=clock.epoch, iter=clock.iter, step=clock.step, metrics=metrics,
        )  # fmt: skip
    if saver is not None:
        if is_main_process():
            saver.submit(partial(_save_then, save, then), checkpoint, name=path)
        return path
    failure: list[str | None] = [None]
    if is_main_process():
        try:
            save(checkpoint)
        except Exception as error:
            if not runner.distributed:
                raise
            failure = [f"{type(error).__name__}: {error}"]
    broadcast_object_list(failure, src=0)
    if failure[0] is not None:
        raise RuntimeError(f"rank 0 could not save {path}: {failure[0]}")
    return path


def _commit(folder: str, name: str, state: dict[str, Any], **entry: Any) -> None:
    commit(folder, name, state, **entry)


def _save_then(
    save: Callable[[dict[str, Any]], object], then: Callable[[], None] | None, state: dict[str, Any]
) -> None:
    save(state)
    if then is not None:
        then()


def read_for_resume(runner: Runner) -> Checkpoint | None:
    """The checkpoint that `resume` asks for: `load_from`, or the newest valid one of `work_dir`; None for a fresh run.

    Its seed becomes the run's seed at once, because loaders are built from it.
    """
    if not runner.resume_wanted or runner.has_loaded:
        return None
    found: list[str | None] = [runner.load_from or (_newest(runner.work_dir) if is_main_process() else None)]
    broadcast_object_list(found, src=0)
    if found[0] is None:
        runner.logger.info("Nothing to resume from in %s; the run starts from the beginning", runner.work_dir)
        return None
    return read(runner, found[0])


def _newest(work_dir: str) -> str | None:
    found = find_newest_valid(work_dir)
    for skipped in found.skipped:
        _log.warning("checkpoint %s is skipped: %s", skipped.name, skipped.reason)
    return str(found.path) if found.path is not None else None


def read(runner: Runner, filename: str, *, map_location: Any = "cpu") -> Checkpoint:
    """Read a checkpoint and take over its seed."""
    runner.call_hook("before_resume", path=filename)
    state = _read_file(runner, filename, map_location)
    seed = state.get("meta", {}).get("seed")
    if seed is not None and seed != runner.seed:
        runner.seed = set_random_seed(int(seed), deterministic=runner.deterministic)
        for name in ("train_loop", "val_loop", "test_loop"):
            if name in runner.__dict__:
                raise RuntimeError(
                    f"{filename} was trained with seed {seed}, but `{name}` is built with another one already; "
                    "resume before the loops are used, or give this seed in `randomness`"
                )
    return Checkpoint(filename, state)


def _read_file(runner: Runner, filename: str, map_location: Any) -> dict[str, Any]:
    """The state that a file or a directory holds, spread over the processes as the model is."""
    strategy, model = runner.strategy, runner.bare_model
    if Path(filename).is_dir():
        return read_sharded(filename, strategy.place_for(model))
    return strategy.placed(load_file(filename, map_location=map_location), model)


def restore(
    runner: Runner, checkpoint: Checkpoint, *, optimizer: bool = True, param_scheduler: bool = True
) -> None:
    """Put the run where the checkpoint was taken."""
    state = checkpoint.state
    _check_resumable(checkpoint)
    take_own_buffers(state)
    runner.call_hook("after_load_checkpoint", checkpoint=state)
    load_state_dict(runner.bare_model, state["state_dict"], strict=True)
    meta = state.get("meta", {})
    runner.clock.load_state_dict(
        state.get("clock", {"epoch": meta.get("epoch", 0), "iter": meta.get("iter", 0)})
    )
    runner.message_hub.load_state_dict(state["message_hub"])
    loop = runner.train_loop
    if loop is not None:
        if "loader" in state:
            loop.dataloader.load_state_dict(state["loader"])
        if "loop" in state and hasattr(loop, "load_state_dict"):
            loop.load_state_dict(state["loop"])
        if hasattr(loop, "resumed"):
            loop.resumed()
        if optimizer and "optimizer" in state:
            _load_optimizer(runner, state["optimizer"])
        if param_scheduler and "param_schedulers" in state:
            _load_schedulers(runner, state["param_schedulers"])
    for name, hook in runner.hooks_in_order.named().items():
        if name in state.get("hooks", {}):
            hook.load_state_dict(state["hooks"][name])
    _restore_rng(runner, state.get("rng"))
    clock = runner.clock
    runner.resume_report = _report(runner, checkpoint)
    runner.logger.info(
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


def _report(runner: Runner, checkpoint: Checkpoint) -> ResumeReport:
    """Compare with the run that saved, and say in the log what has changed."""
    before = checkpoint.state.get("meta", {}).get("facts")
    if before is None:
        report = ResumeReport(path=checkpoint.path, is_known=False)
    else:
        report = ResumeReport(path=checkpoint.path, changes=compare(before, runner.facts))
    harmless = report.is_known and report.effect is not Effect.CHANGES_RESULT
    runner.logger.log(logging.INFO if harmless else logging.WARNING, "%s", report)
    return report


def _load_schedulers(runner: Runner, states: Any) -> None:
    mine = runner.param_schedulers
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
        for scheduler, state in zip(group, saved, strict=True):
            scheduler.load_state_dict(state)


def _restore_rng(runner: Runner, states: list[dict[str, Any]] | None) -> None:
    if states is None:
        _log.warning(
            "the checkpoint has no random state; the run continues, but not bitwise like the one that saved it"
        )
    elif len(states) != runner.world_size:
        _log.warning(
            "saved by %d processes, resumed by %d: random states are drawn anew from the seed",
            len(states), runner.world_size,
        )  # fmt: skip
    else:
        set_rng_state(states[get_rank()])


def set_aside(work_dir: str, timestamp: str) -> None:
    """Move the checkpoints of an earlier run out of the way of a fresh one; nothing is overwritten, nothing is lost."""
    if not is_main_process():
        return
    folder = Path(work_dir)
    listed = [entry.name for entry in entries(folder)]
    earlier = [*listed, *sorted({path.name for path in folder.glob("*.pth")} - {*listed})]
    if not earlier:
        return
    target = folder / f"earlier_{timestamp}"
    target.mkdir()
    for name in [*earlier, "manifest.json", "last_checkpoint"]:
        if (folder / name).exists():
            (folder / name).rename(target / name)
    _log.warning(
        "%s held %d checkpoints of an earlier run; they are in %s now (resume instead with resume=True)",
        work_dir, len(earlier), target,
    )  # fmt: skip
