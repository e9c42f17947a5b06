"""From the name that a user gives to the metric that it means."""

from collections.abc import Mapping
from typing import Any

from eng_evaluator.errors import IndicatorError


def get_metric_value(indicator: str, metrics: Mapping[str, Any]) -> Any:
    """The value of the metric `indicator` means: a whole key, or its last part if only one key ends so.

    >>> get_metric_value('accuracy', {'val/accuracy': 0.9, 'val/loss': 0.1})
    0.9

    Raises:
        IndicatorError: no metric is meant, or several are; it is a ValueError.
    """
    if "/" in indicator or indicator in metrics:
        meant = [indicator] if indicator in metrics else []
    else:
        meant = [key for key in metrics if key.rpartition("/")[2] == indicator]
    if len(meant) == 1:
        return metrics[meant[0]]
    if meant:
        raise IndicatorError(f"`{indicator}` may be {' or '.join(meant)}; name one of them whole")
    raise IndicatorError(f"there is no metric `{indicator}`; there is {', '.join(metrics) or 'none at all'}")
