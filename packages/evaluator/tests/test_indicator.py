"""Tests of `eng_evaluator.indicator`: which metric a name means."""

import pytest

from eng_evaluator import IndicatorError, get_metric_value


@pytest.mark.parametrize(
    ("indicator", "metrics", "value"),
    [
        ("acc", {"m/acc": 1}, 1),
        ("m/acc", {"m/acc": 1, "n/acc": 2}, 1),
        ("acc", {"acc": 3, "m/acc": 1}, 3),
        ("acc", {"m/n/acc": 1, "m/acc2": 2}, 1),
    ],
)
def test_a_whole_key_or_its_last_part(indicator: str, metrics: dict[str, int], value: int) -> None:
    """A key that is the name itself comes first."""
    assert get_metric_value(indicator, metrics) == value


@pytest.mark.parametrize(
    ("indicator", "metrics", "message"),
    [
        ("acc", {"a/acc": 1, "b/acc": 2}, "`acc` may be a/acc or b/acc; name one of them whole"),
        ("x/acc", {"m/acc": 1}, "there is no metric `x/acc`; there is m/acc"),
        ("iou", {"m/acc": 1}, "there is no metric `iou`; there is m/acc"),
        ("iou", {}, "there is none at all"),
    ],
)
def test_none_or_several(indicator: str, metrics: dict[str, int], message: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(IndicatorError, match=message):
        get_metric_value(indicator, metrics)
    assert issubclass(IndicatorError, ValueError)
