"""Who am I in the job: rank, world size, backend and groups.

Every question has an answer without a process group too: rank 0 of a world of one. Code that asks
here needs no ``if distributed``. Starting the group is in `launch`, talking over it in `collectives`.
"""

from typing import TypeAlias

from torch import distributed as torch_dist

from eng_dist.connections import remember_connections

Group: TypeAlias = "torch_dist.ProcessGroup | None"

_local_group: Group = None


def is_distributed() -> bool:
    """Whether a default process group exists in this process.

    >>> is_distributed()
    False
    """
    return torch_dist.is_available() and torch_dist.is_initialized()


def get_backend(group: Group = None) -> str | None:
    """The name of the backend of `group` (``'gloo'``, ``'nccl'``), None in a single process.

    Of a group with one backend per type of device (``'cpu:gloo,cuda:nccl'``) it is that of the accelerator.
    """
    backends = get_backends(group)
    return next((backends[kind] for kind in backends if kind != "cpu"), backends.get("cpu"))


def get_backends(group: Group = None) -> dict[str, str]:
    """The backend of `group` by type of device, ``{'cpu': 'gloo', 'cuda': 'nccl'}``; empty in a single process."""
    if not is_distributed():
        return {}
    return parse_backends(torch_dist.get_backend_config(group))


def parse_backends(config: str) -> dict[str, str]:
    """torch's text form of several backends as a mapping.

    >>> parse_backends('cpu:gloo,cuda:nccl')
    {'cpu': 'gloo', 'cuda': 'nccl'}
    """
    pairs = (pair.partition(":") for pair in config.split(","))
    return {kind.strip(): backend.strip() for kind, _, backend in pairs}


def get_world_size(group: Group = None) -> int:
    """How many ranks `group` has; -1 on a rank outside of it, as torch answers."""
    return torch_dist.get_world_size(group) if is_distributed() else 1


def get_rank(group: Group = None) -> int:
    """The number of this process inside `group`; -1 on a rank outside of it, as torch answers."""
    return torch_dist.get_rank(group) if is_distributed() else 0


def get_dist_info(group: Group = None) -> tuple[int, int]:
    """``(rank, world_size)``.

    >>> get_dist_info()
    (0, 1)
    """
    return get_rank(group), get_world_size(group)


def is_main_process(group: Group = None) -> bool:
    """Whether this is rank 0, the one that writes files and draws."""
    return get_rank(group) == 0


def get_default_group() -> Group:
    """torch's default group.

    Raises:
        ValueError: no process group has been started (torch's own error).
    """
    return torch_dist.distributed_c10d._get_default_group()


def init_local_group(node_rank: int, num_gpus_per_node: int) -> None:
    """Make the group of the ranks that share this machine; every rank of the job must call it, once.

    Ranks ``[node_rank * num_gpus_per_node, (node_rank + 1) * num_gpus_per_node)`` form the group of node
    `node_rank`. torch wants all ranks to take part in the making of every group, hence the loop.
    """
    global _local_group
    assert _local_group is None, "the local group was made already; init_local_group is called once"
    for first in range(0, get_world_size(), num_gpus_per_node):
        ranks = list(range(first, min(first + num_gpus_per_node, get_world_size())))
        with remember_connections():
            group = torch_dist.new_group(ranks)
        if first == node_rank * num_gpus_per_node:
            _local_group = group


def get_local_group() -> Group:
    """The group made by `init_local_group`; None in a single process.

    Raises:
        RuntimeError: the job is distributed and the group was not made.
    """
    if not is_distributed():
        return None
    if _local_group is None:
        raise RuntimeError(
            "no local group yet: every rank calls init_local_group(node_rank, num_gpus_per_node) first"
        )
    return _local_group


def get_local_size() -> int:
    """How many ranks share this machine; RuntimeError as in `get_local_group`."""
    return get_world_size(get_local_group())


def get_local_rank() -> int:
    """The number of this process among those of its machine; RuntimeError as in `get_local_group`."""
    return get_rank(get_local_group())


def forget_local_group() -> None:
    """Called when the process group ends, so that the next one may make its own local group."""
    global _local_group
    _local_group = None


def global_rank_of_first(group: Group) -> int:
    """The global rank of the first member of `group`: what torch wants as `src` and `dst`."""
    return 0 if group is None else torch_dist.get_global_rank(group, 0)
