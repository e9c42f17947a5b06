"""Choose the backend of each type of device.

A group with NCCL alone cannot move tensors in host memory: pickled results, offloaded weights, states of generators. So
gloo is added for the CPU to the backend of an accelerator.
"""

import logging
from typing import Any

import torch
from torch import distributed as torch_dist

from eng_dist.devices import HOST_BACKENDS, get_device
from eng_dist.environment import parse_backends

logger = logging.getLogger(__name__)


def choose_backends(backend: str | None) -> str:
    """Return the `backend` argument for torch: the requested one, with gloo added for the CPU where it is lacking.

    None means the backend of this process's device. NCCL is replaced by gloo where there is no CUDA.

    >>> choose_backends('cpu:gloo')
    'gloo'
    """
    asked = backend or torch_dist.get_default_backend_for_device(get_device())
    served = _served_by(asked)
    if served is None or set(served.values()) == {"gloo"}:
        return "gloo" if served else asked
    if "cpu" in served:
        return _spelled(served) if ":" in asked else asked
    return _spelled({"cpu": "gloo"} | served)


def accelerator_backend(backends: str) -> str | None:
    """Return the backend of this process's accelerator in `backends`; None if it is gloo or MPI."""
    served = parse_backends(backends).get(get_device().type) if ":" in backends else None
    return None if served in HOST_BACKENDS else served


def of_accelerators(group: Any) -> list[Any]:
    """Return torch's backend objects for the accelerators of `group`; a reference to one keeps the group alive."""
    served = parse_backends(torch_dist.get_backend_config(group))
    return [group._get_backend(torch.device(kind)) for kind in served if served[kind] not in HOST_BACKENDS]


def _served_by(asked: str) -> dict[str, str] | None:
    """Return the backend of each type of device; None for a name that torch does not know."""
    name = asked.lower()
    kinds = torch_dist.Backend.backend_capability.get(name)
    if ":" not in name and kinds is None:
        return None
    served = parse_backends(name) if ":" in name else dict.fromkeys(kinds or (), name)
    if "nccl" in served.values() and not torch.cuda.is_available():
        logger.info("backend %r needs CUDA, which is not available here: using 'gloo'", asked)
        served = {kind: each for kind, each in served.items() if each != "nccl"} or {"cpu": "gloo"}
    return served


def _spelled(served: dict[str, str]) -> str:
    return ",".join(f"{kind}:{backend}" for kind, backend in served.items())
