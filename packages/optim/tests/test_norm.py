"""The norm of all gradients: narrow types, several devices and types, parts of several processes."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, Replicate, Shard, distribute_tensor, init_device_mesh
from torch.optim import SGD

from eng_optim import AmpOptimWrapper, OptimWrapper, total_norm

POWERS = [2.0, 1.0, 3.5, float("inf"), float("-inf")]


@pytest.mark.parametrize("power", POWERS)
def test_it_is_torchs_norm(power: float) -> None:
    """To the bit, where torch's own is right."""
    gradients = [torch.randn(3, 5), torch.randn(7), torch.randn(2, 2)]
    assert torch.equal(total_norm(gradients, power), nn.utils.get_total_norm(gradients, power))


def test_no_gradients() -> None:
    """As in torch, the norm of nothing is 0."""
    assert total_norm([]) == 0.0


@pytest.mark.parametrize("foreach", [None, False])
def test_a_norm_of_halves_does_not_overflow(foreach: bool | None) -> None:
    """Of finite gradients the norm is finite: in float16 it is infinite, which makes all gradients 0."""
    gradient = torch.full((4,), 40000.0, dtype=torch.float16)
    assert nn.utils.get_total_norm([gradient]).isinf()
    norm = total_norm([gradient, torch.full((9,), 10000.0)], foreach=foreach)
    assert norm.dtype == torch.float32
    assert norm.item() == pytest.approx(85440.0, rel=1e-4)
    assert total_norm([gradient], float("inf")).item() == 40000.0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_gradients_of_a_narrow_type_are_clipped(dtype: torch.dtype) -> None:
    """Not zeroed, and to the limit."""
    weight = nn.Parameter(torch.zeros(4, dtype=dtype))
    weight.grad = torch.full((4,), 40000.0, dtype=dtype)
    wrapper = OptimWrapper(SGD([weight], lr=1.0), clip_grad={"max_norm": 2.0})
    wrapper.step()
    assert weight.tolist() == pytest.approx([-1.0] * 4, rel=1e-2)
    assert wrapper.grad_norm is not None
    assert wrapper.grad_norm.item() == pytest.approx(80000.0, rel=1e-2)


@pytest.mark.parametrize("bad", [float("inf"), float("nan")])
def test_a_norm_that_is_not_finite_can_be_an_error(bad: float) -> None:
    """If it is asked for: looking at it is a wait for the device."""
    weight = nn.Parameter(torch.zeros(1, dtype=torch.float16))
    weight.grad = torch.tensor([bad], dtype=torch.float16)
    wrapper = OptimWrapper(SGD([weight], lr=1.0), clip_grad={"max_norm": 2.0, "error_if_nonfinite": True})
    with pytest.raises(RuntimeError, match=f"norm of all gradients is {bad}"):
        wrapper.step()


def test_parts_of_two_processes(two_ranks: Callable[..., list[Any]]) -> None:
    """Sharded, replicated and whole gradients together have the norm of the whole, in one message per kind."""
    whole = [torch.randn(5, 3), torch.randn(4), torch.randn(2)]

    def norms(rank: int) -> list[list[Any]]:
        mesh = init_device_mesh("cpu", (2,))
        kinds = [
            [distribute_tensor(each, mesh, [Shard(0)]) for each in whole],
            [
                distribute_tensor(whole[0], mesh, [Shard(0)]),
                distribute_tensor(whole[1], mesh, [Replicate()]),
                whole[2],
            ],
        ]
        return [[total_norm(gradients, power).item() for power in POWERS] for gradients in kinds]

    expected = [total_norm(whole, power).item() for power in POWERS]
    for results in two_ranks(norms):
        for result in results:
            assert result == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("bad", [float("inf"), float("nan")])
def test_one_process_with_a_gradient_that_is_not_finite(
    bad: float, two_ranks: Callable[..., list[Any]]
) -> None:
    """All of them learn it, by any norm: a maximum would lose what is not a number."""

    def finite(rank: int) -> list[bool]:
        part = torch.tensor([bad if rank == 0 else 1.0])
        gradient = DTensor.from_local(part, init_device_mesh("cpu", (2,)), [Shard(0)])
        return [bool(torch.isfinite(total_norm([gradient], power))) for power in (2.0, float("inf"))]

    assert two_ranks(finite) == [[False, False]] * 2


def test_a_model_of_shards_and_wholes_trains(two_ranks: Callable[..., list[Any]]) -> None:
    """With weights of losses, clipping and scaler: what is ignored by the sharding stays a plain tensor."""

    def train(rank: int) -> list[Any]:
        torch.manual_seed(0)
        model = nn.Linear(2, 4)
        expected = nn.Linear(2, 4)
        expected.load_state_dict(model.state_dict())
        fully_shard(model, ignored_params={model.bias})
        seen: list[Any] = []
        for net in (model, expected):
            optimizer = SGD(net.parameters(), lr=1.0)
            wrapper = AmpOptimWrapper(
                dtype="float16", loss_scale=8.0, optimizer=optimizer, clip_grad={"max_norm": 0.5}
            )
            wrapper.update_params(net(torch.ones(3, 2)).square().mean(), weight=3.0)
            weight = net.weight.full_tensor() if isinstance(net.weight, DTensor) else net.weight
            seen.append([*weight.flatten().tolist(), *net.bias.tolist(), wrapper.grad_norm.item()])
        return seen

    for sharded, whole in two_ranks(train):
        assert sharded == pytest.approx(whole, rel=1e-5)
