"""The order of a run, and the passes of its evaluations; one kind of loop a file."""

from .base import BaseLoop
from .calendar import Calendar, calc_dynamic_intervals
from .epochs import EpochBasedTrainLoop
from .evaluation import EvalLoop, TestLoop, ValLoop
from .iterations import IterBasedTrainLoop
from .named import NamedValLoop
from .predict import PredictLoop
from .train import TrainLoop

__all__ = [
    "BaseLoop",
    "Calendar",
    "EpochBasedTrainLoop",
    "EvalLoop",
    "IterBasedTrainLoop",
    "NamedValLoop",
    "PredictLoop",
    "TestLoop",
    "TrainLoop",
    "ValLoop",
    "calc_dynamic_intervals",
]
