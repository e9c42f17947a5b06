"""What can be imported from the front door."""

import subprocess
import sys

import eng_optim

NAMES = [
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


def test_public_names() -> None:
    """A public name comes or goes only on purpose."""
    assert eng_optim.__all__ == NAMES
    assert {name for name in NAMES if not hasattr(eng_optim, name)} == set()


def test_unknown_name() -> None:
    """The door says that it does not have a name."""
    assert not hasattr(eng_optim, "NoSuchName")


def test_import_is_cheap() -> None:
    """What takes long to import waits until it is asked for."""
    code = "import sys, eng_optim; print('torch.distributed.optim' in sys.modules, 'transformers' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "False"]
