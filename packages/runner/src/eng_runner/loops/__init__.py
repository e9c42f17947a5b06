"""The order of a run, and the passes of its evaluations; one kind of loop a file."""

from .base import BaseLoop
from .evaluation import EvalLoop, TestLoop, ValLoop
from .train import EpochBasedTrainLoop, IterBasedTrainLoop, TrainLoop, calc_dynamic_intervals

__all__ = [
    "BaseLoop",
    "EpochBasedTrainLoop",
    "EvalLoop",
    "IterBasedTrainLoop",
    "TestLoop",
    "TrainLoop",
    "ValLoop",
    "calc_dynamic_intervals",
]
