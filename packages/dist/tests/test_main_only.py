from collections.abc import Callable
from typing import Any

from eng_dist import master_only

Run = Callable[..., list[Any]]


@master_only
def double(value: int, *, plus: int = 0) -> int:
    """Twice the value."""
    return 2 * value + plus


def test_one_process_runs_it() -> None:
    """Arguments and result pass; name and docstring stay."""
    assert double(3, plus=1) == 7
    assert (double.__name__, double.__doc__) == ("double", "Twice the value.")


def test_only_rank_0_runs_it(run: Run) -> None:
    """The others get None at once."""
    assert run(lambda: double(3)) == [6, None]
