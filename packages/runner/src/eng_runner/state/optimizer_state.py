"""The state of an optimizer under the names of its parameters, and back under their numbers.

torch numbers parameters, which means something only to the optimizer that did the numbering. Names mean the same to
another number of processes, and say whose momentum a tensor is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from eng_checkpoint import StateMismatchError, weights_to_cpu
from eng_dist import all_gather_object, get_rank

from ..engine.run import Run, wrappers_of


class Names:
    """The names of an optimizer's parameters in the order in which it counts them; others are `parameter <n>`."""

    __slots__ = ("all",)

    def __init__(self, optimizer: Optimizer, model: nn.Module) -> None:
        known = {id(parameter): name for name, parameter in model.named_parameters()}
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        self.all = [known.get(id(each), f"parameter {number}") for number, each in enumerate(parameters)]


def by_name(state: Mapping[str, Any], names: Names) -> dict[str, Any]:
    """A wrapper's state with names for numbers.

    >>> import torch
    >>> layer = nn.Linear(1, 1, bias=False)
    >>> optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    >>> by_name(optimizer.state_dict(), Names(optimizer, layer))["param_groups"][0]["params"]
    ['weight']
    """
    named = dict(state)
    named["state"] = {names.all[number]: own for number, own in state["state"].items()}
    named["param_groups"] = [
        {**group, "params": [names.all[number] for number in group["params"]]}
        for group in state["param_groups"]
    ]
    if "gradients" in state.get("accumulation", {}):
        gradients = zip(names.all, state["accumulation"]["gradients"], strict=True)
        named["accumulation"] = {**state["accumulation"], "gradients": dict(gradients)}
    return named


def by_number(state: Mapping[str, Any], names: Names) -> dict[str, Any]:
    """The inverse of `by_name` for an optimizer that counts its parameters in this order; a state of numbers as it is.

    Raises ValueError if the state has parameters that the optimizer has not.
    """
    if not any(isinstance(name, str) for group in state["param_groups"] for name in group["params"]):
        return dict(state)
    numbers = {name: number for number, name in enumerate(names.all)}
    saved = [name for group in state["param_groups"] for name in group["params"]]
    strange = [name for name in saved if name not in numbers]
    if strange:
        raise ValueError(
            f"the optimizer's saved state has {', '.join(strange[:5])}, which this optimizer does not train"
        )
    counted = dict(state)
    counted["state"] = {numbers[name]: own for name, own in state["state"].items()}
    counted["param_groups"] = [
        {**group, "params": [numbers[name] for name in group["params"]]} for group in state["param_groups"]
    ]
    if "gradients" in state.get("accumulation", {}):
        gradients = state["accumulation"]["gradients"]
        counted["accumulation"] = {
            **state["accumulation"],
            "gradients": [gradients.get(name) for name in names.all],
        }
    return counted


def collect_optimizer(run: Run) -> dict[str, Any]:
    """Return the state of the optimizer wrapper, or of each of several by name; a collective call."""
    state = run.optim_wrapper.state_dict()
    if not hasattr(run.optim_wrapper, "items"):
        return _one_state(run, run.optim_wrapper, state)
    return {name: _one_state(run, run.optim_wrapper[name], own) for name, own in state.items()}


def _one_state(run: Run, wrapper: Any, state: dict[str, Any]) -> dict[str, Any]:
    if run.strategy.names_parameters:
        return by_name(state, Names(wrapper.optimizer, run.bare_model))
    accumulation = state.get("accumulation", {})
    if "gradients" in accumulation and run.world_size > 1:
        # in the middle of a window every process has gradients that no other one knows of
        own = weights_to_cpu({name: accumulation[name] for name in ("gradients", "weight")})
        accumulation = {**accumulation, "ranks": all_gather_object(dict(own))}
        return {**state, "accumulation": accumulation}
    return state


def restore_optimizer(run: Run, state: dict[str, Any]) -> None:
    """Load what `collect_optimizer` returned. Raises StateMismatchError for the state of another kind of optimizer."""
    wrappers = run.optim_wrapper
    if not hasattr(wrappers, "items"):
        state = _one_loadable(run, wrappers, state)
    else:
        state = {name: _one_loadable(run, wrappers[name], own) for name, own in state.items()}
    try:
        wrappers.load_state_dict(state)
    except KeyError as error:  # of an optimizer that looks for what another one does not have
        raise _other_optimizer() from error
    _own_memory(wrappers)
    for wrapper in wrappers_of(wrappers).values():
        optimizer = getattr(wrapper, "optimizer", None)
        if isinstance(optimizer, torch.optim.Optimizer) and any(
            name not in group for group in optimizer.param_groups for name in optimizer.defaults
        ):
            raise _other_optimizer(optimizer)


def _own_memory(wrappers: Any) -> None:
    """Copy what an optimizer has taken as it was: it is mapped from the file, which would stay as long as the run."""
    for wrapper in wrappers_of(wrappers).values():
        for own in getattr(getattr(wrapper, "optimizer", None), "state", {}).values():
            for name, value in own.items():
                if isinstance(value, torch.Tensor) and value.device.type == "cpu":
                    own[name] = value.clone()


def _other_optimizer(optimizer: torch.optim.Optimizer | None = None) -> StateMismatchError:
    name = "the optimizer" if optimizer is None else type(optimizer).__name__
    return StateMismatchError(
        f"the checkpoint holds the state of another kind of optimizer than {name}; resume with the one that saved it, "
        "or load only the weights (`load_from` with `resume=False`)"
    )


def _one_loadable(run: Run, wrapper: Any, state: dict[str, Any]) -> dict[str, Any]:
    if "param_groups" not in state:  # what the engine of another package knows of it
        return state
    names = Names(wrapper.optimizer, run.bare_model)
    if run.strategy.names_parameters:  # also what another strategy has saved under numbers
        state = run.strategy.placed(by_name(by_number(state, names), names), run.bare_model)
    state = by_number(state, names)
    ranks = state.get("accumulation", {}).get("ranks")
    if ranks is not None:
        own = ranks[get_rank()] if len(ranks) == run.world_size else _mean_of_ranks(ranks)
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
