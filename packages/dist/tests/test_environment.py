from collections.abc import Callable
from typing import Any

import pytest

from eng_dist import (
    get_backend,
    get_default_group,
    get_dist_info,
    get_local_group,
    get_local_rank,
    get_local_size,
    get_rank,
    init_local_group,
    is_distributed,
    is_main_process,
)

Run = Callable[..., list[Any]]


def test_one_process_is_rank_0_of_a_world_of_one() -> None:
    """Without a process group every question has an answer."""
    assert get_dist_info() == (0, 1)
    assert (get_local_rank(), get_local_size(), get_local_group()) == (0, 1, None)
    assert (is_distributed(), is_main_process(), get_backend()) == (False, True, None)


def test_the_default_group_of_one_process_is_torchs_error() -> None:
    """There is no group object to hand out before init_dist."""
    with pytest.raises(ValueError, match="Default process group has not been initialized"):
        get_default_group()


def test_two_ranks_know_their_places(run: Run) -> None:
    """Rank first, then world size; the default group is what None means."""

    def body() -> Any:
        return get_dist_info(), get_dist_info(get_default_group()), is_main_process(), get_backend()

    assert run(body) == [((0, 2), (0, 2), True, "gloo"), ((1, 2), (1, 2), False, "gloo")]


def test_the_local_group_has_the_ranks_of_one_machine(run: Run) -> None:
    """Three ranks on machines of two: the last machine has one."""

    def body() -> Any:
        init_local_group(get_rank() // 2, 2)
        return get_local_rank(), get_local_size()

    assert run(body, 3) == [(0, 2), (1, 2), (0, 1)]


def test_the_local_group_is_asked_for_after_it_was_made_and_made_once(run: Run) -> None:
    """Both mistakes say what to do."""

    def body() -> list[str]:
        said = []
        try:
            get_local_rank()
        except RuntimeError as error:
            said.append(str(error))
        init_local_group(0, 2)
        try:
            init_local_group(0, 2)
        except AssertionError as error:
            said.append(str(error))
        return said

    for said in run(body):
        assert [text.split(":")[0].split(";")[0] for text in said] == [
            "no local group yet",
            "the local group was made already",
        ]
