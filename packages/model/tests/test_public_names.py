"""The public surface is decided in one place, on purpose."""

import eng_model


def test_public_names_are_these() -> None:
    """A new public name is a decision: add it here too."""
    assert eng_model.__all__ == PUBLIC


def test_every_public_name_is_there() -> None:
    """What `__all__` promises can be imported."""
    assert all(hasattr(eng_model, name) for name in PUBLIC)


PUBLIC = [
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
