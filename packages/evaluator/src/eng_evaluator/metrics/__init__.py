"""Ready metrics, each a few sums; importing this registers them."""

from eng_evaluator.metrics.accuracy import Accuracy

__all__ = ["Accuracy"]
