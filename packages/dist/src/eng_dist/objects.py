"""Python objects between ranks, by pickle.

Unpickling runs code of the sender's choice, so these are for the ranks of one job, which trust each
other; never for a group that a stranger can join.
"""

from typing import Any, TypeVar

from torch import distributed as torch_dist

from eng_dist.environment import Group, get_rank, get_world_size
from eng_dist.trace import announce

T = TypeVar("T")


def all_gather_object(data: T, group: Group = None) -> list[T]:
    """The `data` of every rank, in the order of ranks. For ranks of the same job only: it is pickled.

    >>> all_gather_object({'rank': 0})
    [{'rank': 0}]
    """
    size = get_world_size(group)
    if size < 2:
        return [data]
    gathered: list[Any] = [None] * size
    announce("all_gather_object", group)
    torch_dist.all_gather_object(gathered, data, group)
    return gathered


def gather_object(data: T, dst: int = 0, group: Group = None) -> list[T] | None:
    """On `dst` the `data` of every rank; None elsewhere. For ranks of the same job only: it is pickled."""
    size = get_world_size(group)
    if size < 2:
        return [data]
    gathered: list[Any] | None = [None] * size if get_rank() == dst else None
    announce(f"gather_object(dst={dst})", group)
    torch_dist.gather_object(data, gathered, dst, group)
    return gathered


def broadcast_object_list(data: list[Any], src: int = 0, group: Group = None) -> None:
    """Replace the items of `data` by those of `src`. For ranks of the same job only: they are pickled.

    The lists must be of one length on all ranks.
    """
    assert isinstance(data, list), f"expected a list of objects, but found {type(data).__name__}"
    if get_world_size(group) > 1:
        announce(f"broadcast_object_list(src={src}) of {len(data)} objects", group)
        torch_dist.broadcast_object_list(data, src, group)
