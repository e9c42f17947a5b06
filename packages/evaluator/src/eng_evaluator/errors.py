"""Everything this package raises of its own, as one tree.

EvaluationError                      (Exception)
├── DuplicateMetricError (ValueError)  two metrics of an evaluator return the same key
├── IndicatorError       (ValueError)  a name means no metric, or several
├── PredictionError      (TypeError)   a ready metric does not find what it compares
└── MetricFailedError    (RuntimeError) a metric failed on the main process; raised on the others
"""


class EvaluationError(Exception):
    """Base of the errors of this package."""


class DuplicateMetricError(EvaluationError, ValueError):
    """Two metrics of an evaluator return the same key."""


class IndicatorError(EvaluationError, ValueError):
    """The name of a metric means none of those returned, or several."""


class PredictionError(EvaluationError, TypeError):
    """A ready metric does not find in the model's output what it compares."""


class MetricFailedError(EvaluationError, RuntimeError):
    """A metric failed on the main process, which has the traceback; this is what the other ranks raise."""
