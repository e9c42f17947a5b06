"""Ready metrics, most of them a few sums; importing this registers them."""

from eng_evaluator.metrics.accuracy import Accuracy
from eng_evaluator.metrics.adapter import TorchMetric
from eng_evaluator.metrics.confusion import ConfusionMatrix
from eng_evaluator.metrics.overlap import MeanIoU
from eng_evaluator.metrics.pair import PairMetric
from eng_evaluator.metrics.precision import PrecisionRecallF1
from eng_evaluator.metrics.regression import MeanAbsoluteError, MeanSquaredError

__all__ = [
    "Accuracy",
    "ConfusionMatrix",
    "MeanAbsoluteError",
    "MeanIoU",
    "MeanSquaredError",
    "PairMetric",
    "PrecisionRecallF1",
    "TorchMetric",
]
