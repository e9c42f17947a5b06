from collections.abc import Callable
from typing import Any

import pytest

from eng_dist import all_gather_object, broadcast_object_list, gather_object, get_rank

Run = Callable[..., list[Any]]


def test_in_one_process_the_objects_stay_themselves() -> None:
    """Nothing is pickled."""
    data = {"a": object()}
    items = [data]
    broadcast_object_list(items)
    assert items[0] is data
    assert all_gather_object(data)[0] is data
    assert (gather_object(data) or [])[0] is data


def test_objects_of_all_sizes_come_in_the_order_of_ranks(run: Run) -> None:
    """gather_object answers only dst."""

    def body() -> Any:
        mine = {"rank": get_rank(), "text": "x" * (1 + 1000 * get_rank())}
        return [len(each["text"]) for each in all_gather_object(mine)], gather_object(get_rank(), dst=1)

    assert run(body) == [([1, 1001], None), ([1, 1001], [0, 1])]


def test_a_list_is_replaced_in_place_by_that_of_src(run: Run) -> None:
    """The list object stays the caller's."""

    def body() -> Any:
        data: list[Any] = ["a", {"b": 1}] if get_rank() == 1 else [None, None]
        broadcast_object_list(data, src=1)
        return data

    assert run(body) == [["a", {"b": 1}]] * 2


def test_only_a_list_can_be_replaced_in_place() -> None:
    """The mistake shows in one process too."""
    with pytest.raises(AssertionError, match="expected a list of objects, but found dict"):
        broadcast_object_list({})  # type: ignore[arg-type]
