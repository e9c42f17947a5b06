"""Many processes that are not there, to see on one machine what hundreds would meet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn


@contextmanager
def as_if(world_size: int) -> Iterator[None]:
    """This process is rank 0 of so many; what is sent to the others is lost, and what they would send is not there.

    For counting and for shapes: numbers that a collective brings are meaningless.
    """
    from torch import distributed
    from torch.testing._internal.distributed.fake_pg import FakeStore

    if distributed.is_initialized():
        raise RuntimeError(
            "this process belongs to a group already; check a world of another size in one of its own"
        )
    distributed.init_process_group("fake", store=FakeStore(), rank=0, world_size=world_size)
    try:
        yield
    finally:
        distributed.destroy_process_group()


def answer_alone(model: nn.Module) -> None:
    """Let DDP take its own gradients for those of all: the processes that are not there answer nothing at all."""
    from torch.futures import Future
    from torch.nn.parallel import DistributedDataParallel

    def answered(value: Tensor) -> Future[Tensor]:
        answer: Future[Tensor] = Future()
        answer.set_result(value)
        return answer

    if isinstance(model, DistributedDataParallel):  # which reads the annotations of a hook: a lambda has none
        model.register_comm_hook(None, lambda state, bucket: answered(bucket.buffer()))
