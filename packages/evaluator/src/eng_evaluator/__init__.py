"""Metrics that count each sample exactly once."""

from eng_evaluator.dump import DumpResults
from eng_evaluator.errors import (
    DuplicateMetricError,
    EvaluationError,
    IndicatorError,
    MetricFailedError,
    PredictionError,
)
from eng_evaluator.evaluator import Evaluator
from eng_evaluator.indicator import get_metric_value
from eng_evaluator.metric import BaseMetric
from eng_evaluator.metrics import (
    Accuracy,
    ConfusionMatrix,
    MeanAbsoluteError,
    MeanIoU,
    MeanSquaredError,
    PairMetric,
    PrecisionRecallF1,
    TorchMetric,
)
from eng_evaluator.streaming import StreamingMetric

__all__ = [
    "Accuracy",
    "BaseMetric",
    "ConfusionMatrix",
    "DumpResults",
    "DuplicateMetricError",
    "EvaluationError",
    "Evaluator",
    "IndicatorError",
    "MeanAbsoluteError",
    "MeanIoU",
    "MeanSquaredError",
    "MetricFailedError",
    "PairMetric",
    "PrecisionRecallF1",
    "PredictionError",
    "StreamingMetric",
    "TorchMetric",
    "get_metric_value",
]
