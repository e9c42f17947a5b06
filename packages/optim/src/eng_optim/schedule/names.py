"""The schedules under their names: each rule once for any value, once for the learning rate, once for the
momentum.

`XParamScheduler(optimizer, param_name, ...)` holds the settings of a rule; `XLR` and `XMomentum` are the same
with `param_name` filled in. `begin`, `end`, `last_step`, `by_epoch` and `verbose` mean the same everywhere,
see `ParamScheduler`.
"""

import inspect
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, ClassVar

from torch.optim import Optimizer

from eng_optim.base import BaseOptimWrapper
from eng_optim.errors import SettingError
from eng_optim.schedule import rules
from eng_optim.schedule.epochs import INF
from eng_optim.schedule.rules import Rule
from eng_optim.schedule.scheduler import ParamScheduler
from eng_registry import PARAM_SCHEDULERS

AnyOptimizer = Optimizer | BaseOptimWrapper


class ConstantParamScheduler(ParamScheduler):
    """`factor` times the value while active, the value itself from the last active step on.

    Raises `ValueError` if `factor` is not in [0, 1].
    """

    settings = ("factor", "total_iters")

    def __init__(
        self,
        optimizer: AnyOptimizer,
        param_name: str,
        factor: float = 1.0 / 3,
        begin: int = 0,
        end: int = INF,
        last_step: int = -1,
        by_epoch: bool = True,
        verbose: bool = False,
    ) -> None:
        self.factor = _fraction("factor", factor)
        self.total_iters = end - begin - 1
        super().__init__(optimizer, param_name, begin, end, last_step, by_epoch, verbose)

    def _rule(self) -> Rule:
        return partial(rules.constant, factor=self.factor, total=self.total_iters)


class LinearParamScheduler(ParamScheduler):
    """From `start_factor` times the value to `end_factor` times the value, reached at the last active step.

    Raises `ValueError` if a factor is not in [0, 1].
    """

    settings = ("start_factor", "end_factor", "total_iters")

    def __init__(
        self,
        optimizer: AnyOptimizer,
        param_name: str,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        begin: int = 0,
        end: int = INF,
        last_step: int = -1,
        by_epoch: bool = True,
        verbose: bool = False,
    ) -> None:
        self.start_factor = _fraction("start_factor", start_factor)
        self.end_factor = _fraction("end_factor", end_factor)
        self.total_iters = end - begin - 1
        super().__init__(optimizer, param_name, begin, end, last_step, by_epoch, verbose)

    def _rule(self) -> Rule:
        return partial(rules.linear, start=self.start_factor, end=self.end_factor, total=self.total_iters)


class StepParamScheduler(ParamScheduler):
    """`gamma` times the value every `step_size` steps."""

    settings = ("step_size", "gamma")
    counts = ("step_size",)

    def __init__(
        self,
        optimizer: AnyOptimizer,
        param_name: str,
        step_size: int,
        gamma: float = 0.1,
        begin: int = 0,
        end: int = INF,
        last_step: int = -1,
        by_epoch: bool = True,
        verbose: bool = False,
    ) -> None:
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, param_name, begin, end, last_step, by_epoch, verbose)

    def _rule(self) -> Rule:
        return partial(rules.step, gamma=self.gamma, size=self.step_size)


class MultiStepParamScheduler(ParamScheduler):
    """`gamma` times the value at each of the `milestones`; one that is given twice counts twice."""

    settings = ("milestones", "gamma")
    counts = ("milestones",)

    def __init__(
        self,
        optimizer: AnyOptimizer,
        param_name: str,
        milestones: Iterable[int],
        gamma: float = 0.1,
        last_step: int = -1,
        begin: int = 0,
        end: int = INF,
        by_epoch: bool = True,
        verbose: bool = False,
    ) -> None:
        self.milestones = Counter(milestones)
        self.gamma = gamma
        super().__init__(optimizer, param_name, begin, end, last_step, by_epoch, verbose)

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "milestones": sorted(self.milestones.elements())}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        super().load_state_dict({**state_dict, "milestones": Counter(state_dict["milestones"])})

    def _rule(self) -> Rule:
        return partial(rules.multi_step, gamma=self.gamma, milestones=sorted(self.milestones.elements()))


class ExponentialParamScheduler(ParamScheduler):
    """`gamma` times the value at every step."""

    settings = ("gamma",)

    def __init__(
        self,
        optimizer: AnyOptimizer,
        param_name: str,
        gamma: float,
        begin: int = 0,
        end: int = INF,
        last_step: int = -1,
        by_epoch: bool = True,
        verbose: bool = False,
    ) -> None:
        self.gamma = gamma
        super().__init__(optimizer, param_name, begin, end, last_step, by_epoch, verbose)

    def _rule(self) -> Rule:
        return partial(rules.exponential, gamma=self.gamma)


class CosineAnnealingParamScheduler(ParamScheduler):
    """Down to `eta_min` in half a cosine wave over `T_max` steps (all active ones by default), and up again
    after it.

    The floor is `eta_min`, or `eta_min_ratio` times each group's initial value. Raises `SettingError` if both
    are given.
    """

    settings = ("T_max", "eta_min", "eta_min_ratio")
    counts = ("T_max",)

    def __init__(
        self,
        optimizer: AnyOptimizer,
        param_name: str,
        T_max: int | None = None,
        eta_min: float | None = None,
        begin: int = 0,
        end: int = INF,
        last_step: int = -1,
        by_epoch: bool = True,
        verbose: bool = False,
        eta_min_ratio: float | None = None,
    ) -> None:
        if eta_min is not None and eta_min_ratio is not None:
            raise SettingError("the floor is `eta_min` or `eta_min_ratio`, not both")
        self.T_max = T_max or end - begin
        self.eta_min = 0.0 if eta_min is None and eta_min_ratio is None else eta_min
        self.eta_min_ratio = eta_min_ratio
        super().__init__(optimizer, param_name, begin, end, last_step, by_epoch, verbose)

    def _rule(self) -> Rule:
        return partial(rules.cosine, period=self.T_max)

    def _floors(self) -> list[float]:
        if self.eta_min_ratio is not None:
            return [base * self.eta_min_ratio for base in self.base_values]
        return [self.eta_min or 0.0] * len(self.base_values)


class PolyParamScheduler(ParamScheduler):
    """Down to `eta_min` along a polynomial of degree `power`, reached at the last active step."""

    settings = ("eta_min", "power", "total_iters")

    def __init__(
        self,
        optimizer: AnyOptimizer,
        param_name: str,
        eta_min: float = 0,
        power: float = 1.0,
        begin: int = 0,
        end: int = INF,
        last_step: int = -1,
        by_epoch: bool = True,
        verbose: bool = False,
    ) -> None:
        self.eta_min = eta_min
        self.power = power
        self.total_iters = end - begin - 1
        super().__init__(optimizer, param_name, begin, end, last_step, by_epoch, verbose)

    def _rule(self) -> Rule:
        return partial(rules.polynomial, power=self.power, total=self.total_iters)

    def _floors(self) -> list[float]:
        return [self.eta_min] * len(self.base_values)


class _Named(ParamScheduler):
    """Fills in `param_name`, in the call and in the signature."""

    scheduled: ClassVar[str]

    def __init_subclass__(cls) -> None:
        signature = inspect.signature(super().__init__)
        parameters = [one for key, one in signature.parameters.items() if key not in ("self", "param_name")]
        cls.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]  # read by inspect

    def __init__(self, optimizer: AnyOptimizer, *args: Any, **kwargs: Any) -> None:
        super().__init__(optimizer, self.scheduled, *args, **kwargs)


class OnLR(_Named):
    """The schedule of the learning rate."""

    scheduled = "lr"


class OnMomentum(_Named):
    """The schedule of the momentum, which is the first beta in optimizers that have betas.

    Raises `ValueError` if the optimizer has neither.
    """

    scheduled = "momentum"

    def __init__(self, optimizer: Any, *args: Any, **kwargs: Any) -> None:
        if isinstance(optimizer, AnyOptimizer) and not {"momentum", "betas"} & set(optimizer.defaults):
            raise ValueError("a momentum schedule needs an optimizer with `momentum` or `betas`")
        super().__init__(optimizer, *args, **kwargs)


class ConstantLR(OnLR, ConstantParamScheduler):
    """`ConstantParamScheduler` of the learning rate."""


class ConstantMomentum(OnMomentum, ConstantParamScheduler):
    """`ConstantParamScheduler` of the momentum."""


class LinearLR(OnLR, LinearParamScheduler):
    """`LinearParamScheduler` of the learning rate."""


class LinearMomentum(OnMomentum, LinearParamScheduler):
    """`LinearParamScheduler` of the momentum."""


class StepLR(OnLR, StepParamScheduler):
    """`StepParamScheduler` of the learning rate."""


class StepMomentum(OnMomentum, StepParamScheduler):
    """`StepParamScheduler` of the momentum."""


class MultiStepLR(OnLR, MultiStepParamScheduler):
    """`MultiStepParamScheduler` of the learning rate."""


class MultiStepMomentum(OnMomentum, MultiStepParamScheduler):
    """`MultiStepParamScheduler` of the momentum."""


class ExponentialLR(OnLR, ExponentialParamScheduler):
    """`ExponentialParamScheduler` of the learning rate."""


class ExponentialMomentum(OnMomentum, ExponentialParamScheduler):
    """`ExponentialParamScheduler` of the momentum."""


class CosineAnnealingLR(OnLR, CosineAnnealingParamScheduler):
    """`CosineAnnealingParamScheduler` of the learning rate."""


class CosineAnnealingMomentum(OnMomentum, CosineAnnealingParamScheduler):
    """`CosineAnnealingParamScheduler` of the momentum."""


class PolyLR(OnLR, PolyParamScheduler):
    """`PolyParamScheduler` of the learning rate."""


class PolyMomentum(OnMomentum, PolyParamScheduler):
    """`PolyParamScheduler` of the momentum."""


SCHEDULERS: tuple[type[ParamScheduler], ...] = (
    ConstantLR,
    ConstantMomentum,
    ConstantParamScheduler,
    CosineAnnealingLR,
    CosineAnnealingMomentum,
    CosineAnnealingParamScheduler,
    ExponentialLR,
    ExponentialMomentum,
    ExponentialParamScheduler,
    LinearLR,
    LinearMomentum,
    LinearParamScheduler,
    MultiStepLR,
    MultiStepMomentum,
    MultiStepParamScheduler,
    PolyLR,
    PolyMomentum,
    PolyParamScheduler,
    StepLR,
    StepMomentum,
    StepParamScheduler,
)

for _scheduler in SCHEDULERS:
    PARAM_SCHEDULERS.register_module(module=_scheduler)


def _fraction(name: str, value: float) -> float:
    if not 0 <= value <= 1:
        raise ValueError(f"`{name}` is between 0 and 1, not {value}")
    return value
