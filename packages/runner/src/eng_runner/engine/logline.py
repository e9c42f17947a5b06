"""From the history of a run to one log line, and to the numbers that trackers get.

When a line is written is in `hooks/logger.py`.

Pure: it reads the message hub and the position of the run, and writes nothing.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence

from eng_dist import get_device, get_max_memory_mib
from eng_logging import HistoryBuffer
from eng_registry import LOG_PROCESSORS

from .aliases import Settings, Value, Values
from .run import Run

Tag = Values
"""What a tracker gets: names to numbers (and, where asked for, non-scalars)."""


class LogConfigError(ValueError, AssertionError):
    """A log processor was asked for something that cannot be meant; an AssertionError too, as is documented."""


@LOG_PROCESSORS.register_module()
class LogProcessor:
    """Formats log lines: `Epoch(train)  [1][10/48]  lr: 1.0000e-02  eta: 0:00:07  time: 0.0042  ...  loss: 0.4153`.

    `window_size` is over how many iterations the quantities named by `mean_pattern` are averaged; others show their
    current value. `custom_cfg` is a list of mappings with `data_src` (the quantity), and optionally `log_name`,
    `method_name` (a statistic of HistoryBuffer) and `window_size` (an int, `'epoch'` or `'global'`).
    `by_epoch=False` writes `Iter(train) [10/500]` instead; without it the line counts what the training loop counts.

    Raises LogConfigError, a ValueError, for a `custom_cfg` that cannot be meant.
    """

    def __init__(
        self,
        window_size: int = 10,
        by_epoch: bool | None = None,
        custom_cfg: Sequence[Settings] | None = None,
        num_digits: int = 4,
        log_with_hierarchy: bool = False,
        mean_pattern: str = r".*(loss|time|data_time|grad_norm).*",
    ) -> None:
        self.window_size = window_size
        self.by_epoch = by_epoch
        self.custom_cfg = [dict(entry) for entry in custom_cfg or []]
        self.num_digits = num_digits
        self.log_with_hierarchy = log_with_hierarchy
        self.mean_pattern = re.compile(mean_pattern)
        self._check_custom_cfg()
        self._is_mean: dict[str, bool] = {}

    def _check_custom_cfg(self) -> None:
        names: list[str] = []
        for entry in self.custom_cfg:
            if "data_src" not in entry:
                raise LogConfigError(
                    f"each entry of `custom_cfg` needs `data_src`; this one has {', '.join(entry) or 'nothing'}"
                )
            if self.by_epoch is False and entry.get("window_size") == "epoch":
                raise LogConfigError(
                    "window_size='epoch' has no meaning with by_epoch=False; use a number or 'global'"
                )
            names.append(entry.get("log_name", entry["data_src"]))
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise LogConfigError(
                f"`custom_cfg` writes {', '.join(twice)} more than once; give each entry a `log_name`"
            )

    def counts_epochs(self, runner: Run) -> bool:
        """Whether lines count epochs: as `by_epoch` says, else as the training does."""
        if self.by_epoch is not None:
            return self.by_epoch
        return getattr(runner.built("train_loop"), "unit", "epoch") == "epoch"

    # -- lines -----------------------------------------------------------------------------------------------------
    def get_log_after_iter(self, runner: Run, batch_idx: int, mode: str) -> tuple[Tag, str]:
        """The tag and the line for an iteration of `mode` ('train', 'val' or 'test')."""
        values = self._values(runner, batch_idx, mode, exclude_metrics=mode != "train")
        if mode == "train" and "time" in values:
            values["time"] = values.pop(
                "time"
            )  # trackers get it after the losses, whatever was recorded first
        tag = self._tag(values, mode)
        rates = [
            f"{name}: {value:.{self.num_digits}e}" for name, value in values.items() if name.endswith("lr")
        ]
        # the places of absent parts keep their blanks, so that a program that reads the lines finds the others
        line = f"{self._position(runner, batch_idx, mode)}  {'  '.join(rates)}  "
        eta = runner.message_hub.get_info("eta")
        if "time" in values and "data_time" in values and eta is not None:
            line += f"eta: {datetime.timedelta(seconds=int(eta))}  time: {self._text(values['time'])}  "
            line += f"data_time: {self._text(values['data_time'])}  "
        memory = get_max_memory_mib() if get_device().type != "cpu" else 0
        if memory:
            line += f"memory: {memory}  "
            tag["memory"] = memory
        shown = ("time", "data_time")
        rest = [(n, v) for n, v in values.items() if n not in shown and not n.endswith("lr")]
        if mode != "train":
            rest = [(name, value) for name, value in rest if name.startswith("loss")]
        line += "  ".join(f"{name}: {self._text(value)}" for name, value in rest)
        if self.counts_epochs(runner) and mode != "test":
            tag["epoch"] = runner.epoch + 1 if mode == "train" else runner.epoch
        tag["iter"] = runner.iter + 1 if mode == "train" else runner.iter
        return tag, line

    def get_log_after_epoch(
        self, runner: Run, batch_idx: int, mode: str, with_non_scalar: bool = False
    ) -> tuple[Tag, str]:
        """The tag and the line for the metrics of a whole validation or test."""
        if mode not in ("val", "test"):
            raise LogConfigError(f"an epoch is summed up for 'val' and 'test', not {mode!r}")
        length = _length(runner, mode)
        head = f"[{length}/{length}]"
        if not self.counts_epochs(runner):
            start = f"Iter({mode}) {head}"
        elif mode == "val":
            start = f"Epoch(val) [{runner.epoch}]{head}"
        else:
            start = f"Epoch(test) {head}"
        values = self._values(runner, batch_idx, mode)
        times = {
            name: self._mean_of_pass(runner, name, batch_idx, mode)
            for name in ("data_time", "time")
            if name in values and batch_idx >= 0
        }
        metrics = {name: value for name, value in values.items() if name not in times}
        tag = self._tag(metrics | dict(times), mode)
        non_scalars = self._non_scalars(runner, mode)
        if with_non_scalar:
            tag.update(non_scalars)
        parts = [f"{name}: {self._text(value)}" for name, value in metrics.items()]
        parts += [f"{name}: {_block(value)}" for name, value in non_scalars.items()]
        parts += [f"{name}: {self._text(value)}" for name, value in times.items()]
        return tag, f"{start}    {'  '.join(parts)}"

    # -- positions -------------------------------------------------------------------------------------------------
    def _position(self, runner: Run, batch_idx: int, mode: str) -> str:
        if not self.counts_epochs(runner) and mode == "train":
            total = str(runner.max_iters)
            return f"Iter(train) [{runner.iter + 1:>{len(total)}}/{total}]"
        length = _length(runner, mode)
        inner = f"[{batch_idx + 1:>{len(str(length))}}/{length}]"
        if not self.counts_epochs(runner) or mode == "test":
            return f"{'Epoch' if self.counts_epochs(runner) else 'Iter'}({mode}) {inner}"
        number = f"[{runner.epoch + 1 if mode == 'train' else runner.epoch}]"
        width = len(str(runner.max_epochs)) + 3 if runner.max_epochs else 0
        return f"Epoch({mode}){f' {number}':>{width}}{inner}"

    # -- values ----------------------------------------------------------------------------------------------------
    def _values(self, runner: Run, batch_idx: int, mode: str, exclude_metrics: bool = False) -> Values:
        """Every quantity of the mode as a number, times last only where the caller puts them."""
        history = runner.message_hub.log_scalars
        start = f"{mode}/"
        values: Values = {}
        for key, series in history.items():
            if not key.startswith(start):
                continue
            name = key[len(start) :]
            if exclude_metrics and not (name in ("time", "data_time") or name.startswith("loss")):
                continue
            averaged = self._is_mean.get(name)
            if averaged is None:
                averaged = self._is_mean[name] = self.mean_pattern.match(name) is not None
            values[name] = series.mean(self.window_size) if averaged and mode == "train" else series.current()
            if averaged and mode != "train" and name in ("time", "data_time"):
                values[name] = series.mean(self.window_size)
        for entry in self.custom_cfg:
            source = history.get(start + entry["data_src"])
            if source is not None:
                values[entry.get("log_name", entry["data_src"])] = self._custom(
                    runner, batch_idx, entry, source
                )
        return values

    def _custom(self, runner: Run, batch_idx: int, entry: Settings, series: HistoryBuffer) -> Value:
        options = {
            name: value
            for name, value in entry.items()
            if name not in ("data_src", "log_name", "method_name")
        }
        if "window_size" in options:
            options["window_size"] = self._window(runner, batch_idx, options["window_size"])
        method = entry.get("method_name")
        if method is None:
            averaged = self.mean_pattern.match(entry["data_src"])
            return series.mean(options.get("window_size", self.window_size)) if averaged else series.current()
        return series.statistics(method, **options)

    def _window(self, runner: Run, batch_idx: int, window: int | str) -> int:
        match window:
            case int():
                return window
            case "epoch":
                return batch_idx + 1
            case "global":
                return runner.iter + 1
        raise TypeError(f"`window_size` is an int, 'epoch' or 'global', not {window!r}")

    def _mean_of_pass(self, runner: Run, name: str, batch_idx: int, mode: str) -> float:
        return float(runner.message_hub.get_scalar(f"{mode}/{name}").mean(batch_idx + 1))

    def _non_scalars(self, runner: Run, mode: str) -> Values:
        start = f"{mode}/"
        infos = runner.message_hub.runtime_info.items()
        return {key[len(start) :]: value for key, value in infos if key.startswith(start)}

    def _tag(self, values: Settings, mode: str) -> Tag:
        return {
            f"{mode}/{name}" if self.log_with_hierarchy else name: value for name, value in values.items()
        }

    def _text(self, value: Value) -> str:
        return f"{value:.{self.num_digits}f}" if isinstance(value, float) else str(value)


def _length(runner: Run, mode: str) -> int:
    loop = getattr(runner, f"{mode}_loop")
    length: int | None = getattr(loop, "length", None)
    done: int = getattr(loop, "batches_done", 0)
    return length or done


def _block(value: Value) -> str:
    """Arrays and tensors on lines of their own."""
    return f"\n{value}\n" if hasattr(value, "shape") else str(value)
