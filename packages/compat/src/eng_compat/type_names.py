"""Names of types that downstream code writes into its signatures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy
import torch
from torch import Tensor
from torch.optim import Optimizer

from eng_config import Config, ConfigDict
from eng_optim import BaseOptimWrapper, OptimWrapper, OptimWrapperDict, ParamScheduler
from eng_structures import BaseDataElement, InstanceData

__all__ = [
    "DATA_BATCH",
    "INF",
    "SUFFIX_TYPE",
    "BoolTypeTensor",
    "CastData",
    "ConfigType",
    "EnhancedBatchDataSamples",
    "EnhancedBatchInputs",
    "ImgType",
    "IndexType",
    "InputType",
    "InputsType",
    "InstanceList",
    "LongTypeTensor",
    "MergedDataSamples",
    "ModelType",
    "OptimWrapperType",
    "OptimizerType",
    "ParamSchedulerType",
    "ResType",
]

INF = 10**9
"""An end that no training reaches."""

ConfigType = dict[str, Any] | Config | ConfigDict
OptimizerType = BaseOptimWrapper | Optimizer
OptimWrapperType = OptimWrapper | OptimWrapperDict
ParamSchedulerType = list[ParamScheduler] | dict[str, list[ParamScheduler]]

DATA_BATCH = dict[str, Any] | tuple[Any, ...] | list[Any] | None
SUFFIX_TYPE = Sequence[str] | str
CastData = tuple[Any, ...] | dict[str, Any] | BaseDataElement | Tensor | list[Any] | bytes | str | None

ImgType = numpy.ndarray | Sequence[numpy.ndarray]
InputType = str | numpy.ndarray | Tensor
InputsType = InputType | Sequence[InputType]
InstanceList = list[InstanceData]
ModelType = dict[str, Any] | Config | ConfigDict | str
ResType = dict[str, Any] | list[dict[str, Any]]

BoolTypeTensor = torch.BoolTensor
LongTypeTensor = torch.LongTensor
IndexType = str | slice | int | list[Any] | LongTypeTensor | BoolTypeTensor | numpy.ndarray

EnhancedBatchInputs = list[Tensor | list[Tensor]]
EnhancedBatchDataSamples = list[list[BaseDataElement]]
MergedDataSamples = list[BaseDataElement]
