"""Whether greater or less is better, told from a name."""

import pytest

from eng_runner.hooks.metric_rule import check_rule, infer_rule


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("acc", "greater"),
        ("ACC", "greater"),
        ("loss", "less"),
        ("coco/bbox_mAP", "greater"),
        ("val_loss", "less"),
        ("top1", "greater"),
        ("AR@100", "greater"),
    ],
)
def test_known_names(name, rule):
    """Exact names first, then parts, ignoring case."""
    assert infer_rule(name) == rule


def test_own_keys_replace_the_defaults():
    """With own lists the usual words mean nothing."""
    assert infer_rule("distance", less_keys=["distance"]) == "less"
    with pytest.raises(ValueError, match="give `rule='greater'`"):
        infer_rule("loss", less_keys=["distance"])


def test_unknown_rule():
    """Only two rules exist."""
    assert check_rule("less") == "less"
    with pytest.raises(KeyError, match="'greater' or 'less'"):
        check_rule("best")
