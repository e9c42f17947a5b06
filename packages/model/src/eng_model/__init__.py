"""BaseModel, preprocessors, initialisation, wrappers and weight averaging."""

from .anomalous import anomalous_params, detect_anomalous_params
from .averaging.base import BaseAveragedModel
from .averaging.weighted import (
    ExponentialMovingAverage,
    MomentumAnnealingEMA,
    StochasticWeightAverage,
    WeightedAverage,
)
from .base import BaseModel
from .losses import parse_losses
from .merge import merge_dict
from .module import BaseModule, ModuleDict, ModuleList, Sequential
from .norm import BatchNormAnyDim, convert_sync_batchnorm, revert_sync_batchnorm
from .preprocess.base import BaseDataPreprocessor
from .preprocess.image import ImgDataPreprocessor
from .preprocess.stack import stack_batch
from .tta import BaseTTAModel
from .weights.apply import (
    BaseInit,
    Caffe2XavierInit,
    ConstantInit,
    KaimingInit,
    NormalInit,
    TruncNormalInit,
    UniformInit,
    XavierInit,
    initialize,
)
from .weights.pretrained import PretrainedInit
from .weights.record import update_init_info
from .weights.rules import (
    bias_init_with_prob,
    caffe2_xavier_init,
    constant_init,
    kaiming_init,
    normal_init,
    trunc_normal_init,
    uniform_init,
    xavier_init,
)
from .wrappers.ddp import MMDistributedDataParallel
from .wrappers.kinds import is_model_wrapper

__all__ = [
    "BaseAveragedModel",
    "BaseDataPreprocessor",
    "BaseInit",
    "BaseModel",
    "BaseModule",
    "BaseTTAModel",
    "BatchNormAnyDim",
    "Caffe2XavierInit",
    "ConstantInit",
    "ExponentialMovingAverage",
    "ImgDataPreprocessor",
    "KaimingInit",
    "MMDistributedDataParallel",
    "ModuleDict",
    "ModuleList",
    "MomentumAnnealingEMA",
    "NormalInit",
    "PretrainedInit",
    "Sequential",
    "StochasticWeightAverage",
    "TruncNormalInit",
    "UniformInit",
    "WeightedAverage",
    "XavierInit",
    "anomalous_params",
    "bias_init_with_prob",
    "caffe2_xavier_init",
    "constant_init",
    "convert_sync_batchnorm",
    "detect_anomalous_params",
    "initialize",
    "is_model_wrapper",
    "kaiming_init",
    "merge_dict",
    "normal_init",
    "parse_losses",
    "revert_sync_batchnorm",
    "stack_batch",
    "trunc_normal_init",
    "uniform_init",
    "update_init_info",
    "xavier_init",
]
