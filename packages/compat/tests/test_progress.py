"""The layout of MMEngine's progress bars, to the character, and the loops around them."""

import io
import operator
import re

import pytest
from mmengine.utils import ProgressBar, track_iter_progress, track_parallel_progress, track_progress

import eng_compat.timer

RATE = re.compile(r"\d+\.\d task")


@pytest.fixture
def clock(monkeypatch):
    """Time that passes only when a test says so."""
    now = [100.0]
    monkeypatch.setattr(eng_compat.timer, "time", lambda: now[0])
    monkeypatch.setenv("COLUMNS", "80")

    def wait(seconds):
        now[0] += seconds

    return wait


def written(file):
    """What was written since the last look."""
    text = file.getvalue()
    file.seek(0)
    file.truncate()
    return text


def test_an_unknown_number_of_tasks(clock):
    """One count after another, with nothing between."""
    file = io.StringIO()
    bar = ProgressBar(file=file)
    assert written(file) == "completed: 0, elapsed: 0s"
    clock(1)
    bar.update()
    assert written(file) == "completed: 1, elapsed: 1s, 1.0 tasks/s"
    clock(1)
    bar.update(2)
    assert written(file) == "completed: 3, elapsed: 2s, 1.5 tasks/s"


def test_a_known_number_of_tasks(clock):
    """The bar is written anew over the old one."""
    file = io.StringIO()
    bar = ProgressBar(10, bar_width=20, file=file)
    assert written(file) == "[" + " " * 20 + "] 0/10, elapsed: 0s, ETA:"
    clock(1)
    bar.update()
    assert written(file) == "\r[>>                  ] 1/10, 1.0 task/s, elapsed: 1s, ETA:     9s"
    clock(0.5)
    bar.update(3)
    assert written(file) == "\r[>>>>>>>>            ] 4/10, 2.7 task/s, elapsed: 2s, ETA:     2s"
    bar.update(6)
    assert written(file) == "\r[>>>>>>>>>>>>>>>>>>>>] 10/10, 6.7 task/s, elapsed: 2s, ETA:     0s"


def test_no_time_has_passed(clock):
    """Then the rate has no end."""
    file = io.StringIO()
    ProgressBar(2, bar_width=2, file=file).update()
    assert written(file).endswith("\r[> ] 1/2, inf task/s, elapsed: 0s, ETA:     0s")


def test_the_bar_starts_later(clock):
    """If it is told so."""
    file = io.StringIO()
    bar = ProgressBar(10, start=False, file=file)
    assert written(file) == ""
    clock(5)
    bar.start()
    clock(1)
    bar.update()
    assert "elapsed: 1s" in written(file)


@pytest.mark.parametrize(("columns", "width"), [("20", 2), ("70", 18), ("80", 28), ("200", 50)])
def test_a_narrow_terminal(clock, monkeypatch, columns, width):
    """The bar takes what the text leaves, at least two."""
    monkeypatch.setenv("COLUMNS", columns)
    file = io.StringIO()
    bar = ProgressBar(1000, file=file)
    clock(1)
    bar.update(500)
    line = written(file).rpartition("\r")[2]
    assert (
        line
        == f"[{'>' * (width // 2)}{' ' * (width - width // 2)}] 500/1000, 500.0 task/s, elapsed: 1s, ETA:     1s"
    )


def test_an_update_does_something():
    """No tasks are no update."""
    with pytest.raises(AssertionError):
        ProgressBar(2, file=io.StringIO()).update(0)


@pytest.mark.parametrize("tasks", [[1, 2, 3], (iter([1, 2, 3]), 3)])
def test_a_function_over_tasks(tasks):
    """A sequence, or an iterable with its length; the last thing written is the end of the line."""
    file = io.StringIO()
    assert track_progress(pow, tasks, bar_width=3, file=file, exp=2) == [1, 4, 9]
    lines = RATE.sub("N task", file.getvalue()).split("\r")
    assert lines[0] == "[   ] 0/3, elapsed: 0s, ETA:"
    assert lines[1:3] == [
        "[>  ] 1/3, N task/s, elapsed: 0s, ETA:     0s",
        "[>> ] 2/3, N task/s, elapsed: 0s, ETA:     0s",
    ]
    assert lines[3] == "[>>>] 3/3, N task/s, elapsed: 0s, ETA:     0s\n"


def test_a_loop_over_tasks():
    """The bar moves after the body of the loop."""
    file = io.StringIO()
    counts = [file.getvalue().count("\r") for _ in track_iter_progress(["a", "b"], file=file)]
    assert counts == [0, 1]
    assert file.getvalue().endswith("\n")


@pytest.mark.parametrize("wrong", [1, (n for n in [1]), {1}])
def test_what_is_no_tasks(wrong):
    """Without a length there is no bar."""
    with pytest.raises(TypeError, match='"tasks" must be'):
        track_progress(abs, wrong)
    with pytest.raises(TypeError, match='"tasks" must be'):
        next(track_iter_progress(wrong))
    with pytest.raises(TypeError, match='"tasks" must be'):
        track_parallel_progress(abs, wrong, 2)


def test_processes(capsys):
    """Results in order; with `skip_first` the first round is not counted; in any order if asked for."""
    file = io.StringIO()
    assert track_parallel_progress(operator.neg, [1, 2, 3, 4], 2, file=file) == [-1, -2, -3, -4]
    assert " 4/4, " in file.getvalue()
    file = io.StringIO()
    assert track_parallel_progress(operator.neg, [1, 2, 3, 4], 2, skip_first=True, file=file) == [
        -1,
        -2,
        -3,
        -4,
    ]
    assert file.getvalue().startswith("[" + " " * 50 + "] 0/2, ")
    unordered = track_parallel_progress(
        operator.neg, (iter([1, 2, 3, 4]), 4), 2, keep_order=False, chunksize=2, file=io.StringIO()
    )
    assert sorted(unordered) == [-4, -3, -2, -1]


def test_what_processes_begin_with():
    """Something that can be called, with a tuple of arguments."""
    with pytest.raises(TypeError, match="initializer must be a callable"):
        track_parallel_progress(abs, [1], 1, initializer=3, initargs=())
    with pytest.raises(TypeError, match='"initargs" must be a tuple'):
        track_parallel_progress(abs, [1], 1, initializer=print, initargs="a")
