"""Python objects between ranks, by pickle.

Unpickling runs code of the sender's choice, so these are for the ranks of one job, which trust each
other; never for a group that a stranger can join.

torch's own object collectives need numpy, which this package does without; these do not, and copy less. An object
travels in two messages: how long it is, and its bytes. Bytes of unlike length are padded to the longest. They stay in
host memory where the group has a backend for it: the results of all ranks may not fit into that of an accelerator.
"""

import ctypes
import io
import pickle
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch import distributed as torch_dist

from eng_dist.devices import get_host_device
from eng_dist.environment import Group, get_rank, get_world_size
from eng_dist.trace import announce

T = TypeVar("T")


def all_gather_object(data: T, group: Group = None) -> list[T]:
    """The `data` of every rank, in the order of ranks. For ranks of the same job only: it is pickled.

    >>> all_gather_object({'rank': 0})
    [{'rank': 0}]
    """
    if get_world_size(group) < 2:
        return [data]
    announce("all_gather_object", group)
    mine, lengths = _padded(data, group)
    gathered = [torch.empty_like(mine) for _ in lengths]
    torch_dist.all_gather(gathered, mine, group)
    return [_unpickled(part[:length]) for part, length in zip(gathered, lengths, strict=True)]


def gather_object(data: T, dst: int = 0, group: Group = None) -> list[T] | None:
    """On `dst` the `data` of every rank, elsewhere None. For ranks of the same job only: it is pickled."""
    if get_world_size(group) < 2:
        return [data]
    announce(f"gather_object(dst={dst})", group)
    mine, lengths = _padded(data, group)
    gathered = [torch.empty_like(mine) for _ in lengths] if get_rank() == dst else None
    torch_dist.gather(mine, gathered, dst, group)
    if gathered is None:
        return None
    return [_unpickled(part[:length]) for part, length in zip(gathered, lengths, strict=True)]


def broadcast_object_list(data: list[Any], src: int = 0, group: Group = None) -> None:
    """Replace the items of `data` on every rank by those of `src`; the list object stays.

    For ranks of the same job only: the items are pickled.
    """
    assert isinstance(data, list), f"expected a list of objects, but found {type(data).__name__}"
    if get_world_size(group) < 2:
        return
    announce(f"broadcast_object_list(src={src}) of {len(data)} objects", group)
    here = get_rank() == src
    content = _pickled(data, group) if here else torch.empty(0, dtype=torch.uint8)
    length = torch.tensor([content.numel()], device=get_host_device(group))
    torch_dist.broadcast(length, src, group)
    if not here:
        content = torch.empty(int(length), dtype=torch.uint8, device=length.device)
    torch_dist.broadcast(content, src, group)
    if not here:
        data[:] = _unpickled(content)


def _padded(data: object, group: Group) -> tuple[Tensor, list[int]]:
    """The bytes of `data`, as many as the longest of all ranks has, and how many of each rank's count."""
    content = _pickled(data, group)
    length = torch.tensor([content.numel()], device=content.device)
    lengths = [torch.empty_like(length) for _ in range(get_world_size(group))]
    torch_dist.all_gather(lengths, length, group)
    counts = [int(each) for each in lengths]
    if content.numel() < max(counts):
        content = torch.cat([content, content.new_zeros(max(counts) - content.numel())])
    return content, counts


def _pickled(data: object, group: Group) -> Tensor:
    buffer = io.BytesIO()
    pickle.dump(data, buffer, protocol=pickle.HIGHEST_PROTOCOL)
    return torch.frombuffer(buffer.getbuffer(), dtype=torch.uint8).to(get_host_device(group))


def _unpickled(content: Tensor) -> Any:
    here = content.cpu()
    return pickle.loads((ctypes.c_char * here.numel()).from_address(here.data_ptr()))
