"""Which parts of a model learn, and from when on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, final

from torch import nn

from eng_registry import HOOKS, suggest

from ..engine.aliases import Batch
from ..engine.hook import Hook
from ..engine.interval import Every
from ..engine.run import Run


@final
@HOOKS.register_module(gives_way=True)
class FreezeHook(Hook):
    """Keeps sub-modules as they are until `until`, such as `'3 epochs'` or `'1000 iters'`; None is for ever.

    `modules` are dotted names (`'backbone'`, `'backbone.layer1'`) or regular expressions over them. Frozen parameters
    get no gradient and frozen modules stay in eval mode, so that their batch norms keep their statistics. What the
    model had frozen itself stays frozen. Give it to the optimizer all the same: a parameter without gradient is
    passed over. Under DDP set `find_unused_parameters=True`. Raises ValueError for a name that fits no module.
    """

    priority = "ABOVE_NORMAL"

    def __init__(self, modules: str | Sequence[str], until: int | str | None = None) -> None:
        self.modules = [modules] if isinstance(modules, str) else list(modules)
        self.until = None if until is None else Every.parse(until, of="epoch")
        if self.until is not None and self.until.of == "second":
            raise ValueError(f"`until` is a count such as '3 epochs', not a time: {until!r}")
        self._frozen: list[nn.Module] = []
        self._parameters: list[nn.Parameter] = []

    def before_train(self, runner: Run) -> None:
        """Freeze, unless the time has passed already."""
        self._parameters = []
        if not self._is_over(runner):
            self._frozen = [found for name in self.modules for found in _find(runner.bare_model, name)]
            for module in self._frozen:
                for parameter in module.parameters():
                    if parameter.requires_grad:
                        parameter.requires_grad_(False)
                        self._parameters.append(parameter)

    def takes_part(self, point: str, runner: Run) -> bool:
        """After the end of the frost there is nothing to do any more."""
        return bool(self._frozen) or point in ("before_train", "after_train")

    def before_train_epoch(self, runner: Run) -> None:
        """Thaw, if it is time."""
        self._thaw_if_due(runner)

    def before_train_iter(self, runner: Run, batch_idx: int, data_batch: Batch = None) -> None:
        """Thaw, if it is time; otherwise the modules are still in eval mode."""
        self._thaw_if_due(runner)
        for module in self._frozen:
            if module.training:
                module.eval()

    def after_train(self, runner: Run) -> None:
        """The model is given back as it came."""
        self._thaw()

    def _thaw_if_due(self, runner: Run) -> None:
        if self._frozen and self._is_over(runner):
            runner.logger.info("%s learns from here on", ", ".join(self.modules))
            for module in self._frozen:
                module.train()
            self._thaw()

    def _thaw(self) -> None:
        for parameter in self._parameters:
            parameter.requires_grad_(True)
        self._frozen, self._parameters = [], []

    def _is_over(self, runner: Run) -> bool:
        if self.until is None:
            return False
        unit: Any = self.until.of  # seconds were refused
        return runner.clock.reading(unit) >= self.until.n


def _find(model: nn.Module, name: str) -> list[nn.Module]:
    pattern = re.compile(name)
    found = [module for path, module in model.named_modules() if path == name or pattern.fullmatch(path)]
    if not found:
        near = suggest(name, [path for path, _ in model.named_modules() if path])
        raise ValueError(f"`modules` names {name!r}, which fits no module of {type(model).__name__}; {near}")
    return found
