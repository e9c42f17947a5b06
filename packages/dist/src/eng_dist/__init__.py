"""Collectives that also work in one process, launchers, devices, seeds."""

from eng_dist.agreement import StopAgreement
from eng_dist.collectives import (
    all_gather,
    all_reduce,
    all_reduce_dict,
    all_reduce_params,
    barrier,
    broadcast,
    gather,
)
from eng_dist.devices import (
    cast_data_device,
    get_comm_device,
    get_data_device,
    get_device,
    get_max_memory_mib,
    is_cuda_available,
    is_mps_available,
)
from eng_dist.environment import (
    get_backend,
    get_default_group,
    get_dist_info,
    get_local_group,
    get_local_rank,
    get_local_size,
    get_rank,
    get_world_size,
    init_local_group,
    is_distributed,
    is_main_process,
)
from eng_dist.failure import RemoteRankError, Scope, abort_on_error
from eng_dist.launch import destroy, infer_launcher, init_dist
from eng_dist.launchers import LaunchError, MissingVariableError
from eng_dist.main_only import master_only
from eng_dist.objects import all_gather_object, broadcast_object_list, gather_object
from eng_dist.results import collect_results, collect_results_cpu, collect_results_gpu
from eng_dist.seed import rng_state, seed_everything, set_rng_state, sync_random_seed
from eng_dist.trace import CollectiveMismatchError, check_collectives

__all__ = [
    "CollectiveMismatchError",
    "LaunchError",
    "MissingVariableError",
    "RemoteRankError",
    "Scope",
    "StopAgreement",
    "abort_on_error",
    "all_gather",
    "all_gather_object",
    "all_reduce",
    "all_reduce_dict",
    "all_reduce_params",
    "barrier",
    "broadcast",
    "broadcast_object_list",
    "cast_data_device",
    "check_collectives",
    "collect_results",
    "collect_results_cpu",
    "collect_results_gpu",
    "destroy",
    "gather",
    "gather_object",
    "get_backend",
    "get_comm_device",
    "get_data_device",
    "get_default_group",
    "get_device",
    "get_dist_info",
    "get_local_group",
    "get_local_rank",
    "get_local_size",
    "get_max_memory_mib",
    "get_rank",
    "get_world_size",
    "infer_launcher",
    "init_dist",
    "init_local_group",
    "is_cuda_available",
    "is_distributed",
    "is_main_process",
    "is_mps_available",
    "master_only",
    "rng_state",
    "seed_everything",
    "set_rng_state",
    "sync_random_seed",
]
