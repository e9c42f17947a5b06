"""The optimizer whose state is divided among the ranks."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Adam

from eng_optim import OptimWrapper, SettingError, StepLR, ZeroRedundancyOptimizer, build_optim_wrapper

pytestmark = pytest.mark.filterwarnings("ignore:.*TorchScript.*:DeprecationWarning")


def network() -> nn.Sequential:
    """The same two layers each time."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 1))


def step(model: nn.Module, wrapper: OptimWrapper) -> None:
    """One iteration on fixed data."""
    wrapper.update_params(model(torch.arange(6.0).reshape(2, 3)).square().mean())


def test_two_ranks_equal_one_optimizer(two_ranks: Callable[..., list[Any]]) -> None:
    """Divided or not, the parameters move alike, schedule included; the whole state is on rank 0."""
    cfg = {"optimizer": {"type": "ZeroRedundancyOptimizer", "optimizer_type": "Adam", "lr": 0.1}}

    def train(rank: int) -> tuple[list[float], int, int]:
        model = DistributedDataParallel(network())
        wrapper = build_optim_wrapper(model, cfg)
        schedule = StepLR(wrapper, step_size=1, by_epoch=False)
        for _ in range(3):
            step(model, wrapper)
            schedule.step()
        mine = len(wrapper.optimizer.optim.state)  # type: ignore[attr-defined]  # of this rank alone
        weights: list[float] = nn.utils.parameters_to_vector(model.parameters()).tolist()
        return weights, mine, len(wrapper.state_dict().get("state", ()))

    (first, *of_first), (second, *of_second) = two_ranks(train)
    model = network()
    wrapper = OptimWrapper(Adam(model.parameters(), lr=0.1))
    schedule = StepLR(wrapper, step_size=1, by_epoch=False)
    for _ in range(3):
        step(model, wrapper)
        schedule.step()
    assert (
        first == second == pytest.approx(nn.utils.parameters_to_vector(model.parameters()).tolist(), abs=1e-6)
    )
    assert (of_first[0] + of_second[0], of_first[1], of_second[1]) == (4, 4, 0)
    assert 0 < of_first[0] < 4


def test_unknown_optimizer() -> None:
    """Only an optimizer of torch.optim can be divided."""
    distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    try:
        for name in ("Adamm", "lr_scheduler", "_functional"):
            with pytest.raises(SettingError, match=f"not '{name}'"):
                ZeroRedundancyOptimizer(network().parameters(), optimizer_type=name)
    finally:
        distributed.destroy_process_group()
