"""What a run knows about itself: scalars over time and facts, with state.

The loop writes here at every iteration, the log line, the tracking backends and user code read from here.
Nothing in this room formats or prints.
"""

from __future__ import annotations

import copy
import logging
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Self

from eng_logging.device_values import DeviceScalars
from eng_logging.errors import ArgumentError
from eng_logging.manager import ManagerMixin
from eng_logging.series import STATE_LENGTH, HistoryBuffer

__all__ = ["MessageHub"]

logger = logging.getLogger(__name__)

_RECORDS_BETWEEN_SETTLING = 1024
_NUMBERS = frozenset({int, float})


class MessageHub(ManagerMixin):
    """Scalars (`HistoryBuffer` by key) and runtime information (any object by key) of one run.

    Args:
        name: The name of the run.
        log_scalars: Series to begin with.
        runtime_info: Facts to begin with.
        resumed_keys: For each of their keys whether it belongs to the state of the run.
        max_length: How many values the hub keeps of each series that it makes.
        state_length: How many of them are in its state, unless statistics of a longer window were asked for (see
            `HistoryBuffer.state_dict`): what keeps a checkpoint from growing with the run.

    Example:
        >>> hub = MessageHub("example")
        >>> hub.record({"train/loss": 2.0, "train/lr": 0.1})
        >>> hub.record({"train/loss": 1.0, "train/lr": 0.1})
        >>> hub.get_scalar("train/loss").mean()
        1.5
        >>> hub.update_info("epoch", 3)
        >>> other = MessageHub("resumed")
        >>> other.load_state_dict(hub.state_dict())
        >>> other.get_info("epoch"), other.get_scalar("train/loss").current()
        (3, 1.0)
    """

    def __init__(
        self,
        name: str,
        log_scalars: dict[str, HistoryBuffer] | None = None,
        runtime_info: dict[str, Any] | None = None,
        resumed_keys: dict[str, bool] | None = None,
        *,
        max_length: int = 100_000,
        state_length: int = STATE_LENGTH,
    ) -> None:
        super().__init__(name)
        for what, given in (
            ("log_scalars", log_scalars),
            ("runtime_info", runtime_info),
            ("resumed_keys", resumed_keys),
        ):
            if not isinstance(given, (dict, type(None))):
                raise TypeError(f"{what} must be a dict or None, got {type(given).__name__}")
        self._log_scalars: OrderedDict[str, HistoryBuffer] = OrderedDict(log_scalars or {})
        self._runtime_info: OrderedDict[str, Any] = OrderedDict(runtime_info or {})
        self._resumed_keys: OrderedDict[str, bool] = OrderedDict(resumed_keys or {})
        self._flags_of_a_state: set[str] = set()
        self._max_length = max_length
        self._state_length = state_length
        self._records = 0
        self._device_scalars = DeviceScalars()
        for key, series in self._log_scalars.items():
            if not isinstance(series, HistoryBuffer):
                raise ArgumentError(
                    f"log_scalars[{key!r}] must be a HistoryBuffer, got {type(series).__name__}"
                )
        for key in self._resumed_keys:
            if key not in self._log_scalars and key not in self._runtime_info:
                raise ArgumentError(
                    f"resumed_keys has {key!r}, which is neither in log_scalars nor in runtime_info"
                )

    @classmethod
    def get_current_instance(cls) -> Self:
        """The hub in force here (see `ManagerMixin`); the first call of all makes one named ``eng``."""
        try:
            return super().get_current_instance()
        except RuntimeError:
            return cls.get_instance("eng")

    # ---- scalars ----------------------------------------------------------------------------------------

    def record(self, scalars: Mapping[str, Any]) -> None:
        """Add one value to the series of each key: one C call per number, and no wait for the device.

        Values of an accelerator (tensors of one element) are copied, all of one call in one launch, so what happens
        to them afterwards does not matter. All that wait are read in one transfer, when a statistic is asked for or
        after about a thousand records.
        """
        log_scalars = self._log_scalars
        tensors: dict[str, Any] = {}
        for key, value in scalars.items():
            try:
                series = log_scalars[key]
            except KeyError:
                series = self.series(key)
            if value.__class__ in _NUMBERS:
                series.append(value)
            else:
                tensors[key] = value
        if tensors:
            for key, value in self._device_scalars.taken(tensors).items():
                log_scalars[key].append(value)
        self._records += 1
        if self._records >= _RECORDS_BETWEEN_SETTLING:
            self.settle()

    def series(self, key: str, *, resumed: bool = True) -> HistoryBuffer:
        """The series of that key, made when there is none. A loop may keep ``hub.series(key).append``."""
        series = self._log_scalars.get(key)
        if series is None:
            self._set_resumed(key, resumed)
            series = self._log_scalars[key] = HistoryBuffer(max_length=self._max_length)
        return series

    def settle(self) -> None:
        """Read every pending tensor.

        Raises:
            ArgumentError: If something was recorded that is no number, with its key; everything else is kept.
        """
        self._records = 0
        wrong = []
        for key, series in list(self._log_scalars.items()):  # another thread may be adding a series
            try:
                series.settle()
            except ArgumentError as error:
                wrong.append(f"scalar {key!r}: {error}")
        if wrong:
            raise ArgumentError("; ".join(wrong))

    def update_scalar(self, key: str, value: Any, count: int = 1, resumed: bool = True) -> None:
        """Add a value to a series.

        Args:
            key: Begins with ``train/``, ``val/`` or ``test/`` for it to appear in the log of that stage.
            value: A number, or a tensor or array with one element; a total over `count`.
            count: How many things the value counts for.
            resumed: Whether the series belongs to the state of the run; fixed by the first call.
        """
        number = _scalar(key, value)
        if not isinstance(count, int):
            raise ArgumentError(f"the count of {key!r} must be an int, got {type(count).__name__}")
        self._set_resumed(key, resumed)
        self.series(key, resumed=resumed).put(number, count)

    def update_scalars(self, log_dict: Mapping[str, Any], resumed: bool = True) -> None:
        """Like `update_scalar` for each item; a value may also be ``dict(value=..., count=...)``."""
        if not isinstance(log_dict, Mapping):
            raise ArgumentError(f"update_scalars takes a mapping, got {type(log_dict).__name__}")
        for key, value in log_dict.items():
            if not isinstance(value, Mapping):
                self.update_scalar(key, value, resumed=resumed)
            elif "value" not in value:
                raise ArgumentError(f"log_dict[{key!r}] must have a `value`, it has {sorted(value)}")
            else:
                self.update_scalar(key, value["value"], value.get("count", 1), resumed)

    def get_scalar(self, key: str) -> HistoryBuffer:
        """The series of that key.

        Raises:
            KeyError: If there is none.
        """
        if key not in self._log_scalars:
            raise KeyError(
                f"no scalar {key!r} was recorded; there are: {', '.join(self._log_scalars) or 'none'}"
            )
        return self._log_scalars[key]

    @property
    def log_scalars(self) -> OrderedDict[str, HistoryBuffer]:
        """Every series by key: the live dict."""
        return self._log_scalars

    # ---- runtime information ----------------------------------------------------------------------------

    def update_info(self, key: str, value: Any, resumed: bool = True) -> None:
        """Set a fact. To survive a resume it must be plain data, or `resumed` must be false."""
        self._set_resumed(key, resumed)
        self._runtime_info[key] = value

    def update_info_dict(self, info_dict: Mapping[str, Any], resumed: bool = True) -> None:
        """Set several facts."""
        if not isinstance(info_dict, Mapping):
            raise ArgumentError(f"update_info_dict takes a mapping, got {type(info_dict).__name__}")
        for key, value in info_dict.items():
            self.update_info(key, value, resumed)

    def get_info(self, key: str, default: Any = None) -> Any:
        """The stored object itself, or `default`."""
        return self._runtime_info.get(key, default)

    def pop_info(self, key: str, default: Any = None) -> Any:
        """Take a fact out."""
        return self._runtime_info.pop(key, default)

    @property
    def runtime_info(self) -> OrderedDict[str, Any]:
        """Every fact by key: the live dict."""
        return self._runtime_info

    # ---- state ------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Series, facts and flags of every key with ``resumed=True``, as copies.

        Series are plain data of a size that does not depend on how long the run is.
        """
        resumed, length = self._resumed_keys, self._state_length
        self.settle()
        scalars = {k: v.state_dict(length) for k, v in self._log_scalars.items() if resumed.get(k, True)}
        facts = {k: _copied(k, v) for k, v in self._runtime_info.items() if resumed.get(k, True)}
        return {"log_scalars": scalars, "runtime_info": facts, "resumed_keys": dict(resumed)}

    def load_state_dict(self, state_dict: Mapping[str, Any] | MessageHub) -> None:
        """Take over the state of another hub, or of a checkpoint.

        What is no series is left out with a warning. Keys that the state does not have keep their values. Whether a
        key of the state is resumed again is decided by who sets it next.
        """
        if isinstance(state_dict, MessageHub):
            self._log_scalars = copy.deepcopy(state_dict._log_scalars)
            self._runtime_info = OrderedDict((k, _copied(k, v)) for k, v in state_dict._runtime_info.items())
            self._resumed_keys = OrderedDict(state_dict._resumed_keys)
            return
        if not isinstance(state_dict, Mapping):
            raise TypeError(
                f"the state of a hub is a mapping or a MessageHub, got {type(state_dict).__name__}"
            )
        if lacking := {"log_scalars", "runtime_info", "resumed_keys"} - set(state_dict):
            raise ArgumentError(
                f"the state of a hub lacks {', '.join(sorted(lacking))}; it has {sorted(state_dict)}"
            )
        for key, value in state_dict["log_scalars"].items():
            series = _series_of(key, value)
            if series is not None:
                self._log_scalars[key] = series
        for key, value in state_dict["runtime_info"].items():
            self._runtime_info[key] = _copied(key, value)
        for key, resumed in state_dict["resumed_keys"].items():
            if key not in self._log_scalars and key not in self._runtime_info:
                continue
            if not resumed:
                logger.warning(
                    "%r is marked as not resumed, yet the state has it: it is loaded this time", key
                )
            self._resumed_keys[key] = resumed
            self._flags_of_a_state.add(key)

    def _set_resumed(self, key: str, resumed: bool) -> None:
        if key in self._flags_of_a_state:  # another program's, perhaps: who sets the key now decides
            self._flags_of_a_state.discard(key)
            self._resumed_keys[key] = resumed
        if self._resumed_keys.setdefault(key, resumed) != resumed:
            raise ArgumentError(
                f"{key!r} was first set with resumed={not resumed}, which is fixed for the run"
            )


def _scalar(key: str, value: Any) -> Any:
    """A number as it is, a numpy scalar as a number, a tensor as a detached copy that nobody changes."""
    if isinstance(value, (int, float)):
        return value
    if hasattr(value, "detach") and value.numel() == 1:
        return value.detach().clone()
    if hasattr(value, "item") and getattr(value, "size", None) == 1:
        return value.item()
    shape = f" of shape {tuple(value.shape)}" if hasattr(value, "shape") else ""
    raise ArgumentError(
        f"scalar {key!r} must be a number or have one element, got {type(value).__name__}{shape}"
    )


def _copied(key: str, value: Any) -> Any:
    try:
        return copy.deepcopy(value)
    except Exception as error:
        logger.warning(
            "%r cannot be copied (%s: %s): the state shares the object", key, type(error).__name__, error
        )
        return value


def _series_of(key: str, value: Any) -> HistoryBuffer | None:
    if isinstance(value, HistoryBuffer):
        return copy.deepcopy(value)
    try:
        return HistoryBuffer.from_state_dict(value if isinstance(value, Mapping) else vars(value))
    except (TypeError, ValueError, KeyError):
        logger.warning("scalar %r in the state is a %s, not a series: left out", key, type(value).__name__)
        return None
