"""Objects of all ranks on the main process, and its answer on all ranks.

What crosses arrives equal, with its tensors on the CPU and without history; how is in `packing`. Ranks of one
job trust each other: what they send is unpickled.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import torch

from eng_dist import broadcast_object_list, collect_results, get_world_size, is_main_process
from eng_evaluator.errors import MetricFailedError
from eng_evaluator.packing import as_unpacked, pack, unpack
from eng_structures import BaseDataElement

T = TypeVar("T")
R = TypeVar("R")


def gather_parts(part: T, *, device: str = "cpu", folder: str | None = None) -> list[T] | None:
    """On the main process the `part` of every rank, in the order of ranks; None on the others.

    `device` is where the bytes travel ('cpu', 'gpu', 'npu'); with `folder`, which all ranks must see, they
    travel in files there.

    Raises:
        NotImplementedError: there is no such `device`.
    """
    world_size = get_world_size()
    if world_size == 1:
        return collect_results([part], 1, device, folder)
    if not is_main_process():
        collect_results([pack(part)], world_size, device, folder)
        return None
    mine = as_unpacked(part)  # what is here already does not travel
    payloads = collect_results([b""], world_size, device, folder) or []
    return [mine, *map(unpack, payloads[1:])]


def answer_all(ask: Callable[[], R]) -> R:
    """What `ask` returns on the main process, on every rank. It is not called on the others.

    Raises:
        MetricFailedError: on the other ranks, if `ask` raises on the main process; there the error itself.
    """
    if get_world_size() == 1:
        return ask()
    answer: list[Any] = [None, None]
    if not is_main_process():
        broadcast_object_list(answer)
        if answer[1] is not None:
            raise MetricFailedError(answer[1])
        return unpack(answer[0])  # type: ignore[no-any-return]
    try:
        result = ask()
        answer[0] = pack(result)
    except BaseException as error:
        answer[1] = f"rank 0 failed while it computed metrics: {type(error).__name__}: {error}"
        broadcast_object_list(answer)
        raise
    broadcast_object_list(answer)
    return result


def to_cpu(data: Any) -> Any:
    """The same with every tensor and data element on the CPU without history, through dicts, lists and tuples.

    >>> to_cpu({'a': [torch.tensor(1)]})
    {'a': [tensor(1)]}
    """
    if isinstance(data, torch.Tensor | BaseDataElement):
        return data.detach().to("cpu")
    if type(data) is dict:
        return {key: to_cpu(value) for key, value in data.items()}
    if isinstance(data, list):
        return [to_cpu(value) for value in data]
    if isinstance(data, tuple):
        moved = [to_cpu(value) for value in data]
        return type(data)(*moved) if hasattr(data, "_fields") else tuple(moved)
    return data
