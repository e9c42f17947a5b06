"""eng with its default hooks: history, log lines, checkpoints, timing, progress."""

import tempfile

import torch

from eng_model import BaseModel
from eng_runner import Runner

from .workload import LOG_EVERY, Net, loader

HOOKS: dict | None = {"logger": {"type": "LoggerHook", "interval": LOG_EVERY}}


class Model(BaseModel):
    """The net, answering with a mapping of losses."""

    def __init__(self) -> None:
        super().__init__()
        self.net = Net()

    def forward(self, x, y, mode):
        return {"loss": self.net(x, y)}


def train(iterations: int, hooks: dict | None = HOOKS) -> None:
    """Train for so many iterations."""
    with tempfile.TemporaryDirectory() as folder:
        Runner(
            model=Model(),
            work_dir=folder,
            train_dataloader=loader(iterations),
            train_cfg={"by_epoch": False, "max_iters": iterations},
            optim_wrapper={"optimizer": {"type": torch.optim.SGD, "lr": 0.01, "momentum": 0.9}},
            param_scheduler={"type": "CosineAnnealingLR", "by_epoch": False},
            default_hooks=hooks,
            log_processor={"by_epoch": False},
            randomness={"seed": 0},
        ).train()
