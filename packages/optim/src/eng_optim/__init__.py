"""Optimizer steps, parameter groups and schedules for any training loop."""

from eng_optim.amp import (
    AmpOptimWrapper,
)
from eng_optim.base import (
    BaseOptimWrapper,
)
from eng_optim.constructor import (
    DefaultOptimWrapperConstructor,
    build_optim_wrapper,
)
from eng_optim.errors import (
    SettingError,
)
from eng_optim.optimizers import (
    TORCH_OPTIMIZERS,
)
from eng_optim.schedule import (
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
    ParamScheduler,
    PolyLR,
    PolyMomentum,
    PolyParamScheduler,
    StepLR,
    StepMomentum,
    StepParamScheduler,
)
from eng_optim.schedule import ParamScheduler as _ParamScheduler
from eng_optim.several import (
    OptimWrapperDict,
)
from eng_optim.wrapper import (
    OptimWrapper,
)
from eng_registry import (
    OPTIM_WRAPPER_CONSTRUCTORS,
    OPTIMIZERS,
)

__all__ = [
    "AmpOptimWrapper",
    "BaseOptimWrapper",
    "ConstantLR",
    "ConstantMomentum",
    "ConstantParamScheduler",
    "CosineAnnealingLR",
    "CosineAnnealingMomentum",
    "CosineAnnealingParamScheduler",
    "DefaultOptimWrapperConstructor",
    "ExponentialLR",
    "ExponentialMomentum",
    "ExponentialParamScheduler",
    "LinearLR",
    "LinearMomentum",
    "LinearParamScheduler",
    "MultiStepLR",
    "MultiStepMomentum",
    "MultiStepParamScheduler",
    "OPTIMIZERS",
    "OPTIM_WRAPPER_CONSTRUCTORS",
    "OptimWrapper",
    "OptimWrapperDict",
    "ParamScheduler",
    "PolyLR",
    "PolyMomentum",
    "PolyParamScheduler",
    "SettingError",
    "StepLR",
    "StepMomentum",
    "StepParamScheduler",
    "TORCH_OPTIMIZERS",
    "_ParamScheduler",
    "build_optim_wrapper",
]
