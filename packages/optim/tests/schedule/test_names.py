"""The names of the schedules, and what they are called with."""

import inspect

import pytest
import torch
from torch import nn
from torch.optim import SGD

import eng_optim.schedule as schedule
from eng_registry import PARAM_SCHEDULERS

FAMILIES = [
    "Constant",
    "CosineAnnealing",
    "CosineRestart",
    "Exponential",
    "InverseSqrt",
    "Linear",
    "MultiStep",
    "OneCycle",
    "Poly",
    "ReduceOnPlateau",
    "Step",
    "WSD",
    "WarmUp",
]


@pytest.mark.parametrize("family", FAMILIES)
def test_each_family_has_its_names(family: str) -> None:
    """The general form and the one for the rate; the one for the momentum, but a cycle is for the rate alone."""
    general = getattr(schedule, f"{family}ParamScheduler")
    names = [f"{family}ParamScheduler", f"{family}LR"]
    if family != "OneCycle":
        names.append(f"{family}Momentum")
    assert hasattr(schedule, f"{family}Momentum") == (family != "OneCycle")
    for name in names:
        kind = getattr(schedule, name)
        assert issubclass(kind, general)
        assert PARAM_SCHEDULERS.get(name) is kind
        taken = [key for key in inspect.signature(general).parameters if key != "param_name"]
        given = [key for key in inspect.signature(kind).parameters if key != "param_name"]
        assert given == taken


def test_signature_is_checked() -> None:
    """An argument that there is not is an error of the call, not swallowed."""
    optimizer = SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    with pytest.raises(TypeError, match="step_sise"):
        schedule.StepLR(optimizer, step_sise=1)


def test_build_by_name() -> None:
    """The registry builds a schedule for the optimizer that it is given."""
    optimizer = SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    built = PARAM_SCHEDULERS.build(
        {"type": "MultiStepLR", "milestones": [8, 11]}, default_args={"optimizer": optimizer}
    )
    assert isinstance(built, schedule.MultiStepLR)
    assert built.param_name == "lr"


def test_build_in_iterations() -> None:
    """`convert_to_iter_based` with the length of an epoch gives a schedule that counts iterations."""
    optimizer = SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    cfg = {"type": "CosineAnnealingLR", "T_max": 12, "convert_to_iter_based": True}
    built = PARAM_SCHEDULERS.build(cfg, default_args={"optimizer": optimizer, "epoch_length": 5, "end": 12})
    assert (built.T_max, built.end, built.by_epoch) == (60, 60, False)
