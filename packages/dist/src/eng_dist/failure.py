"""The first exception on any rank ends all of them."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import distributed as torch_dist

from eng_dist.environment import is_distributed


@contextmanager
def abort_on_error() -> Iterator[None]:
    """End the process group when the body raises, so that the other ranks do not wait for this one."""
    try:
        yield
    except BaseException:
        if is_distributed():
            torch_dist.distributed_c10d._abort_process_group()
        raise
