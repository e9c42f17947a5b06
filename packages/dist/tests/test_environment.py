import pytest

from eng_dist import (
    get_backend,
    get_default_group,
    get_dist_info,
    get_local_group,
    get_local_rank,
    get_local_size,
    is_distributed,
    is_main_process,
)


def test_one_process_is_rank_0_of_a_world_of_one() -> None:
    """Without a process group every question has an answer."""
    assert get_dist_info() == (0, 1)
    assert (get_local_rank(), get_local_size(), get_local_group()) == (0, 1, None)
    assert (is_distributed(), is_main_process(), get_backend()) == (False, True, None)


def test_the_default_group_of_one_process_is_torchs_error() -> None:
    """There is no group object to hand out before init_dist."""
    with pytest.raises(ValueError, match="Default process group has not been initialized"):
        get_default_group()
