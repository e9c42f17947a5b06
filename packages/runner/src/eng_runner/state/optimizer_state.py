"""The state of an optimizer under the names of its parameters, and back under their numbers.

torch counts parameters, which means something only to the optimizer that did the counting. Names also mean it to
another number of processes, and tell whose momentum a tensor is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn
from torch.optim import Optimizer


class Names:
    """The names of an optimizer's parameters in the order in which it counts them; strangers are `parameter <n>`.

    `trained` are those that get gradients.
    """

    __slots__ = ("all", "trained")

    def __init__(self, optimizer: Optimizer, model: nn.Module) -> None:
        known = {id(parameter): name for name, parameter in model.named_parameters()}
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        self.all = [known.get(id(each), f"parameter {number}") for number, each in enumerate(parameters)]
        self.trained = [name for name, each in zip(self.all, parameters, strict=True) if each.requires_grad]


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
        gradients = zip(names.trained, state["accumulation"]["gradients"], strict=True)
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
            "gradients": [gradients.get(name) for name in names.trained],
        }
    return counted
