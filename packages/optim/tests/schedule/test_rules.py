"""The formulas alone: their ends, and what they never leave."""

from functools import partial
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eng_optim.schedule import rules

TOTAL = st.integers(1, 500)


@given(start=st.floats(0, 1), end=st.floats(0, 1), total=TOTAL)
def test_line_has_both_ends(start: float, end: float, total: int) -> None:
    """A line begins and ends where it is told."""
    line = partial(rules.linear, start=start, end=end, total=total)
    assert line(0) == start
    assert line(total) == pytest.approx(end)


@given(power=st.floats(0.1, 4), total=TOTAL, k=st.integers(0, 1000))
def test_polynomial_never_leaves_its_range(power: float, total: int, k: int) -> None:
    """Between 1 and 0, and 0 from the end on."""
    value = rules.polynomial(k, power=power, total=total)
    assert 0.0 <= value <= 1.0
    assert (value == 0.0) == (k >= total)


@given(period=TOTAL, k=st.integers(0, 1000))
def test_cosine_repeats(period: int, k: int) -> None:
    """After two periods it is where it was."""
    assert rules.cosine(k, period=period) == pytest.approx(
        rules.cosine(k + 2 * period, period=period), abs=1e-9
    )


@given(
    decay=st.integers(1, 50),
    stable=st.integers(0, 50),
    end=st.floats(0, 1),
    curve=st.sampled_from(sorted(rules.CURVES)),
)
def test_late_decay_only_falls(decay: int, stable: int, end: float, curve: str) -> None:
    """Level, then down without a step up, to its end at the last step."""
    values = [
        rules.late_decay(k, stable=stable, total=stable + decay, end=end, curve=rules.CURVES[curve])
        for k in range(stable + decay + 2)
    ]
    assert all(after <= before + 1e-12 for before, after in pairwise(values))
    assert values[:stable] == [1.0] * stable
    assert values[stable + decay - 1] == values[-1] == end


@given(total=st.integers(1, 50), k=st.integers(0, 100))
def test_warm_up_hands_over(total: int, k: int) -> None:
    """After the warm-up the next rule counts from its own beginning."""
    value = rules.warm_up(k, start=0.0, total=total, then=lambda step: float(step + 1))
    assert value == (k / total if k < total else k - total + 1)


def test_curves_have_both_ends() -> None:
    """Every curve leads from 0 to 1."""
    for curve in rules.CURVES.values():
        assert curve(0.0) == 0.0
        assert curve(1.0) == pytest.approx(1.0)


def test_knots_on_one_step() -> None:
    """A cycle without an upward part begins at its peak; beyond the last knot nothing moves."""
    knots = [(0, 1.0), (0, 5.0), (2, 0.5)]
    values = [rules.one_cycle(k, knots=knots, curve=rules.straight) for k in range(4)]
    assert values == [5.0, 2.75, 0.5, 0.5]
