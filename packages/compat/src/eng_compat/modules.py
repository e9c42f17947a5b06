"""The modules below the documented ones, which downstream code imports from too. Facts, no objects."""

_BELOW = {
    "registry": "build_functions default_scope registry root utils",
    "config": "config lazy utils",
    "fileio": (
        "backends backends.base backends.http_backend backends.lmdb_backend backends.local_backend "
        "backends.memcached_backend backends.petrel_backend backends.registry_utils file_client handlers "
        "handlers.base handlers.json_handler handlers.pickle_handler handlers.registry_utils "
        "handlers.yaml_handler io parse"
    ),
    "logging": "history_buffer logger message_hub",
    "dist": "dist utils",
    "device": "utils",
    "structures": "base_data_element instance_data label_data pixel_data",
    "dataset": "base_dataset dataset_wrapper sampler utils",
    "model": (
        "averaged_model base_model base_model.base_model base_model.data_preprocessor base_module "
        "efficient_conv_bn_eval test_time_aug utils weight_init wrappers wrappers.distributed "
        "wrappers.fully_sharded_distributed wrappers.seperate_distributed wrappers.utils"
    ),
    "optim": (
        "optimizer optimizer.amp_optimizer_wrapper optimizer.apex_optimizer_wrapper optimizer.base "
        "optimizer.builder optimizer.default_constructor optimizer.optimizer_wrapper "
        "optimizer.optimizer_wrapper_dict optimizer.zero_optimizer scheduler scheduler.lr_scheduler "
        "scheduler.momentum_scheduler scheduler.param_scheduler"
    ),
    "evaluator": "evaluator metric utils",
    "visualization": "utils vis_backend visualizer",
    "runner": (
        "_flexible_runner activation_checkpointing amp base_loop checkpoint log_processor loops priority "
        "runner utils"
    ),
    "hooks": (
        "checkpoint_hook early_stopping_hook ema_hook empty_cache_hook hook iter_timer_hook logger_hook "
        "naive_visualization_hook param_scheduler_hook profiler_hook runtime_info_hook sampler_seed_hook "
        "sync_buffer_hook test_time_aug_hook"
    ),
    "infer": "infer",
    "_strategy": "base distributed fsdp single_device utils",
    "analysis": "complexity_analysis jit_analysis jit_handles print_helper",
    "hub": "hub",
    "testing": "compare runner_test_case",
    "utils": (
        "dl_utils dl_utils.collect_env dl_utils.hub dl_utils.misc dl_utils.parrots_wrapper dl_utils.setup_env "
        "dl_utils.time_counter dl_utils.torch_ops dl_utils.trace manager misc package_utils path "
        "progressbar progressbar_rich timer version_utils"
    ),
    "version": "",
}

MODULES = frozenset(
    f"mmengine.{name}{below}"
    for name, modules in _BELOW.items()
    for below in ("", *(f".{module}" for module in modules.split()))
)
"""Every module name that can be imported, `mmengine` itself aside."""
