"""BaseModel, preprocessors, initialisation, wrappers and weight averaging.

`MMFullyShardedDataParallel` is imported when it is first asked for: torch's sharding takes a second.
"""

from typing import TYPE_CHECKING, Any

from .activation_checkpointing import turn_on_activation_checkpointing
from .averaging.base import BaseAveragedModel
from .averaging.weighted import (
    ExponentialMovingAverage,
    MomentumAnnealingEMA,
    StochasticWeightAverage,
    WeightedAverage,
)
from .base import BaseModel
from .compile import compile_model
from .complexity.analysis import (
    ActivationAnalyzer,
    ComplexityAnalysis,
    FlopAnalyzer,
    activation_count,
    flop_count,
)
from .complexity.info import complexity_stats_str, complexity_stats_table, get_model_complexity_info
from .complexity.parameters import parameter_count, parameter_count_table
from .conv_bn import turn_on_efficient_conv_bn_eval
from .dict_merge import merge_dict
from .errors import ParameterError
from .losses import parse_losses
from .materialize import materialize
from .module import BaseModule, ModuleDict, ModuleList, Sequential
from .norm import BatchNormAnyDim, convert_sync_batchnorm, revert_sync_batchnorm
from .preprocess.base import BaseDataPreprocessor
from .preprocess.image import ImgDataPreprocessor
from .preprocess.stack import stack_batch
from .select import select_modules
from .tta import BaseTTAModel
from .unused_parameters import anomalous_params, detect_anomalous_params
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
from .wrappers.separate import MMSeparateDistributedDataParallel

if TYPE_CHECKING:
    from .wrappers.fsdp import MMFullyShardedDataParallel

__all__ = [
    "ActivationAnalyzer",
    "BaseAveragedModel",
    "BaseDataPreprocessor",
    "BaseInit",
    "BaseModel",
    "BaseModule",
    "BaseTTAModel",
    "BatchNormAnyDim",
    "Caffe2XavierInit",
    "ComplexityAnalysis",
    "ConstantInit",
    "ExponentialMovingAverage",
    "FlopAnalyzer",
    "ImgDataPreprocessor",
    "KaimingInit",
    "MMDistributedDataParallel",
    "MMFullyShardedDataParallel",
    "MMSeparateDistributedDataParallel",
    "ModuleDict",
    "ModuleList",
    "MomentumAnnealingEMA",
    "NormalInit",
    "ParameterError",
    "PretrainedInit",
    "Sequential",
    "StochasticWeightAverage",
    "TruncNormalInit",
    "UniformInit",
    "WeightedAverage",
    "XavierInit",
    "activation_count",
    "anomalous_params",
    "bias_init_with_prob",
    "caffe2_xavier_init",
    "compile_model",
    "complexity_stats_str",
    "complexity_stats_table",
    "constant_init",
    "convert_sync_batchnorm",
    "detect_anomalous_params",
    "flop_count",
    "get_model_complexity_info",
    "initialize",
    "is_model_wrapper",
    "kaiming_init",
    "materialize",
    "merge_dict",
    "normal_init",
    "parameter_count",
    "parameter_count_table",
    "parse_losses",
    "revert_sync_batchnorm",
    "select_modules",
    "stack_batch",
    "trunc_normal_init",
    "turn_on_activation_checkpointing",
    "turn_on_efficient_conv_bn_eval",
    "uniform_init",
    "update_init_info",
    "xavier_init",
]


def __getattr__(name: str) -> Any:
    if name == "MMFullyShardedDataParallel":
        from .wrappers.fsdp import MMFullyShardedDataParallel

        return MMFullyShardedDataParallel
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
