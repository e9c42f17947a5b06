"""Parameters that a loss does not reach."""

import logging

import pytest
import torch
from torch import nn

from eng_model import anomalous_params, detect_anomalous_params


class Partly(nn.Module):
    """Uses one of its two layers, and a parameter that is frozen."""

    def __init__(self) -> None:
        super().__init__()
        self.used = nn.Linear(2, 2)
        self.idle = nn.Linear(2, 2)
        self.frozen = nn.Parameter(torch.ones(1), requires_grad=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.used(x) * 2 + self.used(x)


def test_trainable_parameters_outside_the_graph_are_found() -> None:
    """A frozen parameter is no surprise and not reported."""
    model = Partly()
    assert anomalous_params(model(torch.ones(1, 2)).sum(), model) == ["idle.weight", "idle.bias"]


def test_they_are_logged_as_errors(caplog: pytest.LogCaptureFixture) -> None:
    """One line each."""
    model = Partly()
    with caplog.at_level(logging.ERROR, logger="eng_model"):
        detect_anomalous_params(model(torch.ones(1, 2)).sum(), model)
    assert [record.getMessage().split()[0] for record in caplog.records] == ["idle.weight", "idle.bias"]


def test_a_loss_without_a_graph_reaches_nothing() -> None:
    """A constant trains nobody."""
    model = nn.Linear(1, 1)
    assert anomalous_params(torch.tensor(1.0), model) == ["weight", "bias"]
