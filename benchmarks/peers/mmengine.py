"""MMEngine's Runner with its default hooks."""

import tempfile
import uuid

import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner

from .workload import LOG_EVERY, Net, loader


class Model(BaseModel):
    """The net, answering with a mapping of losses."""

    def __init__(self) -> None:
        super().__init__()
        self.net = Net()

    def forward(self, x, y, mode):
        return {"loss": self.net(x, y)}


def train(iterations: int) -> None:
    """Train for so many iterations."""
    with tempfile.TemporaryDirectory() as folder:
        Runner(
            model=Model(),
            work_dir=folder,
            train_dataloader=loader(iterations),
            train_cfg={"by_epoch": False, "max_iters": iterations},
            optim_wrapper={"optimizer": {"type": torch.optim.SGD, "lr": 0.01, "momentum": 0.9}},
            param_scheduler={"type": "CosineAnnealingLR", "by_epoch": False, "T_max": iterations},
            default_hooks={"logger": {"type": "LoggerHook", "interval": LOG_EVERY}},
            log_processor={"by_epoch": False},
            experiment_name=uuid.uuid4().hex,  # two of the same second would share a visualizer
            randomness={"seed": 0},
        ).train()
