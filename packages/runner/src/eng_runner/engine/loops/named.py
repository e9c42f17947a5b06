"""Validation on several data sets under names, each with its own loader, metrics and interval."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

from eng_registry import LOOPS

from ..aliases import Part, Settings, Values
from ..run import Run, is_configured
from .evaluation import ValLoop


@final
@LOOPS.register_module(gives_way=True)
class NamedValLoop:
    """One validation of several data sets: `dataloader` and `evaluator` are mappings of the same names.

    Metrics are `<name>/<metric>`, so `save_best='clean/accuracy'` works. `intervals` gives a set its own interval, in
    the unit of the training (epochs or iterations): it rests in the validations between, but not in the last one.
    `fp16` and `limit_batches` are those of ValLoop. Raises ValueError if the names differ.
    """

    def __init__(
        self,
        runner: Run,
        dataloader: Settings,
        evaluator: Settings,
        fp16: bool = False,
        limit_batches: float | None = None,
        intervals: Mapping[str, int] | None = None,
    ) -> None:
        self.runner = runner
        self.intervals = dict(intervals or {})
        if {*dataloader} != {*evaluator} or not {*self.intervals} <= {*dataloader}:
            raise ValueError(
                f"`val_dataloader` names {', '.join(dataloader)}, `val_evaluator` {', '.join(evaluator)}, and "
                f"`intervals` {', '.join(self.intervals) or 'nothing'}: the names have to be the same"
            )
        self.sets = {
            name: ValLoop(runner, loader, evaluator[name], fp16=fp16, limit_batches=limit_batches)
            for name, loader in dataloader.items()
        }
        self.resting: tuple[str, ...] = ()
        """The sets that the validation under way leaves out."""

    @property
    def dataloader(self) -> Values:
        """The loaders by name."""
        return {name: loop.dataloader for name, loop in self.sets.items()}

    @property
    def evaluator(self) -> Values:
        """The evaluators by name."""
        return {name: loop.evaluator for name, loop in self.sets.items()}

    @property
    def length(self) -> int | None:
        """Batches of all sets that take part; None where that is not known."""
        lengths = [loop.length for name, loop in self.sets.items() if name not in self.resting]
        return None if None in lengths else sum(length for length in lengths if length is not None)

    def run(self) -> Values:
        """One pass over each set that is due; returns the metrics of all of them."""
        runner = self.runner
        self.resting = tuple(name for name in self.sets if not self._is_due(name))
        if len(self.resting) == len(self.sets):
            return {}
        runner.call_hook("before_val")
        runner.call_hook("before_val_epoch")
        metrics: Values = {}
        first = 0
        for name, loop in self.sets.items():
            if name not in self.resting:
                metrics |= {f"{name}/{key}": value for key, value in loop.pass_over(first=first).items()}
                first += loop.length or 0
        runner.call_hook("after_val_epoch", metrics=metrics)
        runner.call_hook("after_val")
        return metrics

    def _is_due(self, name: str) -> bool:
        interval, loop, clock = self.intervals.get(name), self.runner.train_loop, self.runner.clock
        if interval is None or not is_configured(loop) or not clock.iter:
            return True
        by_epoch = loop.unit == "epoch"
        done, last = (clock.epoch, loop.max_epochs) if by_epoch else (clock.iter, loop.max_iters)
        return done >= last or done % interval == 0


def are_named(dataloader: Part) -> bool:
    """Whether a `val_dataloader` is a mapping of names to loaders rather than the arguments of one.

    >>> are_named({"dataset": [1, 2], "batch_size": 2}), are_named({"clean": {"dataset": [1, 2]}})
    (False, True)
    """
    if not isinstance(dataloader, Mapping) or not dataloader or "dataset" in dataloader:
        return False
    return all(isinstance(part, Mapping) or hasattr(part, "__iter__") for part in dataloader.values())
