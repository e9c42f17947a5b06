"""Names of MMEngine that are left out, and what to use instead. The error for each says so."""

_PETREL = "an S3 URI with eng_fileio (`pip install eng-fileio[remote]`)"
_FILES = "the functions of `mmengine.fileio` (`get`, `put`, `exists`, ...) or `get_file_backend`"
_COLOSSAL = "`FSDPStrategy`"
_AMP = "`AmpOptimWrapper`, torch's own mixed precision"
_ZOO = "a URL, or `torchvision://<name>` of the installed torchvision"
_CONV_BN = "`turn_on_efficient_conv_bn_eval`, which does all of it"
_OPTIMIZER = "`mmengine.registry.OPTIMIZERS.register_module` for optimizers of other packages"
_HANDLES = "`FlopAnalyzer`, whose handles these were, and `set_op_handle` for further ones"
_NO_PARSING = "`Config.fromfile`: how it reads a file is not public"
_LOG = "`eng_logging.LineFormatter`"

LEFT_OUT: dict[str, str] = {
    "colossalai": _COLOSSAL,
    "deepspeed": "`DeepSpeedStrategy`",
    "_internal": "`torch.testing._internal.common_distributed`",
    "visualize": "`eng_optim.plan`, which computes the values of schedules without a training",
    "fake_run": "`eng_optim.plan`, which computes the values of schedules without a training",
    "FileClient": _FILES,
    "HardDiskBackend": "`LocalBackend`",
    "PetrelBackend": _PETREL,
    "MemcachedBackend": "`LmdbBackend`, or a local folder",
    "backend_instances": _FILES,
    "prefix_to_backends": "`register_backend`",
    "file_handlers": "`register_handler`",
    "set_default": "`JsonHandler`, which writes arrays itself",
    "ApexOptimWrapper": _AMP,
    "apex_amp": _AMP,
    "NPUProfilerHook": "`ProfilerHook`",
    "check_kineto": "`ProfilerHook`: every torch that we run on has the profiler",
    "FlexibleRunner": "`Runner(strategy=...)`",
    "ColossalAIStrategy": _COLOSSAL,
    "ColossalAIOptimWrapper": _COLOSSAL,
    "ColossalAIModelWrapper": _COLOSSAL,
    "DeepSpeedOptimWrapper": "`DeepSpeedStrategy`, which brings its own",
    "MMDeepSpeedEngineWrapper": "`DeepSpeedStrategy`, which makes the engine",
    "MetaTensorContext": "`torch.device('meta')` as a context",
    "FSDP": "`FSDPStrategy`",
    "FSDP_CONFIGS": "`FSDPStrategy`",
    "get_max_musa_memory": "`get_max_cuda_memory`",
    "get_external_models": _ZOO,
    "get_mmcls_models": _ZOO,
    "get_deprecated_model_names": _ZOO,
    "get_torchvision_models": _ZOO,
    "load_from_openmmlab": _ZOO,
    "load_from_mmcls": _ZOO,
    "load_from_pavi": _ZOO,
    "load_from_ceph": _PETREL,
    "wrap_forward": "`turn_on_activation_checkpointing`",
    "efficient_conv_bn_eval_control": _CONV_BN,
    "efficient_conv_bn_eval_forward": _CONV_BN,
    "efficient_conv_bn_eval_graph_transform": _CONV_BN,
    "turn_on_efficient_conv_bn_eval_for_single_model": _CONV_BN,
    "register_bitsandbytes_optimizers": _OPTIMIZER,
    "register_dadaptation_optimizers": _OPTIMIZER,
    "register_lion_optimizers": _OPTIMIZER,
    "register_sophia_optimizers": _OPTIMIZER,
    "register_torch_npu_optimizers": _OPTIMIZER,
    "register_transformers_optimizers": _OPTIMIZER,
    "addmm_flop_jit": _HANDLES,
    "batchnorm_flop_jit": _HANDLES,
    "bmm_flop_jit": _HANDLES,
    "conv_flop_jit": _HANDLES,
    "einsum_flop_jit": _HANDLES,
    "linear_flop_jit": _HANDLES,
    "matmul_flop_jit": _HANDLES,
    "norm_flop_counter": _HANDLES,
    "ImportTransformer": _NO_PARSING,
    "RemoveAssignFromAST": _NO_PARSING,
    "MMFormatter": _LOG,
    "FilterDuplicateWarning": "Python's `logging.Filter`",
    "InferencerMeta": "`BaseInferencer`",
    "MultiProcessTestCase": "`torch.testing._internal.common_distributed.MultiProcessTestCase`",
}
"""The name -> what there is instead."""
