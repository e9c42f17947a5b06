"""Tensors between ranks. Each collective is a few lines in one shared frame.

The frame (`_travel`) moves the data to a device that the group has a backend for and the result back to where the
caller had it, outside of autograd. What lies in host memory stays there where the group has a backend for it.
In a world of one, and on a rank outside of `group`, nothing travels: every function returns what rank 0 of a world
of one would have. `src` and `dst` are global ranks, as in torch.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch import distributed as torch_dist

from eng_dist.devices import CPU, get_comm_device, get_host_device, get_travel_device
from eng_dist.environment import Group, get_rank, get_world_size
from eng_dist.trace import announce

_REDUCE_OPS = {
    "sum": torch_dist.ReduceOp.SUM,
    "mean": torch_dist.ReduceOp.SUM,
    "product": torch_dist.ReduceOp.PRODUCT,
    "min": torch_dist.ReduceOp.MIN,
    "max": torch_dist.ReduceOp.MAX,
    "band": torch_dist.ReduceOp.BAND,
    "bor": torch_dist.ReduceOp.BOR,
    "bxor": torch_dist.ReduceOp.BXOR,
}


def barrier(group: Group = None) -> None:
    """Wait until every rank of `group` is here."""
    if get_world_size(group) > 1:
        announce("barrier", group)
        device = get_comm_device(group)
        if device == CPU:
            torch_dist.barrier(group)
        elif (
            get_host_device(group) == CPU
        ):  # torch's own barrier would take the accelerator, and wait for its queue
            torch_dist.all_reduce(torch.zeros(1), group=group)
        else:
            torch_dist.barrier(group, device_ids=[device.index])


def all_reduce(data: Tensor, op: str = "sum", group: Group = None) -> None:
    """Replace `data`, on every rank, by the reduction of all ranks' `data`.

    `op` is one of sum, mean, product, min, max, band, bor, bxor in any case. The mean is written back
    in the type of `data`: for integers it is cut towards zero.

    >>> loss = torch.tensor([1.0, 3.0])
    >>> all_reduce(loss, 'mean')
    >>> loss
    tensor([1., 3.])

    Raises:
        ValueError: `op` is none of them.
    """
    name = _checked(op)
    size = get_world_size(group)
    if size > 1:
        with _travel(f"all_reduce({name})", data, group) as there:
            torch_dist.all_reduce(there, _REDUCE_OPS[name], group)
            if name == "mean":
                there.copy_(there / size)


def all_gather(data: Tensor, group: Group = None) -> list[Tensor]:
    """The `data` of every rank, in the order of ranks; equal shapes are required."""
    size = get_world_size(group)
    if size < 2:
        return [data]
    there = _sent("all_gather", data, group)
    gathered = [torch.empty_like(there) for _ in range(size)]
    torch_dist.all_gather([_bytes(part) for part in gathered], _bytes(there), group)
    return [part.to(data.device) for part in gathered]


def gather(data: Tensor, dst: int = 0, group: Group = None) -> list[Tensor]:
    """On `dst` the `data` of every rank, in the order of ranks; elsewhere an empty list."""
    size = get_world_size(group)
    if size < 2:
        return [data]
    there = _sent(f"gather(dst={dst})", data, group)
    gathered = [torch.empty_like(there) for _ in range(size)] if get_rank() == dst else []
    torch_dist.gather(_bytes(there), [_bytes(part) for part in gathered] or None, dst, group)
    return [part.to(data.device) for part in gathered]


def broadcast(data: Tensor, src: int = 0, group: Group = None) -> None:
    """Replace `data` on every rank by that of `src`."""
    if get_world_size(group) > 1:
        with _travel(f"broadcast(src={src})", data, group) as there:
            torch_dist.broadcast(_bytes(there), src, group)


def all_reduce_dict(data: dict[str, Tensor], op: str = "sum", group: Group = None) -> None:
    """`all_reduce` every value of `data`, in one message per type of number.

    The keys must be the same on all ranks; their order need not be.

    >>> metrics = {'loss': torch.tensor(2.0), 'count': torch.tensor([4])}
    >>> all_reduce_dict(metrics)
    >>> metrics['count']
    tensor([4])
    """
    assert isinstance(data, dict), f"expected a dict of tensors, but found {type(data).__name__}"
    _checked(op)
    if get_world_size(group) > 1:
        all_reduce_params((data[key] for key in sorted(data)), op=op, group=group)


def all_reduce_params(
    params: Iterable[Tensor],
    coalesce: bool = True,
    bucket_size_mb: float = -1,
    op: str = "sum",
    group: Group = None,
) -> None:
    """`all_reduce` many tensors (parameters, ``model.buffers()``) in place.

    With `coalesce` those of one type and device travel together, in messages of at most
    `bucket_size_mb` MiB where that is positive; else each travels alone.
    """
    _checked(op)
    if get_world_size(group) < 2:
        return
    tensors = [param.detach() for param in params]
    if not coalesce:
        for tensor in tensors:
            all_reduce(tensor, op, group)
        return
    for bucket in _buckets(tensors, int(bucket_size_mb * 2**20)):
        flat = torch.cat([tensor.reshape(-1) for tensor in bucket])
        all_reduce(flat, op, group)
        for tensor, part in zip(
            bucket, torch.split(flat, [tensor.numel() for tensor in bucket]), strict=True
        ):
            tensor.copy_(part.view_as(tensor))


@contextmanager
def _travel(name: str, data: Tensor, group: Group) -> Iterator[Tensor]:
    """`data` where the backend can reach it; what was done to it there is written back to `data`."""
    there = _sent(name, data, group)
    yield there
    here = data.detach()
    if there.data_ptr() != here.data_ptr() or there.device != here.device:
        here.copy_(there)


def _sent(name: str, data: Tensor, group: Group) -> Tensor:
    """A contiguous `data` where a backend reaches it, without history, ready for the collective `name`."""
    announce(name, group, data)
    return data.detach().to(get_travel_device(data, group)).contiguous()


def _bytes(there: Tensor) -> Tensor:
    """The memory of `there`: what is only moved can be of any type, also of those that gloo does not know."""
    return there.reshape(-1).view(torch.uint8)


def _checked(op: str) -> str:
    name = op.lower()
    if name not in _REDUCE_OPS:
        raise ValueError(f"there is no reduction {op!r}; there are {', '.join(sorted(_REDUCE_OPS))}")
    return name


def _buckets(tensors: list[Tensor], limit: int) -> Iterator[list[Tensor]]:
    """Tensors of one type and device together, in order; at most `limit` bytes a bucket if positive."""
    kinds: dict[tuple[torch.dtype, torch.device], list[Tensor]] = {}
    for tensor in tensors:
        kinds.setdefault((tensor.dtype, tensor.device), []).append(tensor)
    for alike in kinds.values():
        bucket: list[Tensor] = []
        filled = 0
        for tensor in alike:
            if bucket and 0 < limit < filled + tensor.nbytes:
                yield bucket
                bucket, filled = [], 0
            bucket.append(tensor)
            filled += tensor.nbytes
        yield bucket
