import itertools
import os
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest
import torch

from eng_dist import RemoteRankError, abort_on_error, all_reduce, barrier, get_rank

Run = Callable[..., list[Any]]


def ends(how: Callable[[], Any], wait: Callable[[], Any] = barrier) -> Callable[[], Any]:
    """A body that meets three times; then rank 1 does `how` and the others `wait`: what they hear of it, and when."""

    def body() -> Any:
        began = time.monotonic()
        try:
            with abort_on_error(stopped_after=1.0, patience=1.0) as scope:
                scope.phase = "train"
                for step in range(3):
                    scope.step = step
                    barrier()
                began = time.monotonic()
                how() if get_rank() == 1 else wait()
        except RemoteRankError as error:
            return error, time.monotonic() - began

    return body


def test_in_one_process_the_error_just_passes() -> None:
    """There is nobody to tell."""
    with pytest.raises(KeyError, match="x"), abort_on_error():
        {}["x"]


def test_a_rank_can_say_where_it_is() -> None:
    """Step and phase are kept for the message that others would read."""
    with abort_on_error() as scope:
        scope.step, scope.phase = 4, "train"
        assert (scope.step, scope.phase) == (4, "train")


def test_an_exception_on_one_rank_ends_the_others_and_says_who_where_and_why(run: Run) -> None:
    """The other waits in a collective that the failing rank never enters."""

    def body() -> None:
        with abort_on_error() as scope:
            scope.phase, scope.step = "val", 7
            barrier()
            if get_rank() == 1:
                raise ValueError("no such label")
            all_reduce(torch.ones(2))

    heard, raised = run(body)
    assert isinstance(raised, ValueError)
    assert isinstance(heard, RemoteRankError)
    assert (heard.rank, heard.step, heard.phase) == (1, 7, "val")
    assert "ValueError: no such label" in heard.message
    assert str(heard).startswith("rank 1 failed in val at step 7: ")


def test_a_failing_rank_that_stays_alive_ends_the_others(run: Run) -> None:
    """The process lives on after its error, as in a notebook or with a thread that does not end."""

    def body() -> Any:
        try:
            with abort_on_error():
                barrier()
                if get_rank() == 1:
                    raise ValueError("broken")
                barrier()
        except ValueError:
            time.sleep(1.0)
            return "alive"
        except RemoteRankError as error:
            return error.rank

    assert run(body) == [1, "alive"]


def test_a_killed_rank_ends_the_others(run: Run) -> None:
    """As by the system when memory runs out."""
    (heard, seconds), killed = run(ends(lambda: os.kill(os.getpid(), signal.SIGKILL)))
    assert killed == -signal.SIGKILL
    assert (heard.rank, heard.step, heard.phase) == (1, 2, "train")
    assert "has ended without an exception" in heard.message
    assert seconds < 10.0


def test_a_stopped_rank_ends_the_others_and_is_killed(run: Run) -> None:
    """A stopped process cannot say so itself; its companion does."""
    (heard, seconds), killed = run(ends(lambda: os.kill(os.getpid(), signal.SIGSTOP)))
    assert killed == -signal.SIGKILL
    assert heard.rank == 1
    assert "has been stopped (SIGSTOP) for 1 s" in heard.message
    assert seconds < 10.0


def test_a_rank_that_computes_hears_of_the_failure_too(run: Run) -> None:
    """It needs to be in no collective for it."""
    (heard, seconds), raised = run(ends(lambda: 1 / 0, wait=lambda: time.sleep(30.0)))
    assert isinstance(raised, ZeroDivisionError)
    assert "ZeroDivisionError" in heard.message
    assert seconds < 10.0


def test_a_rank_in_the_backward_of_ddp_hears_of_the_failure(run: Run) -> None:
    """Its collectives are torch's own, started by the autograd engine."""

    def body() -> Any:
        model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(2, 2))
        try:
            with abort_on_error():
                model(torch.ones(1, 2)).sum().backward()
                loss = model(torch.ones(1, 2)).sum()
                if get_rank() == 1:
                    raise FloatingPointError("the loss is not finite")
                loss.backward()
        except RemoteRankError as error:
            return error.rank, error.message.splitlines()[0]

    heard, raised = run(body)
    assert isinstance(raised, FloatingPointError)
    assert heard == (1, "FloatingPointError: the loss is not finite")


def test_a_rank_that_nothing_can_interrupt_is_killed(run: Run, capfd: pytest.CaptureFixture[str]) -> None:
    """It sits in one endless call that keeps the interpreter's lock; its standard error says why it went."""
    killed, raised = run(ends(lambda: 1 / 0, wait=lambda: sum(itertools.repeat(0))))
    assert isinstance(raised, ZeroDivisionError)
    assert killed == -signal.SIGKILL
    said = capfd.readouterr().err
    assert "is killed, since rank 1 has failed and it has not reacted for 1 s" in said
    assert "The failure: ZeroDivisionError" in said


def test_of_four_ranks_all_hear_of_the_first_failure(run: Run) -> None:
    """Whatever each of them is waiting for."""
    first, raised, third, fourth = run(ends(lambda: 1 / 0), 4)
    assert isinstance(raised, ZeroDivisionError)
    assert [heard.rank for heard, _ in (first, third, fourth)] == [1, 1, 1]


def test_the_time_out_of_a_collective_names_who_is_missing(run: Run) -> None:
    """Rank 1 works on something else for too long."""
    (heard, _), late = run(ends(lambda: time.sleep(8.0)), timeout=2.0)
    assert heard.rank == 1
    assert (
        "it did not come to where rank 0 at barrier (collective 4), train, step 2 ran into the time-out"
        in (heard.message)
    )
    assert "rank 1 at barrier (collective 3), train, step 2" in heard.message
    assert isinstance(late[0], RemoteRankError)


def test_a_rank_that_is_done_too_early_is_named(run: Run) -> None:
    """Its loader was one batch shorter than the others'."""

    def body() -> None:
        with abort_on_error() as scope:
            scope.phase = "train"
            for scope.step in range(3 - get_rank()):
                barrier()

    heard, done = run(body)
    assert done is None
    assert isinstance(heard, RemoteRankError)
    assert "it has ended its work while rank 0 at barrier (collective 3), train, step 2 waited for it" in str(
        heard
    )


def test_leaving_by_an_exit_is_no_failure(run: Run) -> None:
    """All ranks have agreed to stop; the first to go must not end the others while they still save."""

    def body() -> Any:
        try:
            with abort_on_error():
                barrier()
                time.sleep(0.5 * get_rank())
                raise SystemExit(143)
        except SystemExit as error:
            return error.code

    assert run(body) == [143, 143]


def test_who_enters_after_the_failure_hears_of_it_at_once(run: Run) -> None:
    """The process group is broken; a second attempt with it says why."""

    def body() -> Any:
        for _ in range(2):
            try:
                with abort_on_error():
                    barrier()
                    assert get_rank() == 0, "broken"
                    barrier()
            except (AssertionError, RemoteRankError) as error:
                last = error
        return last

    first, second = run(body)
    assert isinstance(first, RemoteRankError)
    assert isinstance(second, RemoteRankError)
    assert first.rank == second.rank == 1


def test_a_scope_inside_of_a_scope_belongs_to_it(run: Run) -> None:
    """A library may guard itself; the outer body stays in charge."""

    def body() -> Any:
        with abort_on_error() as outer:
            outer.phase = "train"
            with abort_on_error() as inner:
                inner.phase = "val"
            barrier()
            return inner is outer, outer.phase

    assert run(body) == [(True, "val")] * 2
