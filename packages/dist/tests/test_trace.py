from collections.abc import Callable
from typing import Any

import torch

from eng_dist import (
    CollectiveMismatchError,
    all_gather,
    all_reduce,
    barrier,
    broadcast_object_list,
    check_collectives,
    get_rank,
)

Run = Callable[..., list[Any]]


def checked(*bodies: Callable[[], Any]) -> Callable[[], Any]:
    """Rank r runs the r-th body, with every collective compared first; what it says of the difference."""

    def body() -> Any:
        check_collectives(seconds=1.0)
        try:
            barrier()
            bodies[get_rank()]()
        except CollectiveMismatchError as error:
            return str(error)

    return body


def test_equal_calls_pass(run: Run) -> None:
    """A long row of them leaves the store as small as it was."""

    def same() -> None:
        for _ in range(5):
            all_reduce(torch.ones(3))
            broadcast_object_list(["x"])

    assert run(checked(same, same)) == [None, None]


def test_unlike_shapes_are_told_apart_by_rank(run: Run) -> None:
    """gloo would mix them up or hang."""
    said = run(checked(lambda: all_gather(torch.ones(3)), lambda: all_gather(torch.ones(4).int())))
    assert said[0] == said[1]
    assert said[0] == (
        "collective 2 of the default group differs between ranks: "
        "rank 0: all_gather of torch.float32 (3,); rank 1: all_gather of torch.int32 (4,)"
    )


def test_another_order_of_calls_is_told(run: Run) -> None:
    """One rank reduces while the other waits at a barrier."""
    said = run(checked(lambda: all_reduce(torch.ones(1), "max"), barrier))
    assert "rank 0: all_reduce(max) of torch.float32 (1,); rank 1: barrier" in said[0]


def test_a_rank_that_does_not_come_is_named(run: Run) -> None:
    """A branch that only rank 0 takes."""
    said = run(checked(barrier, lambda: None))
    assert said == [
        "collective 2 of the default group: rank 0 is at barrier, but after 1 s rank(s) 1 have not come to any",
        None,
    ]
