"""Settings as a configuration writes them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import distributed, nn
from torch.distributed.fsdp import CPUOffloadPolicy, MixedPrecisionPolicy, OffloadPolicy, ShardingStrategy

from eng_model import MMFullyShardedDataParallel
from eng_model.wrappers.fsdp_settings import (
    function_of,
    mesh_of,
    offload_of,
    policy_of,
    precision_of,
    strategy_of,
)
from eng_registry import FUNCTIONS

pytestmark = pytest.mark.usefixtures("group_of_one")


def test_values_of_the_right_kind_mean_torchs_objects() -> None:
    """Strings for members of an enumeration, a bool for a policy, a mapping for another."""
    assert strategy_of(None) == strategy_of("FULL_SHARD") == strategy_of(ShardingStrategy.FULL_SHARD)
    assert type(offload_of(None)) is type(offload_of(False)) is OffloadPolicy
    assert type(offload_of(True)) is CPUOffloadPolicy
    assert precision_of({"param_dtype": "bfloat16", "buffer_dtype": torch.float16}) == (
        MixedPrecisionPolicy(param_dtype=torch.bfloat16),
        torch.float16,
    )
    ready = MixedPrecisionPolicy(output_dtype=torch.float32)
    assert precision_of(ready) == (ready, None)


def test_functions_have_names() -> None:
    """In the registry of functions; a mapping adds arguments."""

    @FUNCTIONS.register_module()
    def shard_linear(module: nn.Module, recurse: bool, nonwrapped_numel: int, least: int = 0) -> bool:
        return recurse or (isinstance(module, nn.Linear) and nonwrapped_numel >= least)

    try:
        net = nn.Sequential(nn.Linear(1, 1), nn.ReLU())
        policy = policy_of(net, {"type": "shard_linear", "least": 2})
        assert policy(module=net[0], recurse=False, nonwrapped_numel=2)
        assert not policy(module=net[0], recurse=False, nonwrapped_numel=1)
        assert policy_of(net, "shard_linear") is policy_of(net, shard_linear) is shard_linear
    finally:
        del FUNCTIONS.module_dict["shard_linear"]
    assert FUNCTIONS.get("transformer_auto_wrap_policy") is not None


@pytest.mark.parametrize(
    ("settings", "error", "text"),
    [
        ({"sharding_strategy": "FUL_SHARD"}, ValueError, "FULL_SHARD"),
        ({"sharding_strategy": "NO_SHARD"}, ValueError, "MMDistributedDataParallel"),
        ({"sharding_strategy": 1}, TypeError, "sharding_strategy is a int"),
        ({"cpu_offload": "yes"}, TypeError, "cpu_offload is a str"),
        ({"mixed_precision": "bf16"}, TypeError, "mixed_precision is a str"),
        ({"mixed_precision": {"param_dtype": "bf16"}}, ValueError, "no dtype 'bf16'"),
        ({"mixed_precision": {"param_dtype": "nn"}}, TypeError, "'nn' is no dtype"),
        ({"mixed_precision": {"params": "float16"}}, ValueError, "param_dtype"),
        ({"auto_wrap_policy": "nobody"}, ValueError, "auto_wrap_policy='nobody' is not in the registry"),
        ({"auto_wrap_policy": 3}, TypeError, "auto_wrap_policy is a int"),
        ({"auto_wrap_policy": ["Lineer"]}, AttributeError, "Linear"),
        ({"param_init_fn": {"name": "x"}}, TypeError, "param_init_fn is a dict"),
        ({"ignored_modules": [3]}, TypeError, "ignored_modules holds a int"),
        ({"ignored_parameters": [3]}, TypeError, "ignored_parameters holds a int"),
        ({"ignored_parameters": ["wieght"]}, ValueError, "weight"),
        ({"backward_prefetch": "BACKWARD_POST"}, ValueError, "always prefetched"),
        ({"backward_prefetch": 1}, TypeError, "backward_prefetch is a int"),
        ({"use_orig_params": False}, ValueError, "use_orig_params"),
        ({"process_group": "all"}, TypeError, "process_group is a str"),
    ],
)
def test_what_makes_no_sense_is_refused(settings: Any, error: type[Exception], text: str) -> None:
    """With the name of the setting and what there is instead."""
    with pytest.raises(error, match=text):
        MMFullyShardedDataParallel(nn.Linear(1, 1), **settings)


def test_what_is_always_so_may_be_said() -> None:
    """Older configurations do."""
    MMFullyShardedDataParallel(nn.Linear(1, 1), backward_prefetch="BACKWARD_PRE", use_orig_params=True)


def test_a_group_alone_cannot_be_hybrid() -> None:
    """There would be nobody to replicate over."""
    with pytest.raises(ValueError, match="mesh"):
        mesh_of(distributed.new_group([0]), "HYBRID_SHARD")


def test_a_name_that_is_no_function_is_refused() -> None:
    """A setting of several lines is still named."""
    with pytest.raises(ValueError, match="param_init_fn='nobody'"):
        function_of("param_init_fn", {"type": "nobody", "gain": 2})
