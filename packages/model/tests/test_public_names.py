"""The public surface is decided in one place, on purpose."""

import eng_model


def test_public_names_are_these() -> None:
    """A new public name is a decision: add it here too."""
    assert eng_model.__all__ == PUBLIC


def test_every_public_name_is_there() -> None:
    """What `__all__` promises can be imported."""
    assert all(hasattr(eng_model, name) for name in PUBLIC)


PUBLIC = [
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
