"""What every engine trains: two linear layers, data in memory, SGD, a cosine schedule, the loss every 10 steps."""

import sys
import time

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

BATCH = 16
LOG_EVERY = 10


class FirstIterationDone(BaseException):
    """Raised by the second forward pass, when only the first iteration was asked for."""


class Net(nn.Module):
    """16 -> 32 -> 4, cross entropy."""

    stop_at_second_call = False

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 4))
        self.called = False

    def forward(self, x, y):
        if Net.stop_at_second_call:
            self.note_first_iteration()
        return F.cross_entropy(self.layers(x), y)

    def note_first_iteration(self) -> None:
        """End the process at the second call, saying when that was."""
        if self.called:
            print(f"FIRST {time.monotonic()}", file=sys.__stdout__, flush=True)
            raise FirstIterationDone
        self.called = True


def loader(iterations: int) -> DataLoader:
    """As many shuffled batches as there are iterations."""
    torch.manual_seed(0)
    data = TensorDataset(torch.randn(BATCH * iterations, 16), torch.randint(4, (BATCH * iterations,)))
    return DataLoader(data, batch_size=BATCH, shuffle=True)


def optimizer(model: nn.Module) -> torch.optim.Optimizer:
    """Plain SGD with momentum."""
    return torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)


def schedule(of: torch.optim.Optimizer, iterations: int) -> torch.optim.lr_scheduler.LRScheduler:
    """One half wave over the run."""
    return torch.optim.lr_scheduler.CosineAnnealingLR(of, T_max=iterations)


def show(step: int, loss: torch.Tensor) -> None:
    """The line of an engine that has none of its own."""
    if step % LOG_EVERY == 0:
        print(f"{step} {loss.item():.4f}")
