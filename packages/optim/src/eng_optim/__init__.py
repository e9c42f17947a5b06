"""Optimizer steps, parameter groups and schedules for any training loop."""

from typing import TYPE_CHECKING

from eng_optim.amp import AmpOptimWrapper
from eng_optim.base import BaseOptimWrapper
from eng_optim.constructor import DefaultOptimWrapperConstructor, build_optim_wrapper
from eng_optim.errors import ScheduleStateError, SettingError
from eng_optim.guard import StepGuard, guard_steps
from eng_optim.norm import total_norm
from eng_optim.optimizers import TORCH_OPTIMIZERS
from eng_optim.schedule import (
    WSDLR,
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
    ParamScheduler,
    PolyLR,
    PolyMomentum,
    PolyParamScheduler,
    ReduceOnPlateauLR,
    ReduceOnPlateauMomentum,
    ReduceOnPlateauParamScheduler,
    RuleScheduler,
    StepLR,
    StepMomentum,
    StepParamScheduler,
    WarmUpLR,
    WarmUpMomentum,
    WarmUpParamScheduler,
    WSDMomentum,
    WSDParamScheduler,
    build_schedule,
    plan,
    schedule_unit,
)
from eng_optim.schedule import ParamScheduler as _ParamScheduler
from eng_optim.wrapper import OptimWrapper
from eng_optim.wrapper_dict import OptimWrapperDict
from eng_registry import OPTIM_WRAPPER_CONSTRUCTORS, OPTIMIZERS

if TYPE_CHECKING:
    from eng_optim.zero import ZeroRedundancyOptimizer

__all__ = [
    "AmpOptimWrapper",
    "BaseOptimWrapper",
    "ConstantLR",
    "ConstantMomentum",
    "ConstantParamScheduler",
    "CosineAnnealingLR",
    "CosineAnnealingMomentum",
    "CosineAnnealingParamScheduler",
    "CosineRestartLR",
    "CosineRestartMomentum",
    "CosineRestartParamScheduler",
    "DefaultOptimWrapperConstructor",
    "ExponentialLR",
    "ExponentialMomentum",
    "ExponentialParamScheduler",
    "InverseSqrtLR",
    "InverseSqrtMomentum",
    "InverseSqrtParamScheduler",
    "LinearLR",
    "LinearMomentum",
    "LinearParamScheduler",
    "MultiStepLR",
    "MultiStepMomentum",
    "MultiStepParamScheduler",
    "OPTIMIZERS",
    "OPTIM_WRAPPER_CONSTRUCTORS",
    "OneCycleLR",
    "OneCycleParamScheduler",
    "OptimWrapper",
    "OptimWrapperDict",
    "ParamScheduler",
    "PolyLR",
    "PolyMomentum",
    "PolyParamScheduler",
    "ReduceOnPlateauLR",
    "ReduceOnPlateauMomentum",
    "ReduceOnPlateauParamScheduler",
    "RuleScheduler",
    "ScheduleStateError",
    "SettingError",
    "StepGuard",
    "StepLR",
    "StepMomentum",
    "StepParamScheduler",
    "TORCH_OPTIMIZERS",
    "WSDLR",
    "WSDMomentum",
    "WSDParamScheduler",
    "WarmUpLR",
    "WarmUpMomentum",
    "WarmUpParamScheduler",
    "ZeroRedundancyOptimizer",
    "_ParamScheduler",
    "build_optim_wrapper",
    "build_schedule",
    "guard_steps",
    "plan",
    "schedule_unit",
    "total_norm",
]


def __getattr__(name: str) -> object:
    """Import the one name that costs more than all the others together."""
    if name == "ZeroRedundancyOptimizer":
        from eng_optim.zero import ZeroRedundancyOptimizer

        return ZeroRedundancyOptimizer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
