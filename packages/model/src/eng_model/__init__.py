"""BaseModel, preprocessors, initialisation, wrappers and weight averaging."""

from .anomalous import anomalous_params, detect_anomalous_params
from .base import BaseModel
from .losses import parse_losses
from .module import BaseModule, ModuleDict, ModuleList, Sequential
from .preprocess.base import BaseDataPreprocessor
from .preprocess.image import ImgDataPreprocessor
from .preprocess.stack import stack_batch
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
    "BaseDataPreprocessor",
    "BaseInit",
    "BaseModel",
    "BaseModule",
    "Caffe2XavierInit",
    "ConstantInit",
    "ImgDataPreprocessor",
    "KaimingInit",
    "MMDistributedDataParallel",
    "ModuleDict",
    "ModuleList",
    "NormalInit",
    "PretrainedInit",
    "Sequential",
    "TruncNormalInit",
    "UniformInit",
    "XavierInit",
    "anomalous_params",
    "bias_init_with_prob",
    "caffe2_xavier_init",
    "constant_init",
    "detect_anomalous_params",
    "initialize",
    "is_model_wrapper",
    "kaiming_init",
    "normal_init",
    "parse_losses",
    "stack_batch",
    "trunc_normal_init",
    "uniform_init",
    "update_init_info",
    "xavier_init",
]
