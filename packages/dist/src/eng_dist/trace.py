"""What each collective leaves behind before it starts: its name for the time-out's message, and in debug mode
a comparison with what the other ranks are about to do.

A collective that not all ranks enter, or not with the same shapes, hangs or mixes up data without a word.
"""

import os
from collections import Counter
from datetime import timedelta

from torch import Tensor
from torch import distributed as torch_dist

from eng_dist.environment import Group
from eng_dist.watcher import RankStatus

_status: RankStatus | None = None
_seconds: float | None = None
_numbers: Counter[str] = Counter()


class CollectiveMismatchError(RuntimeError):
    """The ranks are about to enter different collectives, or not all of them came; the message says who."""


def check_collectives(enabled: bool = True, *, seconds: float = 60.0) -> None:
    """Compare, before each collective, its name, shapes and types across ranks; all ranks must switch it on.

    It costs a few round trips per collective: for the search of a fault, not for a training. The variable
    ``ENG_DIST_DEBUG=1`` switches it on in `init_dist`. A rank that has not come after `seconds` is named. Only
    the collectives of this package are seen, not those inside of DDP.
    """
    global _seconds
    _seconds = seconds if enabled else None


def check_if_asked() -> None:
    """Switch the comparison on where the environment asks for it."""
    if os.environ.get("ENG_DIST_DEBUG", "0") not in ("", "0"):
        check_collectives()


def record_in(status: RankStatus | None) -> None:
    """From now on, note the collectives of the default group in `status`."""
    global _status
    _status = status


def forget_numbers() -> None:
    """Called when the process group ends: the next one counts from the start."""
    _numbers.clear()


def announce(name: str, group: Group, data: Tensor | None = None) -> None:
    """This rank is about to enter the collective `name` with `data`.

    Raises:
        CollectiveMismatchError: in debug mode, another rank has other plans, or none.
    """
    if _status is not None and group is None:
        _status.enter_collective(name)
    if _seconds is not None:
        text = name if data is None else f"{name} of {data.dtype} {tuple(data.shape)}"
        _compare(text, group, _seconds)


def _compare(text: str, group: Group, seconds: float) -> None:
    members = torch_dist.get_process_group_ranks(group)
    title = "the default group" if group is None else f"the group of ranks {members}"
    place = "default" if group is None else str(group.group_name)
    _numbers[place] += 1
    number = _numbers[place]
    store = torch_dist.distributed_c10d._get_default_store()
    me = torch_dist.get_rank()
    keys = {rank: f"eng/check/{place}/{number}/{rank}" for rank in members}
    store.set(keys[me], text)
    try:
        store.wait(list(keys.values()), timedelta(seconds=seconds))
    except torch_dist.DistStoreError as error:
        absent = [rank for rank in members if not store.check([keys[rank]])]
        raise CollectiveMismatchError(
            f"collective {number} of {title}: rank {me} is at {text}, but after {seconds:g} s "
            f"rank(s) {', '.join(map(str, absent))} have not come to any"
        ) from error
    plans = {rank: store.get(keys[rank]).decode() for rank in members}
    if number > 2:  # everybody has read those, or it would not be here
        store.delete_key(f"eng/check/{place}/{number - 2}/{me}")
    if len(set(plans.values())) > 1:
        listed = "; ".join(f"rank {rank}: {plan}" for rank, plan in plans.items())
        raise CollectiveMismatchError(f"collective {number} of {title} differs between ranks: {listed}")
