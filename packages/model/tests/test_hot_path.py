"""What a training step costs in calls, on top of the raw loop."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import nullcontext
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from eng_model import BaseModel


class Net(BaseModel):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))

    def forward(self, inputs: Tensor, data_samples: Any = None, mode: str = "tensor") -> Any:
        return {"loss": functional.mse_loss(self.body(inputs), data_samples)}


class RawWrapper:
    """Nothing but the raw loop's three lines."""

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self.optimizer = optimizer
        self.nothing: nullcontext[None] = nullcontext()

    def optim_context(self, model: nn.Module) -> nullcontext[None]:
        return self.nothing

    def update_params(self, loss: Tensor) -> None:
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()


def _calls(step: Callable[[], Any]) -> int:
    """Python and C calls of one step, once everything is warm."""
    for _ in range(3):
        step()
    count = 0

    def note(frame: FrameType, event: str, arg: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    previous = sys.getprofile()
    sys.setprofile(note)
    try:
        step()
    finally:
        sys.setprofile(previous)
    return count


def test_a_training_step_adds_thirteen_calls_to_the_raw_loop() -> None:
    """Moving the batch, choosing the mode and sorting the losses; four more calls are the wrapper's."""
    model = Net()
    wrapper = RawWrapper(torch.optim.SGD(model.parameters(), lr=0.1))
    inputs, targets = torch.ones(4, 8), torch.ones(4, 1)
    batch = {"inputs": inputs, "data_samples": targets}

    def raw() -> None:
        loss = model(inputs, targets)["loss"]
        loss.backward()
        wrapper.optimizer.step()
        wrapper.optimizer.zero_grad()

    def ours() -> None:
        model.train_step(batch, wrapper)

    assert _calls(ours) - _calls(raw) <= 13 + 4
