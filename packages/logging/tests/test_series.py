import copy
import json
import math
import pickle
import sys
import threading
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eng_logging import ArgumentError, HistoryBuffer

numbers = st.floats(allow_nan=False, allow_infinity=False, width=32)


def test_a_tensor_is_not_read_before_a_statistic_is(DeviceScalar):
    """Appending waits for no device; the first statistic reads each value once."""
    series = HistoryBuffer()
    values = [DeviceScalar(float(i)) for i in range(5)]
    for value in values:
        series.append(value)
    assert [value.reads for value in values] == [0] * 5
    assert series.mean() == 2.0
    assert series.max() == 4.0
    assert [value.reads for value in values] == [1] * 5


def test_append_is_one_c_call():
    """What the hot path calls is the bare method of a deque, so no Python frame is entered."""
    series = HistoryBuffer()
    frames = []
    append = series.append
    sys.setprofile(lambda frame, event, arg: frames.append(event) if event != "return" else None)
    try:
        append(1.0)
    finally:
        sys.setprofile(None)
    assert frames == ["c_call", "c_return", "c_call"]  # the last one is setprofile itself
    assert series.current() == 1.0


def test_values_are_totals_over_their_counts():
    """The mean divides the sum of the values by the sum of the counts."""
    series = HistoryBuffer()
    series.update(1, count=2)
    assert series.mean() == 0.5
    series.append(5.0)
    assert series.mean() == 2.0
    assert series.mean(1) == 5.0


def test_statistics_look_at_the_last_values():
    """A window takes the newest values; None and a larger window take all."""
    series = HistoryBuffer([4.0, 1.0, 3.0, 2.0], [1, 1, 1, 1])
    assert (series.current(), series.mean(2), series.max(3), series.min(2)) == (2.0, 2.5, 3.0, 2.0)
    assert (series.mean(), series.max(), series.min(100)) == (2.5, 4.0, 1.0)


@given(st.lists(st.tuples(numbers, st.integers(1, 5)), min_size=1, max_size=40), st.integers(1, 50))
def test_statistics_are_those_of_the_plain_lists(items, window):
    """Whatever was added in whatever way, a window says what slicing two lists says."""
    series = HistoryBuffer()
    for value, count in items:
        series.put(value, count)
    values = [value for value, _ in items][-window:]
    counts = [count for _, count in items][-window:]
    scale = max(map(abs, values))
    assert series.mean(window) == pytest.approx(math.fsum(values) / sum(counts), abs=scale * 1e-12)
    assert series.max(window) == max(values)
    assert series.min(window) == min(values)


def test_old_values_are_forgotten():
    """The series keeps its last `max_length` values, with their counts, pending or not."""
    series = HistoryBuffer(max_length=3)
    for value in range(5):
        series.append(value)
    assert series.data == (array("d", [2, 3, 4]), array("d", [1, 1, 1]))
    for value in range(5, 7):
        series.update(value, count=2)
    assert series.data == (array("d", [4, 5, 6]), array("d", [1, 2, 2]))
    assert len(series) == 3
    assert HistoryBuffer([1, 2, 3], [1, 1, 1], max_length=2).data[0] == array("d", [2, 3])


def test_pending_values_are_bounded():
    """A series that nobody reads holds no more than `max_length` values either."""
    series = HistoryBuffer(max_length=10)
    for value in range(1000):
        series.append(value)
    assert series.pending == 10


def test_an_empty_series_has_no_statistics():
    """Every statistic of nothing is an error that says so."""
    for ask in (HistoryBuffer().current, HistoryBuffer().mean, HistoryBuffer().max, HistoryBuffer().min):
        with pytest.raises(ValueError, match="empty"):
            ask()


@pytest.mark.parametrize("value", [[1], "1", None])
def test_update_takes_numbers_only(value):
    """Through `update` only Python numbers come in."""
    with pytest.raises(TypeError, match="int or float"):
        HistoryBuffer().update(value)
    with pytest.raises(TypeError, match="int or float"):
        HistoryBuffer().update(1, count=value)


def test_update_refuses_a_tensor(DeviceScalar):
    """`append` is the way for tensors."""
    with pytest.raises(TypeError, match="int or float, got DeviceScalar"):
        HistoryBuffer().update(DeviceScalar(1.0))


def test_bad_arguments_are_refused():
    """Lengths and windows are checked."""
    with pytest.raises(AssertionError, match="count"):
        HistoryBuffer([1, 2], [1])
    with pytest.raises(AssertionError, match="max_length"):
        HistoryBuffer(max_length=0)
    for window in ("3", 2.0, 0, -1):
        with pytest.raises(AssertionError, match="window_size"):
            HistoryBuffer([1], [1]).mean(window)


def test_statistics_by_name_and_own_ones():
    """A registered function is a statistic like the four that are there."""
    series = HistoryBuffer([1, 2, 6], [1, 1, 1])
    assert series.statistics("mean", 2) == 4.0
    assert series.statistics("mean", window_size=2) == 4.0
    with pytest.raises(KeyError, match="no statistic `median`; there are: mean, max, min, current"):
        series.statistics("median")

    @HistoryBuffer.register_statistics
    def median(self, window_size=None):
        return sorted(self.data[0])[len(self) // 2]

    try:
        assert series.statistics("median") == 2.0
        with pytest.raises(AssertionError, match="already"):
            HistoryBuffer.register_statistics(median)
    finally:
        del HistoryBuffer._statistics_methods["median"]


def test_a_built_in_statistic_cannot_be_replaced():
    """The names of the four are taken."""

    def mean(self):
        return 0.0

    with pytest.raises(AssertionError, match="`mean` already"):
        HistoryBuffer.register_statistics(mean)


@given(st.lists(st.tuples(st.floats(), st.integers(1, 3)), max_size=20))
def test_state_is_plain_and_exact(items):
    """Through JSON and back the values are the same to the last bit, NaN and infinity included."""
    series = HistoryBuffer(max_length=50)
    for value, count in items:
        series.put(value, count)
    state = json.loads(json.dumps(series.state_dict()))
    back = HistoryBuffer.from_state_dict(state)
    assert [a.tobytes() for a in back.data] == [a.tobytes() for a in series.data]
    assert back.max_length == 50


def test_copies_and_pickles_are_independent():
    """A copy goes on alone, and its `append` writes to itself."""
    series = HistoryBuffer([1.0], [2], max_length=7)
    for clone in (copy.deepcopy(series), copy.copy(series), pickle.loads(pickle.dumps(series))):
        clone.append(3.0)
        assert len(series) == 1
        assert clone.data == (array("d", [1, 3]), array("d", [2, 1]))
        assert clone.max_length == 7


def test_foreign_states_are_understood():
    """Lists instead of text, and the fields of MMEngine's buffer, give the same series."""
    assert HistoryBuffer.from_state_dict({"values": [1, 2]}).mean() == 1.5
    foreign = {"_log_history": [1.0, 4.0], "_count_history": [1, 4], "_max_length": 10}
    assert HistoryBuffer.from_state_dict(foreign).mean() == 1.0
    with pytest.raises(ValueError, match="not the state of a series"):
        HistoryBuffer.from_state_dict({"log": []})


def test_a_million_values_cost_what_a_few_cost():
    """The state has one size and a statistic one cost, however long the run."""
    series = HistoryBuffer(max_length=1000)
    for value in range(1000):
        series.append(value)
    size = len(json.dumps(series.state_dict()))
    for value in range(1_000_000):
        series.append(value)
    # the numbers differ, the number of characters does not
    assert len(json.dumps(series.state_dict())) == size
    assert len(series) == 1000


def test_the_state_does_not_grow_with_the_run():
    """After a million values the state has as many characters as after a thousand, and the same answers."""
    series = HistoryBuffer(max_length=5000)
    for step in range(1000):
        series.append(float(step))
    size = len(json.dumps(series.state_dict()))
    for step in range(1000, 1_000_000):
        series.append(float(step))
        if step % 1000 == 0:
            series.mean(100)
    state = series.state_dict()
    assert len(json.dumps(state)) == size + len("100") - len("0")  # the window asked for
    back = HistoryBuffer.from_state_dict(state)
    for window in (1, 100, 1_000_000):
        assert back.mean(window) == series.mean(window)
        assert back.min(window) == series.min(window)
        assert back.max(window) == series.max(window)
    assert series.mean(1_000_000) == 499_999.5
    assert series.min(2_000_000) == 0.0


def test_the_state_holds_the_longest_window_asked_for():
    """Who averages over 40 values can do so after a resume; who never asked loses what is older than `length`."""
    series = HistoryBuffer()
    for step in range(100):
        series.append(float(step))
    assert len(HistoryBuffer.from_state_dict(series.state_dict(10))) == 10
    mean = series.mean(40)
    back = HistoryBuffer.from_state_dict(series.state_dict(10))
    assert len(back) == 40
    assert back.mean(40) == mean
    # a window over everything is answered by the totals and keeps nothing
    series.mean(100)
    assert len(HistoryBuffer.from_state_dict(series.state_dict(10))) == 40


@given(st.lists(numbers, min_size=1, max_size=60), st.integers(0, 60), st.integers(1, 8))
def test_totals_do_not_depend_on_when_values_are_read(values, cut, length):
    """Reading early, or going on from a state, gives the sums of a series that nobody read, to the last bit."""
    quiet, busy = HistoryBuffer(max_length=100), HistoryBuffer(max_length=100)
    for value in values:
        quiet.append(value)
    for value in values[:cut]:
        busy.append(value)
        busy.current()
    resumed = HistoryBuffer.from_state_dict(busy.state_dict(length))
    for value in values[cut:]:
        resumed.append(value)
    assert resumed.state_dict(1)["totals"] == quiet.state_dict(1)["totals"]
    assert resumed.max(1000) == max(values)
    assert resumed.min(1000) == min(values)


def test_none_takes_what_is_kept_and_a_long_window_all_there_was():
    """A series of three is a moving window of three; asked for more than its life it has its totals."""
    series = HistoryBuffer(max_length=3)
    for value in (9.0, 1.0, 2.0, 3.0):
        series.append(value)
        series.current()
    assert (series.mean(), series.max(), series.min()) == (2.0, 3.0, 1.0)
    assert (series.mean(4), series.max(4), series.min(4)) == (3.75, 9.0, 1.0)


def test_a_value_that_is_no_number_spoils_no_extreme():
    """After a NaN the least and the largest of a life are those of the numbers; its mean is NaN."""
    series = HistoryBuffer(max_length=2)
    for value in (math.nan, 3.0, -1.0, math.nan, 2.0):
        series.append(value)
        series.settle()
    assert (series.min(5), series.max(5)) == (-1.0, 3.0)
    assert math.isnan(series.mean(5))
    quiet = HistoryBuffer([1.0, math.nan, 3.0, math.nan], [1, 1, 1, 1])
    for window in (None, 3, 4):
        assert (quiet.min(window), quiet.max(window)) == (1.0 if window != 3 else 3.0, 3.0)
    assert math.isnan(quiet.max(1))


def test_a_mean_over_nothing_is_no_number():
    """A batch without any things ends no run."""
    series = HistoryBuffer()
    series.update(1.0, count=0)
    assert math.isnan(series.mean())
    series.update(3.0, count=2)
    assert series.mean() == 2.0


def test_what_is_no_value_is_told_and_the_others_stay():
    """Also their counts."""
    series = HistoryBuffer()
    series.append(1.0)
    series.append("two")
    series.put(3.0, count=2)
    with pytest.raises(ArgumentError, match="must be a number or have one element, got str"):
        series.current()
    assert [list(part) for part in series.data] == [[1.0, 3.0], [1.0, 2.0]]


def test_two_threads_may_read():
    """The second waits for what the first is reading; each value is counted once and in its place."""
    series, asked, go, said = HistoryBuffer(), threading.Event(), threading.Event(), []

    class Slow:
        def item(self):
            asked.set()
            assert go.wait(10)
            return 1.0

    series.append(Slow())
    first = threading.Thread(target=series.current)
    first.start()
    assert asked.wait(10)
    series.append(2.0)
    second = threading.Thread(target=lambda: said.append((series.current(), series.mean(), len(series))))
    second.start()
    second.join(0.05)
    go.set()
    first.join()
    second.join()
    assert said == [(2.0, 1.5, 2)]
    assert list(series.data[0]) == [1.0, 2.0]
