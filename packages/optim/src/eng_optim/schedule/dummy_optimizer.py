"""An optimizer that moves nothing: what a schedule needs to be looked at without a model."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch.optim import Optimizer


class DummyOptimizer(Optimizer):
    """Parameter groups with the settings of `groups`, each around one number that stays where it is.

    >>> [group["lr"] for group in DummyOptimizer([{"lr": 0.1}, {"lr": 0.2}]).param_groups]
    [0.1, 0.2]
    """

    def __init__(self, groups: Iterable[Mapping[str, Any]]) -> None:
        settings = [{key: group[key] for key in group if key != "params"} for group in groups]
        super().__init__([{"params": [torch.zeros(1)], **one} for one in settings], dict(settings[0]))

    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]  # nothing to return
        """Count as a step, and move nothing."""
