"""Names of torch that old code took from MMEngine, from the time when it ran on other frameworks too."""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec

import torch
from torch import Tensor
from torch.hub import load_state_dict_from_url
from torch.nn import SyncBatchNorm
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.nn.modules.instancenorm import _InstanceNorm
from torch.nn.modules.pooling import _AdaptiveAvgPoolNd, _AdaptiveMaxPoolNd, _AvgPoolNd, _MaxPoolNd
from torch.utils.data import DataLoader

__all__ = [
    "TORCH_VERSION",
    "DataLoader",
    "PoolDataLoader",
    "SyncBatchNorm",
    "SyncBatchNorm_",
    "_AdaptiveAvgPoolNd",
    "_AdaptiveMaxPoolNd",
    "_AvgPoolNd",
    "_BatchNorm",
    "_ConvNd",
    "_ConvTransposeMixin",
    "_InstanceNorm",
    "_MaxPoolNd",
    "get_build_config",
    "is_jit_tracing",
    "is_rocm_pytorch",
    "load_url",
    "mmcv_full_available",
    "torch_meshgrid",
]

TORCH_VERSION = torch.__version__
PoolDataLoader = DataLoader
SyncBatchNorm_ = SyncBatchNorm
_ConvTransposeMixin = _ConvTransposeNd

load_url = partial(load_state_dict_from_url, weights_only=True)
"""torch's, but a file that holds more than tensors and plain values is refused unless `weights_only=False`."""


def get_build_config() -> str:
    """How torch was built."""
    return torch.__config__.show()


def is_rocm_pytorch() -> bool:
    """Whether torch was built for AMD's GPUs."""
    return torch.version.hip is not None


def is_jit_tracing() -> bool:
    """Whether torch records what is called right now."""
    return torch._C._get_tracing_state() is not None


def mmcv_full_available() -> bool:
    """Whether mmcv is installed with its compiled operators."""
    return find_spec("mmcv") is not None and find_spec("mmcv._ext") is not None


def torch_meshgrid(*tensors: Tensor) -> tuple[Tensor, ...]:
    """`torch.meshgrid` with the first tensor along the rows."""
    return torch.meshgrid(*tensors, indexing="ij")
