"""Make a collective return that waits for a rank which will never come.

NCCL and its like can be aborted. gloo cannot: its call returns when a connection breaks, so we break those
that were opened with our groups, from this side. The job is over when this is called.
"""

from contextlib import suppress

from torch import distributed as torch_dist

from eng_dist.backends import of_accelerators
from eng_dist.connections import shut_connections


def break_off() -> None:
    """Make every collective of this process fail, those that are waiting at once."""
    for group in list(torch_dist.distributed_c10d._world.pg_map):  # a mesh has groups of its own
        for backend in of_accelerators(group):
            with suppress(RuntimeError):  # it cannot be aborted, or has ended meanwhile
                backend.abort()
    shut_connections()
