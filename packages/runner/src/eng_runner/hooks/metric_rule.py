"""Whether a metric is better when it is greater or when it is less, told from its name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import gt, lt
from typing import Literal

Rule = Literal["greater", "less"]

GREATER_KEYS = ("acc", "top", "AR@", "auc", "precision", "mAP", "mDice", "mIoU", "mAcc", "aAcc")
LESS_KEYS = ("loss",)

COMPARE: dict[Rule, Callable[[float, float], bool]] = {"greater": gt, "less": lt}


def infer_rule(
    key: str, greater_keys: Sequence[str] = GREATER_KEYS, less_keys: Sequence[str] = LESS_KEYS
) -> Rule:
    """The rule for a metric: exact names first, then parts of the name, ignoring case.

    Raises ValueError if neither list knows the name.

    >>> infer_rule("val/accuracy"), infer_rule("val_loss")
    ('greater', 'less')
    """
    name = key.lower()
    greater, less = [k.lower() for k in greater_keys], [k.lower() for k in less_keys]
    if name in greater:
        return "greater"
    if name in less:
        return "less"
    if any(part in name for part in greater):
        return "greater"
    if any(part in name for part in less):
        return "less"
    raise ValueError(
        f"the name {key!r} does not tell whether greater or less is better; give `rule='greater'` or `rule='less'`"
    )


def check_rule(rule: str) -> Rule:
    """The rule as given. Raises KeyError for anything but 'greater' and 'less'."""
    if rule not in COMPARE:
        raise KeyError(f"`rule` should be 'greater' or 'less', not {rule!r}")
    return rule


def names_of(argument: str, given: str | Sequence[str] | None) -> list[str]:
    """Return one name or several as a list. Raises TypeError for another type, ValueError for a name given twice."""
    if given is None:
        return []
    names = [given] if isinstance(given, str) else list(given)
    if not all(isinstance(name, str) for name in names):
        raise TypeError(f"`{argument}` should be a name or a sequence of names, not {given!r}")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"`{argument}` names {', '.join(twice)} twice")
    return names
