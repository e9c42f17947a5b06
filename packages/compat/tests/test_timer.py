"""Timers run, print, and complain when they do not run."""

from time import sleep

import pytest
from mmengine.utils import Timer, TimerError, check_time


def test_seconds_since_start_and_check():
    """A check is counted from the last one."""
    timer = Timer()
    assert timer.is_running
    sleep(0.02)
    assert timer.since_start() >= 0.02
    assert timer.since_last_check() < 0.02
    assert timer.since_start() >= 0.02


def test_a_timer_that_does_not_run():
    """It has no time to tell."""
    timer = Timer(start=False)
    assert not timer.is_running
    for ask in (timer.since_start, timer.since_last_check):
        with pytest.raises(TimerError, match="timer is not running"):
            ask()
    timer.start()
    assert timer.since_start() >= 0


def test_a_context_prints_its_seconds(capsys):
    """With three digits, or as it is told; afterwards it does not run."""
    with Timer() as timer:
        pass
    with Timer(print_tmpl="took {:.1f}s"):
        pass
    assert capsys.readouterr().out == "0.000\ntook 0.0s\n"
    assert not timer.is_running


def test_the_time_between_two_places():
    """Zero at first, then seconds since the last call of that name."""
    assert check_time("here") == 0
    sleep(0.01)
    assert check_time("there") == 0
    assert 0.01 <= check_time("here") < 5
