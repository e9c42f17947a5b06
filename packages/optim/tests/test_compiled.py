"""The compiled step, with a schedule."""

from typing import Any

import pytest
import torch
from torch import nn
from torch._dynamo.testing import CompileCounter
from torch.optim import SGD, AdamW

from eng_optim import ExponentialLR, OptimWrapper, build_optim_wrapper


@pytest.mark.parametrize("kind", [SGD, AdamW])
def test_compiled_step_is_the_same(kind: Any) -> None:
    """A compiled step with a schedule gives the numbers of the plain one, and is compiled once for all rates."""
    counter = CompileCounter()
    weights, rates = [], []
    for compile_with in (False, {"backend": counter}):
        torch.manual_seed(0)
        model = nn.Linear(3, 2)
        wrapper = OptimWrapper(
            kind(model.parameters(), lr=0.1), clip_grad={"max_norm": 1}, compile=compile_with
        )
        schedule = ExponentialLR(wrapper, gamma=0.9, by_epoch=False)
        for _ in range(12):
            wrapper.update_params(model(torch.ones(1, 3)).square().sum())
            schedule.step()
        weights.append(model.weight.detach())
        rates.append(wrapper.get_lr()["lr"])
    torch.testing.assert_close(weights[0], weights[1])
    assert rates[1] == pytest.approx(rates[0], rel=1e-6)
    # Once for the first step, which makes the state, and once for all others.
    assert 1 <= counter.frame_count <= 4


def test_state_of_a_plain_optimizer() -> None:
    """Rates are tensors again after the state of a plain optimizer was loaded."""
    model = nn.Linear(1, 1)
    cfg = {"optimizer": {"type": "SGD", "lr": 0.5}}
    state = build_optim_wrapper(model, cfg).state_dict()
    wrapper = build_optim_wrapper(model, {**cfg, "compile": True})
    wrapper.load_state_dict(state)
    assert torch.equal(wrapper.optimizer.param_groups[0]["lr"], torch.tensor(0.5))
    assert wrapper.get_lr() == {"lr": [0.5]}
