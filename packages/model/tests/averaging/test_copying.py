"""Copies that share nothing."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor

from eng_model.averaging.copying import independent_copy


def test_a_plain_model_is_copied_without_gradients() -> None:
    """The original keeps its own."""
    net = nn.Sequential(nn.Linear(1, 1), nn.ReLU())
    copied = independent_copy(net)
    assert torch.equal(copied[0].weight, net[0].weight)
    assert copied[0].weight is not net[0].weight
    assert net[0].weight.requires_grad
    assert not copied[0].weight.requires_grad


@pytest.mark.usefixtures("group_of_one")
def test_a_sharded_model_is_copied_without_what_shards_it() -> None:
    """Classes are the first ones, no hook is left, and the original still works."""
    net = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 2), nn.Dropout()))
    heard: list[str] = []
    net[1].register_forward_hook(lambda *_: heard.append("mine"))
    mesh = init_device_mesh("cpu", (1,))
    fully_shard(net[1], mesh=mesh)
    fully_shard(net, mesh=mesh)
    copied = independent_copy(net)
    assert [type(part) for part in copied.modules()] == [
        nn.Sequential,
        nn.Linear,
        nn.Sequential,
        nn.Linear,
        nn.Dropout,
    ]
    for part in copied.modules():
        hooks = [
            hook
            for name, value in vars(part).items()
            if name.endswith("_hooks") and value
            for hook in value.values()
        ]
        assert len(hooks) == (part is copied[1])
    assert isinstance(copied[0].weight, DTensor)
    assert copied[0].weight.to_local().data_ptr() != net[0].weight.to_local().data_ptr()
    copied.load_state_dict(net.state_dict())
    assert isinstance(net, FSDPModule)
    net(torch.ones(1, 2)).sum().backward()
    assert heard == ["mine"]
    assert copied[0].weight.grad is None
