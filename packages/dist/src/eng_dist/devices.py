"""The only place that asks which accelerator there is, and where data lies and travels."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from eng_dist.environment import Group, get_backends

CPU = torch.device("cpu")
HOST_BACKENDS = frozenset({"gloo", "mpi"})
"""Backends of host memory. torch lists them for CUDA too, where they lack some collectives."""


def get_device() -> torch.device:
    """The device that this process computes on: its current accelerator, or the CPU.

    >>> get_device().type in ('cpu', 'cuda', 'mps', 'xpu')
    True
    """
    if not torch.accelerator.is_available():
        return CPU
    kind = torch.accelerator.current_accelerator()
    assert kind is not None, "torch.accelerator is available, so it has a type"
    return torch.device(kind.type, torch.accelerator.current_device_index())


def is_cuda_available() -> bool:
    """Whether a CUDA (or ROCm) device can be used."""
    return torch.cuda.is_available()


def is_mps_available() -> bool:
    """Whether Apple's Metal device can be used."""
    return torch.backends.mps.is_available()


def get_max_memory_mib(device: torch.device | str | None = None, *, reset: bool = False) -> int:
    """The peak of the memory that tensors took on `device`, in MiB, rounded down.

    `device` is `get_device()` by default. The answer is 0 where torch keeps no peak (CPU, MPS). With
    `reset` the next answer counts from now.
    """
    where = get_device() if device is None else torch.device(device)
    if where.type in ("cpu", "mps", "meta"):
        return 0
    mib = torch.accelerator.max_memory_allocated(where) // 2**20
    if reset:
        torch.accelerator.reset_peak_memory_stats(where)
    return mib


def get_comm_device(group: Group = None) -> torch.device:
    """Where tensors of `group` travel fastest: the accelerator for NCCL and the like, or the CPU."""
    device = get_device()
    backend = get_backends(group).get(device.type)
    return CPU if backend is None or backend in HOST_BACKENDS else device


def get_host_device(group: Group = None) -> torch.device:
    """Where what lies in host memory travels: the CPU where `group` has a backend for it, else as `get_comm_device`."""
    return CPU if "cpu" in get_backends(group) else get_comm_device(group)


def get_travel_device(data: Tensor, group: Group = None) -> torch.device:
    """Where `data` travels: in host memory if it lies there and `group` can, else as `get_comm_device`."""
    return get_host_device(group) if data.device.type == "cpu" else get_comm_device(group)


def get_data_device(data: Any) -> torch.device:
    """The one device of all tensors in `data`: a tensor, or mappings and iterables of them, nested.

    >>> get_data_device({'image': torch.zeros(2), 'boxes': [torch.ones(4)]})
    device(type='cpu')

    Raises:
        TypeError: a leaf is not a tensor.
        ValueError: a container is empty, or the tensors lie on several devices.
    """
    if isinstance(data, Tensor):
        return data.device
    if isinstance(data, str | bytes) or not isinstance(data, Iterable):
        raise TypeError(
            f"expected tensors, or mappings and iterables of tensors, but found {type(data).__name__}"
        )
    parts = list(data.values() if isinstance(data, Mapping) else data)
    if not parts:
        raise ValueError(f"an empty {type(data).__name__} lies on no device")
    devices = sorted({get_data_device(part) for part in parts}, key=str)
    if len(devices) > 1:
        raise ValueError(f"the tensors lie on several devices: {', '.join(map(str, devices))}")
    return devices[0]


def cast_data_device(data: Any, device: torch.device | str, out: Any = None) -> Any:
    """`data` with every tensor moved to `device`, in containers of the same types.

    With `out`, of the same structure as `data`, the moved values are also written into `out`'s tensors.

    >>> cast_data_device({'a': [torch.zeros(1)]}, 'cpu')
    {'a': [tensor([0.])]}

    Raises:
        TypeError: a leaf is not a tensor, or `out` has another type than `data`, or is a set.
        ValueError: a container is empty, or `out` has another length than `data`.
    """
    if out is not None:
        if type(out) is not type(data):
            raise TypeError(f"out is a {type(out).__name__}, data is a {type(data).__name__}")
        if isinstance(out, set):
            raise TypeError("the items of a set have no order: results cannot be written into it")
    if isinstance(data, Tensor):
        moved = data.to(device)
        if out is not None:
            with torch.no_grad():
                out.copy_(moved)
        return moved
    if isinstance(data, str | bytes) or not isinstance(data, Iterable) or hasattr(data, "__array__"):
        raise TypeError(
            f"expected tensors, or mappings and iterables of tensors, but found {type(data).__name__}"
        )
    size = len(data)  # type: ignore[arg-type]  # an iterable without a length is refused right here
    if not size:
        raise ValueError(f"there is nothing to move in an empty {type(data).__name__}")
    if out is not None and len(out) != size:
        raise ValueError(f"data has {size} items, out has {len(out)}")
    if isinstance(data, Mapping):
        pairs = {
            key: cast_data_device(value, device, None if out is None else out[key])
            for key, value in data.items()
        }
        return type(data)(pairs)  # type: ignore[call-arg]  # mappings are made from mappings
    places = [None] * size if out is None else out
    items = [cast_data_device(item, device, place) for item, place in zip(data, places, strict=True)]
    return type(data)(*items) if hasattr(data, "_fields") else type(data)(items)  # type: ignore[call-arg]
