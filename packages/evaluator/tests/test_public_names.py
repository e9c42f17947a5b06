"""What this package offers is decided here, on purpose."""

import eng_evaluator


def test_the_public_names_are_these() -> None:
    """Adding or removing a name is a decision that shows in this list."""
    assert eng_evaluator.__all__ == [
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


def test_every_public_name_is_there() -> None:
    """No name of the list is missing in the package."""
    assert [name for name in eng_evaluator.__all__ if not hasattr(eng_evaluator, name)] == []
