"""The schedules under their names: each family once for the learning rate, once for the momentum.

`XParamScheduler(optimizer, param_name, ...)` is the family; `XLR` and `XMomentum` are the same with
`param_name` filled in, and everything is registered under its class name.
"""

import inspect
from typing import Any, ClassVar

from eng_optim.schedule.families import (
    ConstantParamScheduler,
    CosineAnnealingParamScheduler,
    ExponentialParamScheduler,
    InverseSqrtParamScheduler,
    LinearParamScheduler,
    MultiStepParamScheduler,
    PolyParamScheduler,
    StepParamScheduler,
    WSDParamScheduler,
)
from eng_optim.schedule.one_cycle import OneCycleParamScheduler
from eng_optim.schedule.plateau import ReduceOnPlateauParamScheduler
from eng_optim.schedule.restart import CosineRestartParamScheduler
from eng_optim.schedule.scheduler import AnyOptimizer, ParamScheduler
from eng_optim.schedule.warm_up import WarmUpParamScheduler
from eng_registry import PARAM_SCHEDULERS


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


class CosineAnnealingLR(OnLR, CosineAnnealingParamScheduler):
    """`CosineAnnealingParamScheduler` of the learning rate."""


class CosineAnnealingMomentum(OnMomentum, CosineAnnealingParamScheduler):
    """`CosineAnnealingParamScheduler` of the momentum."""


class CosineRestartLR(OnLR, CosineRestartParamScheduler):
    """`CosineRestartParamScheduler` of the learning rate."""


class CosineRestartMomentum(OnMomentum, CosineRestartParamScheduler):
    """`CosineRestartParamScheduler` of the momentum."""


class ExponentialLR(OnLR, ExponentialParamScheduler):
    """`ExponentialParamScheduler` of the learning rate."""


class ExponentialMomentum(OnMomentum, ExponentialParamScheduler):
    """`ExponentialParamScheduler` of the momentum."""


class InverseSqrtLR(OnLR, InverseSqrtParamScheduler):
    """`InverseSqrtParamScheduler` of the learning rate."""


class InverseSqrtMomentum(OnMomentum, InverseSqrtParamScheduler):
    """`InverseSqrtParamScheduler` of the momentum."""


class LinearLR(OnLR, LinearParamScheduler):
    """`LinearParamScheduler` of the learning rate."""


class LinearMomentum(OnMomentum, LinearParamScheduler):
    """`LinearParamScheduler` of the momentum."""


class MultiStepLR(OnLR, MultiStepParamScheduler):
    """`MultiStepParamScheduler` of the learning rate."""


class MultiStepMomentum(OnMomentum, MultiStepParamScheduler):
    """`MultiStepParamScheduler` of the momentum."""


class OneCycleLR(OnLR, OneCycleParamScheduler):
    """`OneCycleParamScheduler` of the learning rate."""


class PolyLR(OnLR, PolyParamScheduler):
    """`PolyParamScheduler` of the learning rate."""


class PolyMomentum(OnMomentum, PolyParamScheduler):
    """`PolyParamScheduler` of the momentum."""


class ReduceOnPlateauLR(OnLR, ReduceOnPlateauParamScheduler):
    """`ReduceOnPlateauParamScheduler` of the learning rate."""


class ReduceOnPlateauMomentum(OnMomentum, ReduceOnPlateauParamScheduler):
    """`ReduceOnPlateauParamScheduler` of the momentum."""


class StepLR(OnLR, StepParamScheduler):
    """`StepParamScheduler` of the learning rate."""


class StepMomentum(OnMomentum, StepParamScheduler):
    """`StepParamScheduler` of the momentum."""


class WSDLR(OnLR, WSDParamScheduler):
    """`WSDParamScheduler` of the learning rate."""


class WSDMomentum(OnMomentum, WSDParamScheduler):
    """`WSDParamScheduler` of the momentum."""


class WarmUpLR(OnLR, WarmUpParamScheduler):
    """`WarmUpParamScheduler` of the learning rate."""


class WarmUpMomentum(OnMomentum, WarmUpParamScheduler):
    """`WarmUpParamScheduler` of the momentum."""


SCHEDULERS: tuple[type[ParamScheduler], ...] = (
    ConstantLR,
    ConstantMomentum,
    ConstantParamScheduler,
    CosineAnnealingLR,
    CosineAnnealingMomentum,
    CosineAnnealingParamScheduler,
    CosineRestartLR,
    CosineRestartMomentum,
    CosineRestartParamScheduler,
    ExponentialLR,
    ExponentialMomentum,
    ExponentialParamScheduler,
    InverseSqrtLR,
    InverseSqrtMomentum,
    InverseSqrtParamScheduler,
    LinearLR,
    LinearMomentum,
    LinearParamScheduler,
    MultiStepLR,
    MultiStepMomentum,
    MultiStepParamScheduler,
    OneCycleLR,
    OneCycleParamScheduler,
    PolyLR,
    PolyMomentum,
    PolyParamScheduler,
    ReduceOnPlateauLR,
    ReduceOnPlateauMomentum,
    ReduceOnPlateauParamScheduler,
    StepLR,
    StepMomentum,
    StepParamScheduler,
    WSDLR,
    WSDMomentum,
    WSDParamScheduler,
    WarmUpLR,
    WarmUpMomentum,
    WarmUpParamScheduler,
)

for _scheduler in SCHEDULERS:
    PARAM_SCHEDULERS.register_module(module=_scheduler)
