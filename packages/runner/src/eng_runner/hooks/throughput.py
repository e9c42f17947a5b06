"""How much a training gets through: samples per second, the share of the hardware's peak, and what it takes."""

from __future__ import annotations

import os
from time import perf_counter
from typing import Any, final

from eng_dist import get_device, get_max_memory_mib, get_world_size
from eng_registry import HOOKS

from ..engine.aliases import Batch
from ..engine.hook import Hook
from ..engine.interval import Cadence, Every
from ..engine.run import Run


@final
@HOOKS.register_module(gives_way=True)
class ThroughputHook(Hook):
    """Records `train/samples_per_sec` every `interval` iterations, over all ranks and without the first `warm_up`.

    `interval` may also be a text such as `'500 steps'` or `'1 min'`.
    With `flops_per_sample` (forward and backward, see `eng_model` or the table of a paper) and `peak_flops` of one
    device also `train/mfu`, the model FLOPs utilisation: (samples/s * FLOPs per sample) / (devices * peak), see
    Chowdhery et al., PaLM, 2022, appendix B. With `system=True` also `train/rss_mib`, the memory of this process,
    `train/device_mib`, the peak of its device, and `train/open_files`.
    """

    priority = "NORMAL"

    def __init__(
        self,
        interval: int | str = 10,
        warm_up: int = 3,
        flops_per_sample: float | None = None,
        peak_flops: float | None = None,
        system: bool = False,
    ) -> None:
        every = Every.parse(interval)
        if every.n <= 0 or warm_up < 0:
            raise ValueError(
                f"`interval` is at least 1 and `warm_up` at least 0, not {interval} and {warm_up}"
            )
        if (flops_per_sample is None) != (peak_flops is None):
            raise ValueError("the utilisation needs both `flops_per_sample` and `peak_flops`")
        self._cadence = Cadence(every)
        self.warm_up = warm_up
        self.flops_per_sample = flops_per_sample
        self.peak_flops = peak_flops
        self.system = system

    def before_train(self, runner: Run) -> None:
        """Nothing counts yet."""
        self._cadence.start(runner.clock, getattr(runner.train_loop, "run_length", None))
        self._start_at = runner.clock.iter + self.warm_up
        self._samples: int | None = None
        self._time = 0.0

    def after_train_iter(
        self, runner: Run, batch_idx: int, data_batch: Batch = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Record, if it is time."""
        due = self._cadence.due(runner.clock)
        if runner.clock.iter < self._start_at or (self._samples is not None and not due):
            return
        now, samples = perf_counter(), runner.clock.samples
        if self._samples is not None and now > self._time:
            rate = (samples - self._samples) / (now - self._time)
            runner.message_hub.record(self._rates(rate) | (self._system() if self.system else {}))
        self._samples, self._time = samples, now

    def after_train_epoch(self, runner: Run) -> None:
        """What lies between two epochs is no training."""
        self._samples = None

    def before_val(self, runner: Run) -> None:
        """A validation is no training."""
        self._samples = None

    def _rates(self, rate: float) -> dict[str, float]:
        if self.flops_per_sample is None or self.peak_flops is None:
            return {"train/samples_per_sec": rate}
        achieved = rate * self.flops_per_sample
        return {
            "train/samples_per_sec": rate,
            "train/mfu": achieved / (self.peak_flops * get_world_size()),
        }

    def _system(self) -> dict[str, float]:
        facts: dict[str, float] = {}
        if os.path.isdir("/proc/self/fd"):
            with open("/proc/self/statm") as file:
                pages = int(file.read().split()[1])
            facts["train/rss_mib"] = pages * os.sysconf("SC_PAGE_SIZE") / 2**20
            facts["train/open_files"] = len(os.listdir("/proc/self/fd"))
        if get_device().type != "cpu":
            facts["train/device_mib"] = get_max_memory_mib()
        return facts
