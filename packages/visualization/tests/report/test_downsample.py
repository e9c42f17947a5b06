from hypothesis import given
from hypothesis import strategies as st

from eng_visualization.report.downsample import downsample


def test_few_points_stay():
    """What is not finite becomes a gap."""
    assert downsample([1, 2, 3], [0.5, float("nan"), float("inf")]) == [(1, 0.5), (2, None), (3, None)]
    assert downsample([], []) == []


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=500), st.integers(4, 50))
def test_extremes_ends_and_order_survive(ys, most):
    """The least and the largest value, the first and the last point; and there are not more than asked for."""
    points = downsample(range(len(ys)), ys, most)
    kept = [y for _, y in points]
    assert (min(kept), max(kept)) == (min(ys), max(ys))
    assert (points[0], points[-1]) == ((0, ys[0]), (len(ys) - 1, ys[-1]))
    assert [x for x, _ in points] == sorted(x for x, _ in points)
    assert len(points) <= most + 2


def test_a_stretch_without_numbers_is_a_gap():
    """One point of it is left, to break the line."""
    points = downsample(range(300), [float("nan")] * 100 + [1.0] * 200, 30)
    assert points[0] == (0, None)
    assert {y for _, y in points} == {None, 1.0}
