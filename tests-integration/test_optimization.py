"""The documented ways to give a runner its optimizer and its schedules, and that what it does is what the plan said."""

import pytest
import torch
from torch import nn
from torch.optim import SGD
from torch.utils.data import DataLoader, TensorDataset

from eng_model import BaseModel
from eng_optim import MultiStepLR, plan
from eng_runner import Hook, Runner

EPOCH = 4


class Line(BaseModel):
    def __init__(self):
        super().__init__()
        self.fit = nn.Linear(1, 1)

    def forward(self, x, y, mode="tensor"):
        return {"loss": (self.fit(x) - y).square()} if mode == "loss" else self.fit(x)


class Watch(Hook):
    """Keeps the rate and the momentum of every iteration."""

    def __init__(self):
        self.rates, self.momenta = [], []

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.rates += runner.optim_wrapper.get_lr()["lr"]
        self.momenta += runner.optim_wrapper.get_momentum()["momentum"]


def train(work_dir, model, epochs, **settings):
    watch = Watch()
    x = torch.linspace(0, 1, 2 * EPOCH).view(-1, 1)
    Runner(
        model=model,
        work_dir=str(work_dir),
        train_dataloader=DataLoader(TensorDataset(x, 2 * x), batch_size=2),
        train_cfg={"by_epoch": True, "max_epochs": epochs},
        custom_hooks=[watch],
        **settings,
    ).train()
    return watch


def test_built_by_hand(tmp_path):
    """An optimizer within `optim_wrapper`, and a schedule of it, are taken as they are."""
    model = Line()
    optimizer = SGD(model.parameters(), lr=0.01, momentum=0.9)
    schedule = MultiStepLR(optimizer, milestones=[8, 11], gamma=0.1)
    watch = train(tmp_path, model, 12, optim_wrapper={"optimizer": optimizer}, param_scheduler=schedule)
    assert watch.rates == pytest.approx([0.01] * 8 * EPOCH + [0.001] * 3 * EPOCH + [0.0001] * EPOCH)


SCHEDULES = {
    "epochs": {"type": "MultiStepLR", "by_epoch": True, "milestones": [3, 5], "gamma": 0.1},
    "iterations": {"type": "MultiStepLR", "by_epoch": False, "milestones": [6, 8], "gamma": 0.1},
    "converted": {
        "type": "MultiStepLR", "by_epoch": True, "milestones": [3, 5], "gamma": 0.1, "convert_to_iter_based": True,
    },
    "cosine": {"type": "CosineAnnealingLR", "by_epoch": True, "T_max": 6},
    "smooth cosine": {"type": "CosineAnnealingLR", "by_epoch": True, "T_max": 6, "convert_to_iter_based": True},
    "warm-up, then milestones": [
        {"type": "LinearLR", "start_factor": 0.001, "by_epoch": False, "begin": 0, "end": 5},
        {"type": "MultiStepLR", "by_epoch": True, "milestones": [3, 5], "gamma": 0.1},
    ],
    "warm-up, then cosine": [
        {"type": "LinearLR", "start_factor": 0.001, "by_epoch": False, "begin": 0, "end": 10},
        {"type": "CosineAnnealingLR", "T_max": 14, "by_epoch": False, "begin": 10, "end": 24},
    ],
    "with the momentum": [
        {"type": "LinearLR", "start_factor": 0.1, "by_epoch": False, "begin": 0, "end": 10},
        {"type": "LinearMomentum", "start_factor": 0.001, "by_epoch": False, "begin": 0, "end": 10},
    ],
    "by name of the value": {
        "type": "LinearParamScheduler", "param_name": "lr", "start_factor": 0.001, "by_epoch": False, "end": 10,
    },
}  # fmt: skip


@pytest.mark.parametrize("schedules", SCHEDULES.values(), ids=SCHEDULES)
def test_what_was_planned_happens(schedules, tmp_path):
    """From a configuration: the values of a training are those of `plan`, iteration by iteration."""
    optimizer = {"type": "SGD", "lr": 0.01, "momentum": 0.9, "weight_decay": 0.0001}
    watch = train(tmp_path, Line(), 6, optim_wrapper={"optimizer": optimizer}, param_scheduler=schedules)
    planned = plan(schedules, 6 * EPOCH, optimizer=optimizer, epoch_length=EPOCH)
    assert watch.rates == pytest.approx(planned["lr"].tolist(), rel=1e-12)
    if "momentum" in planned:
        assert watch.momenta == pytest.approx(planned["momentum"].tolist(), rel=1e-12)
