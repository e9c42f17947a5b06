"""Gradients that are sharded, among them those that the CPU offload keeps in the memory of the host."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from host_waits import HostWaits
from torch import distributed, nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.tensor import DTensor, Partial, Placement, Replicate, Shard
from torch.distributed.tensor._dtensor_spec import DTensorSpec, TensorMeta
from torch.distributed.tensor.placement_types import _StridedShard
from torch.optim import SGD
from torch.testing._internal.distributed.fake_pg import FakeStore

from eng_optim import AmpOptimWrapper, OptimWrapper, SettingError
from eng_optim.shards import compute_device, groups_of, part_of


@pytest.fixture
def mesh() -> Iterator[DeviceMesh]:
    """Two processes that can send only what is on the accelerator, as with NCCL; `meta` stands for it."""
    distributed.init_process_group("meta:fake", store=FakeStore(), rank=0, world_size=2)
    yield init_device_mesh("meta", (2,))
    distributed.destroy_process_group()


def offloaded(mesh: DeviceMesh, part: torch.Tensor, *placements: Placement) -> DTensor:
    """What `fully_shard` makes of a parameter with CPU offload: a part of the host in a mesh of accelerators."""
    shape = torch.Size((part.shape[0] * 2, *part.shape[1:]))
    stride = torch.empty(shape, device="meta").stride()
    spec = DTensorSpec(mesh, placements or (Shard(0),), tensor_meta=TensorMeta(shape, stride, part.dtype))
    return DTensor(part, spec, requires_grad=False)


def parameter(mesh: DeviceMesh, *gradient: float) -> nn.Parameter:
    """An offloaded parameter of zeros with that gradient."""
    weight = nn.Parameter(offloaded(mesh, torch.zeros(len(gradient))))
    weight.grad = offloaded(mesh, torch.tensor(gradient))
    return weight


def test_a_group_of_accelerators_takes_nothing_of_the_host(mesh: DeviceMesh) -> None:
    """The stand-in for NCCL refuses what NCCL refuses."""
    with pytest.raises(RuntimeError, match="No backend type associated with device type cpu"):
        distributed.all_reduce(torch.ones(1))


def test_the_mesh_decides_what_computes(mesh: DeviceMesh) -> None:
    """An offloaded parameter is not one of the CPU: autocast and scaler are for the accelerator."""
    weight = parameter(mesh, 1.0)
    assert weight.device.type == "cpu"
    assert compute_device(weight).type == "meta"
    assert AmpOptimWrapper(dtype="bfloat16", optimizer=SGD([weight], lr=1.0)).device_type == "meta"
    assert AmpOptimWrapper(optimizer=SGD([nn.Parameter(torch.ones(1))], lr=1.0)).device_type == "cpu"


def test_offloaded_gradients_are_clipped_by_the_norm_of_all(mesh: DeviceMesh) -> None:
    """One number goes to the accelerator, is sent from there, and comes back to the gradients."""
    weights = [parameter(mesh, 3.0, 4.0), parameter(mesh, 5.0)]
    wrapper = OptimWrapper(SGD(weights, lr=1.0), clip_grad={"max_norm": 1.0})
    with HostWaits() as seen:
        wrapper.step()
    assert seen.sent == ["allreduce_"]
    assert seen.waits == ["_to_copy", "_to_copy"]
    assert wrapper.grad_norm is not None
    assert wrapper.grad_norm.is_meta
    assert part_of(weights[0].grad).tolist() == [0.0, 0.0]  # the factor has no value here, and is read as 0


@pytest.mark.parametrize("weight", [3.0, torch.tensor(3.0), torch.empty((), device="meta")])
def test_weights_of_losses_are_sent_by_the_accelerator(mesh: DeviceMesh, weight: Any) -> None:
    """Wherever the weight is; the sum over the ranks comes to the gradients."""
    wrapper = OptimWrapper(SGD([parameter(mesh, 3.0, 4.0)], lr=1.0))
    with HostWaits() as seen:
        wrapper._add_weight(weight)
        wrapper._divide_by(wrapper._window_weight)
    assert seen.sent == ["allreduce_"]
    assert part_of(wrapper.optimizer.param_groups[0]["params"][0].grad).tolist() == [0.0, 0.0]


def test_an_overflow_is_agreed_on_by_the_accelerator(mesh: DeviceMesh) -> None:
    """The gradients are unscaled where they are; whether one overflowed is a number of the accelerator."""
    weight = parameter(mesh, 4.0, 8.0)
    wrapper = AmpOptimWrapper(dtype="float16", loss_scale=4.0, optimizer=SGD([weight], lr=1.0))
    scaler = wrapper.loss_scaler
    scaler.scale(torch.ones(()))
    scaler.unscale_(wrapper.optimizer)
    assert part_of(weight.grad).tolist() == [1.0, 2.0]
    assert [found.device.type for found in scaler._found_inf_per_device(wrapper.optimizer).values()] == [
        "meta"
    ]


def test_groups_are_those_that_shard(mesh: DeviceMesh) -> None:
    """What is replicated counts once; what is not reduced yet cannot be used."""
    part = torch.ones(1)
    assert groups_of(part) == ()
    assert groups_of(offloaded(mesh, part)) == (mesh.get_group(0),)
    assert groups_of(offloaded(mesh, part, Replicate())) == ()
    with pytest.raises(SettingError, match="not reduced over its processes yet"):
        groups_of(offloaded(mesh, part, Partial()))


def test_what_is_split_and_then_sharded_is_a_part_twice() -> None:
    """Tensor parallelism under `fully_shard`: torch does not call the outer one of the two placements a shard."""
    distributed.init_process_group("meta:fake", store=FakeStore(), rank=0, world_size=4)
    try:
        both = init_device_mesh("meta", (2, 2))
        gradient = offloaded(both, torch.ones(1), _StridedShard(0, split_factor=2), Shard(0))
        assert groups_of(gradient) == (both.get_group(0), both.get_group(1))
    finally:
        distributed.destroy_process_group()
