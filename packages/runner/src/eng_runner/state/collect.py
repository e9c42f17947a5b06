"""What a checkpoint of a run holds: meta, state_dict, message_hub, clock, rng, hooks, loader, loop, optimizer and
param_schedulers.

Two entries are added later: `own_buffers` by `rank_local_buffers.py`, where ranks differ, and `ema_state_dict` by
`hooks/ema.py`.

Everything is plain data. The random state is taken first and set last, so that neither saving nor loading changes
what comes next: killed anywhere and resumed, a run ends with bitwise the weights of an uninterrupted one.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import torch

from eng_checkpoint import get_state_dict
from eng_dist import all_gather_object, rng_state

from ..engine.run import Run, Schedulers, is_configured
from ..engine.saving import SaveRequest
from ..version import __version__
from .optimizer_state import collect_optimizer


def collect(run: Run, request: SaveRequest) -> dict[str, Any]:
    """Return the whole state of a run as plain data; a collective call, since every rank adds its random state.

    Nothing is copied: tensors are those of the run, wherever they are, until the state is written or, for a save in the
    background, copied into host memory at once.
    """
    rng = all_gather_object({"place": run.strategy.data_place()[0], **rng_state()})
    state: dict[str, Any] = {
        "meta": _meta(run) | dict(request.meta or {}),
        "state_dict": get_state_dict(run.bare_model),
        "message_hub": run.message_hub.state_dict(),
        "clock": run.clock.state_dict(),
        "rng": rng,
        "hooks": {name: own for name, hook in run.named_hooks().items() if (own := hook.state_dict())},
    }
    loop = run.built("train_loop")
    if loop is not None:
        state["loader"] = loop.dataloader.state_dict()
        if hasattr(loop, "state_dict"):
            state["loop"] = loop.state_dict()
    if request.save_optimizer and is_configured(run.optim_wrapper):
        state["optimizer"] = collect_optimizer(run)
    if request.save_param_scheduler and run.param_schedulers:
        state["param_schedulers"] = _states(run.param_schedulers)
    return state


def _meta(run: Run) -> dict[str, Any]:
    meta: dict[str, Any] = {
        "epoch": run.clock.epoch,
        "iter": run.clock.iter,
        "seed": run.seed,
        "experiment_name": run.experiment_name,
        "time": time.strftime("%Y%m%d_%H%M%S", time.localtime()),
        "eng_version": __version__,
        "torch_version": str(torch.__version__),
        "world_size": run.world_size,
        "cfg": run.cfg.pretty_text,
        "facts": run.facts,
    }
    loop = run.built("train_loop")
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


def _states(schedulers: Schedulers) -> Any:
    if isinstance(schedulers, Mapping):
        return {name: [scheduler.state_dict() for scheduler in group] for name, group in schedulers.items()}
    return [scheduler.state_dict() for scheduler in schedulers]
