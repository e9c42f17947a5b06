"""Calls with rich's progress, and what cannot be called."""

import operator

import pytest
from mmengine.utils import track_progress_rich


@pytest.mark.parametrize("options", [{}, {"nproc": 2}, {"nproc": 2, "chunksize": 2}])
def test_results_in_order(capsys, options):
    """By this process, or by others."""
    assert track_progress_rich(operator.neg, [1, 2, 3], **options) == [-1, -2, -3]
    assert "Processing" in capsys.readouterr().out


def test_arguments_are_unpacked():
    """A tuple or a list is several; anything else is one."""
    assert track_progress_rich(operator.mul, [(1, 2), [3, 4]]) == [2, 12]
    assert track_progress_rich(len, ["ab", {1}]) == [2, 1]


def test_the_same_call_many_times():
    """Without tasks there is a number of calls."""
    assert track_progress_rich(lambda: 7, task_num=3) == [7, 7, 7]


def test_a_generator_of_tasks(capsys):
    """Its length need not be known."""
    assert track_progress_rich(operator.neg, (n for n in [1, 2])) == [-1, -2]


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"func": 1, "tasks": [1]}, TypeError, "func must be a callable object"),
        ({"func": abs, "tasks": 1}, TypeError, "tasks must be an iterable object"),
        ({"func": abs, "tasks": []}, ValueError, "If tasks is an empty iterable, task_num must be set"),
        ({"func": abs, "tasks": [1, 2], "task_num": 3}, ValueError, "does not match the length of tasks"),
        ({"func": abs, "tasks": [1], "nproc": 0}, ValueError, "nproc must be a positive number"),
    ],
)
def test_what_cannot_be_done(arguments, error, text):
    """Each with a word of its own."""
    with pytest.raises(error, match=text):
        track_progress_rich(**arguments)
